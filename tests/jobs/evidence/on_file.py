"""Answers on file, made up: tables of scores by model, grader, item and run."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Arm, Eval
from jobs.evals.stats.summary import summarise
from jobs.evidence.measure import measured
from jobs.evidence.records import Candidate, Evidence, EvidenceState, Role
from jobs.platforms.profiles import Price
from tests.jobs.evals.answers import an_eval
from tests.records import an_evidence

BASE, STEP_1, STEP_2, LIVE = "base-model", "tuned-1", "tuned-2", "live-model"
Table = Sequence[Sequence[float]]
"""Scores by item and run."""


class OnFile:
    """The answers of evals, in memory."""

    def __init__(
        self,
        answers: Mapping[str, Sequence[Answer]],
        items: Mapping[str, str] | None = None,
        fields: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._answers = answers
        self._fields = fields or {}
        self._items = items or {}

    def answers(self, eval_id: str, /) -> Iterator[Answer]:
        return iter(self._answers[eval_id])

    def items(self, _eval_id: str, /) -> Iterable[Item]:
        return [Item(item, text, fields=self._fields.get(item, {})) for item, text in self._items.items()]


def answered(tables: Mapping[str, Mapping[str, Table]]) -> list[Answer]:
    """Return the answers of every model: model to grader to its table."""
    return [
        Answer(
            item=f"i{item}",
            arm=model,
            run=run + 1,
            text="{}",
            scores={grader: table[item][run] for grader, table in graders.items()},
            input_tokens=100,
            output_tokens=20,
        )
        for model, graders in tables.items()
        for item in range(len(next(iter(graders.values()))))
        for run in range(len(next(iter(graders.values()))[item]))
    ]


def evaluated(tables: Mapping[str, Mapping[str, Table]], eval_id: str = "eval-valid2", split: str = "valid") -> Eval:
    """Return the eval that such tables are the result of."""
    graders = next(iter(tables.values()))
    table = next(iter(graders.values()))
    return an_eval(
        id=eval_id,
        split=split,
        arms=tuple(Arm(model) for model in tables),
        graders=tuple(graders),
        items=len(table),
        runs=len(table[0]),
    )


def lined_up(*models: str) -> tuple[Candidate, ...]:
    """Return the candidates, not yet measured, for the names above."""
    known = {
        BASE: Candidate(Role.BASE, BASE, "base"),
        STEP_1: Candidate(Role.CHECKPOINT, STEP_1, "step 1", "ckpt-1", 1),
        STEP_2: Candidate(Role.CHECKPOINT, STEP_2, "step 2", "ckpt-2", 2),
        LIVE: Candidate(Role.ALIAS, LIVE, "acts@production"),
    }
    return tuple(known[model] for model in models)


def measure(
    candidates: Sequence[Candidate],
    valid: Eval,
    file: OnFile,
    *others: Eval,
    alias_model: str | None = None,
    guardrails: Mapping[str, float] | None = None,
    price_of: Callable[[str], Price | None] = lambda _: None,
) -> Evidence:
    """Return the evidence on these evals, for checkpoints that the platform kept from three evaluations."""
    evals = {
        each.split: replace(each, summaries=summarise(each, file.answers(each.id), {})) for each in (valid, *others)
    }
    evidence = an_evidence(state=EvidenceState.GATHERING, candidates=tuple(candidates), alias_model=alias_model)
    return measured(evidence, evals, file, guardrails=guardrails or {}, price_of=price_of, evaluations=3)
