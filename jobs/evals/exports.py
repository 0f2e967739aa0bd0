"""An eval as a log of Inspect (https://inspect.aisi.org.uk), so that its viewer and its Python functions can read it.

An Inspect log is about one model: one file for each arm. An answer is a sample, its run the epoch. What is absent here
is absent there; an answer that failed is a sample with an error and without scores.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain, repeat
from pathlib import Path
from typing import Final, TextIO
from uuid import NAMESPACE_URL, uuid4, uuid5

from jobs.core.errors import NotFound
from jobs.core.labels import reference_labels
from jobs.evals.records import Answer, Arm, ArmSummary, Eval, EvalState, GraderSummary
from jobs.evals.report import ReportItem
from jobs.evals.report_data import Json, finite, plain

SCHEMA: Final = 2
"""Version of Inspect's log schema; read by inspect-ai 0.3.285."""
STATUS: Final[Mapping[EvalState, str]] = {
    EvalState.CHECKING: "started",
    EvalState.RUNNING: "started",
    EvalState.FINISHED: "success",
    EvalState.CANCELLED: "cancelled",
    EvalState.FAILED: "error",
    EvalState.REFUSED: "error",
}
STOP_REASONS: Final[Mapping[str, str]] = {
    "stop": "stop",
    "completed": "stop",
    "length": "max_tokens",
    "max_output_tokens": "max_tokens",
    "content_filter": "content_filter",
}


def inspect_log_name(evaluation: Eval, arm: Arm) -> str:
    """Return a file name by which Inspect's viewer knows a log: time, task, id."""
    began = datetime.fromtimestamp(evaluation.created_at, UTC).strftime("%Y-%m-%dT%H-%M-%S+00-00")
    task = "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in evaluation.task)
    return f"{began}_{task}_{_id(evaluation, arm.name)}.json"


def write_inspect_log(
    evaluation: Eval, arm: Arm, items: Iterable[ReportItem], answers: Iterable[Answer], out: Path
) -> None:
    """Write the answers of one arm as an Inspect log in JSON, all or nothing.

    Args:
        evaluation: what was asked and what it came to.
        arm: the arm; the answers of others are passed over.
        items: the split; held while the log is written.
        answers: as they lie on file, in any order; read once and not held.
        out: the log, see `inspect_log_name`; its folder must exist.

    Raises:
        NotFound: the eval has no such arm.

    It blocks; call it off the event loop.
    """
    if arm not in evaluation.arms:
        raise NotFound(f"{evaluation.id} has no arm '{arm.name}'; it has {', '.join(a.name for a in evaluation.arms)}.")
    by_id = {item.id: item for item in items}
    beside = out.with_name(f".{out.name}.{uuid4().hex}")
    try:
        # Half a surrogate pair, which a model can say, becomes a question mark: their loader refuses the whole log.
        with beside.open("w", encoding="utf-8", errors="replace", newline="\n") as log:
            _write(log, evaluation, arm, by_id, answers)
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def _write(log: TextIO, evaluation: Eval, arm: Arm, items: Mapping[str, ReportItem], answers: Iterable[Answer]) -> None:
    summary = evaluation.summary(arm.name)
    head: dict[str, Json] = {
        "version": SCHEMA,
        "status": STATUS[evaluation.state],
        "eval": _spec(evaluation, arm, list(items)),
        # Its reader of heads insists on a plan, though ours has but one step.
        "plan": {"name": "generate", "steps": [{"solver": "generate", "params": {}}]},
        "results": _results(evaluation, summary) if summary else None,
        "stats": _stats(evaluation, arm, summary),
    }
    if STATUS[evaluation.state] == "error":
        head["error"] = _error(evaluation.note or "the eval failed")
    log.write(_json(head).removesuffix("}") + ',"samples":[')
    separators = chain(("\n",), repeat(",\n"))
    log.writelines(next(separators) + _json(sample) for sample in _samples(evaluation, arm, items, answers))
    log.write("\n]}\n")


def _samples(
    evaluation: Eval, arm: Arm, items: Mapping[str, ReportItem], answers: Iterable[Answer]
) -> Iterator[dict[str, Json]]:
    for answer in answers:
        if answer.arm == arm.name:
            yield _sample(evaluation, arm, items.get(answer.item), answer)


def _sample(evaluation: Eval, arm: Arm, item: ReportItem | None, answer: Answer) -> dict[str, Json]:
    usage = _usage(answer.input_tokens, answer.output_tokens, answer.reasoning_tokens)
    asked = item.input if item else "(no longer in the split)"
    messages: list[Json] = [{"role": "user", "content": asked}]
    if answer.text is not None:
        messages.append(_message(arm, answer.text))
    sample: dict[str, Json] = {
        "id": answer.item,
        "epoch": answer.run,
        "input": asked,
        "target": _target(item.reference) if item else "",
        "messages": messages,
        "output": _output(arm, answer, usage),
        "scores": _scores(evaluation, answer),
        "metadata": {"grader_errors": dict(answer.grader_errors)} if answer.grader_errors else {},
        "model_usage": {arm.model: usage} if usage else {},
        "total_time": finite(answer.latency),
        "uuid": _id(evaluation, arm.name, answer.item, str(answer.run)),
    }
    if answer.failure is not None:
        sample["error"] = _error(answer.failure)
    return sample


def _message(arm: Arm, text: str) -> Json:
    return {"role": "assistant", "content": text, "source": "generate", "model": arm.model}


def _output(arm: Arm, answer: Answer, usage: Json) -> Json:
    if answer.text is None:
        return {"model": arm.model, "choices": [], "completion": "", "error": answer.failure}
    reason = STOP_REASONS.get(answer.finish_reason or "", "unknown")
    return {
        "model": arm.model,
        "choices": [{"message": _message(arm, answer.text), "stop_reason": reason}],
        "completion": answer.text,
        "usage": usage,
        "time": finite(answer.latency),
    }


def _scores(evaluation: Eval, answer: Answer) -> Json:
    """Only scores that are numbers: Inspect would count any other value as one."""
    return {
        grader: {"value": score, "answer": answer.text}
        for grader in evaluation.graders
        if (score := finite(answer.scores.get(grader))) is not None
    }


def _target(reference: object) -> Json:
    labels = reference_labels(reference)
    if labels is not None:
        return [*sorted(labels)]
    return reference if isinstance(reference, str) else _json(plain(reference))


def _spec(evaluation: Eval, arm: Arm, ids: list[str]) -> Json:
    return {
        "eval_id": _id(evaluation, arm.name),
        "run_id": _id(evaluation),
        "created": _time(evaluation.created_at),
        "task": evaluation.task,
        "task_id": _id(evaluation, "task"),
        "task_version": evaluation.task_version,
        "dataset": {"name": evaluation.split, "samples": len(ids), "sample_ids": [*ids], "shuffled": False},
        "model": arm.model,
        "model_generate_config": {"reasoning_effort": arm.effort} if arm.effort else {},
        "config": {"epochs": evaluation.runs},
        "metadata": {
            "eval": evaluation.id,
            "platform": evaluation.platform,
            "prompt": evaluation.prompt,
            "prompt_hash": evaluation.prompt_hash,
            "reward": evaluation.reward,
            "pass_threshold": finite(evaluation.threshold),
        },
    }


def _results(evaluation: Eval, summary: ArmSummary) -> Json:
    return {
        "total_samples": evaluation.items * evaluation.runs,
        "completed_samples": summary.answers - sum(summary.failures.values()),
        "scores": [_score(grader) for grader in summary.graders],
    }


def _score(grader: GraderSummary) -> Json:
    metrics: dict[str, Json] = {}
    values = {"mean": grader.mean, "run_std": grader.run_std}
    if grader.interval:
        values |= {"ci95_low": grader.interval.low, "ci95_high": grader.interval.high}
    for name, value in values.items():
        if finite(value) is not None:
            metrics[name] = {"name": name, "value": value}
    return {"name": grader.grader, "scorer": grader.grader, "scored_samples": grader.graded, "metrics": metrics}


def _stats(evaluation: Eval, arm: Arm, summary: ArmSummary | None) -> Json:
    used = _usage(summary.input_tokens, summary.output_tokens, summary.reasoning_tokens) if summary else None
    return {
        "started_at": _time(evaluation.started_at),
        "completed_at": _time(evaluation.finished_at),
        "model_usage": {arm.model: used} if used else {},
    }


def _usage(tokens_in: int | None, tokens_out: int | None, reasoning: int | None) -> Json:
    if tokens_in is None and tokens_out is None:
        return None
    return {
        "input_tokens": tokens_in or 0,
        "output_tokens": tokens_out or 0,
        "total_tokens": (tokens_in or 0) + (tokens_out or 0),
        "reasoning_tokens": reasoning,
    }


def _error(message: str) -> Json:
    return {"message": message, "traceback": "", "traceback_ansi": ""}


def _id(*parts: Eval | str) -> str:
    """The same id each time the same thing is exported, 22 letters and digits as Inspect's own are."""
    text = "/".join(part.id if isinstance(part, Eval) else part for part in parts)
    return uuid5(NAMESPACE_URL, f"proctor:{text}").hex[:22]


def _time(at: float | None) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at is not None else ""


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
