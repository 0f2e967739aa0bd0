"""The table of the evidence: a row for each model, a column for each figure that somebody has."""

from collections.abc import Callable
from typing import Final

from handlers.evidence.chart import in_use
from handlers.evidence.words import capital, figure, short_verdict
from handlers.slack.blocks import Block, cut
from jobs.core.records import Job
from jobs.evidence.records import Candidate, Evidence, Role
from jobs.views.wording import grader_name

MOST_ROWS: Final = 24
MOST_NAME: Final = 40
FIRST: Final = ("f1", "precision", "recall")
"""Graders that are shown beside the reward, where the task has them."""

Cell = Callable[[Candidate], str]


def evidence_table(job: Job, evidence: Evidence) -> Block:
    """Return the table: models by row, the most important figures at the left, where a phone shows them first."""
    rows = evidence.candidates[:MOST_ROWS]
    columns = [("Model", _name(evidence)), *_scores(job, evidence), *_costs(evidence)]
    cells = [[title for title, _ in columns], *([cell(each) for _, cell in columns] for each in rows)]
    return {
        "type": "table",
        "rows": [[{"type": "raw_text", "text": text} for text in row] for row in cells],
        "column_settings": [{"align": "left" if index == 0 else "right"} for index in range(len(columns))],
    }


def _name(evidence: Evidence) -> Cell:
    def name(candidate: Candidate) -> str:
        marked = in_use(candidate, evidence) and candidate.role is not Role.ALIAS
        return cut(candidate.name, MOST_NAME) + (" (in use)" if marked else "")

    return name


def shown_graders(job: Job, evidence: Evidence) -> tuple[str, ...]:
    """Return the graders a model is told in: the reward, then F1, precision and recall, as far as there are such."""
    known = {grader for each in evidence.candidates for grader in each.valid}
    return tuple(dict.fromkeys(name for name in (job.reward, *FIRST) if name in known))


def _scores(job: Job, evidence: Evidence) -> list[tuple[str, Cell]]:
    columns: list[tuple[str, Cell]] = []
    for grader in shown_graders(job, evidence):
        columns.append((capital(grader_name(grader)), _score(grader)))
        if grader == job.reward:
            columns += _comparisons(evidence)
            if any(grader in each.test for each in evidence.candidates):
                columns.append((f"{capital(grader_name(grader))} on the test split", _test_score(grader)))
    return columns


def _score(grader: str) -> Cell:
    return lambda candidate: figure(candidate.valid.get(grader))


def _test_score(grader: str) -> Cell:
    return lambda candidate: figure(candidate.test.get(grader))


def _comparisons(evidence: Evidence) -> list[tuple[str, Cell]]:
    columns: list[tuple[str, Cell]] = [("Against the base", _versus_base)]
    if any(each.versus_alias for each in evidence.candidates):
        columns.append((f"Against {evidence.alias or 'what is in use'}", _versus_alias))
    return columns


def _versus_base(candidate: Candidate) -> str:
    return short_verdict(candidate.versus_base)


def _versus_alias(candidate: Candidate) -> str:
    return short_verdict(candidate.versus_alias)


def costs(evidence: Evidence) -> list[float | None]:
    """Return what 1,000 calls of each model cost, in dollars."""
    return [each.cost for each in evidence.candidates]


def reasoning(evidence: Evidence) -> list[float | None]:
    """Return each model's reasoning tokens an answer."""
    return [each.reasoning_tokens for each in evidence.candidates]


def _costs(evidence: Evidence) -> list[tuple[str, Cell]]:
    """Return the columns of what answers cost; what is unknown or nothing for all is left out, and said elsewhere."""
    columns: list[tuple[str, Cell]] = []
    if any(reasoning(evidence)):
        columns.append(("Reasoning tokens", _reasoning))
    if any(costs(evidence)):
        columns.append(("1,000 calls", _cost))
    return columns


def _reasoning(candidate: Candidate) -> str:
    return "unknown" if candidate.reasoning_tokens is None else f"{candidate.reasoning_tokens:,.0f}"


def _cost(candidate: Candidate) -> str:
    return money(candidate.cost)


def money(dollars: float | None) -> str:
    """Return an amount such as `$1.20` or `$0.0034`, or that it is unknown."""
    if dollars is None:
        return "unknown"
    return f"${dollars:,.2f}" if dollars >= 1 or dollars == 0 else f"${dollars:.2g}"
