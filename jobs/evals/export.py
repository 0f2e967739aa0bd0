"""An eval as a log of Inspect (https://inspect.aisi.org.uk), so that its viewer and its Python functions can read it.

An Inspect log is about one model: one file for each arm. An answer is a sample, its run the epoch. What is absent here
is absent there; an answer that failed is a sample with an error and without scores.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TextIO
from uuid import NAMESPACE_URL, uuid5

from charts.wording import finite
from jobs.core.series import JsonObject
from jobs.evals.answer_store import Item
from jobs.evals.records import NO_FORMAT, Answer, Arm, ArmSummary, Eval, EvalState, GraderSummary
from jobs.evals.report.data_blocks import Json, plain
from jobs.evals.reviews import NO_REVIEWS, Review, TaskReviews, reviews_of
from jobs.graders.sandbox.sample import read_json
from jobs.tasks.labels import reference_labels

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
    return f"{began}_{task}_{_id(evaluation.id, arm.name)}.json"


def write_inspect_log(
    log: TextIO,
    evaluation: Eval,
    arm: Arm,
    items: Iterable[Item],
    answers: Iterable[Answer],
    reviews: TaskReviews = NO_REVIEWS,
) -> None:
    """Write the answers of one arm as an Inspect log in JSON, with what people say of their grades.

    Blocks; items are held meanwhile, answers are not.
    """
    by_id = {item.id: item for item in items}
    log.write(_json(_head(evaluation, arm, list(by_id), reviews)).removesuffix("}") + ',"samples":[')
    separator = "\n"
    for answer in answers:
        if answer.arm == arm.name:
            item = by_id.get(answer.item)
            said = reviews_of(evaluation, item, answer, reviews)
            log.write(separator + _json(_sample(evaluation, arm, item, answer, said)))
            separator = ",\n"
    log.write("\n]}\n")


def _head(evaluation: Eval, arm: Arm, item_ids: list[str], reviews: TaskReviews) -> dict[str, Json]:
    summary = evaluation.summary(arm.name)
    head: dict[str, Json] = {
        "version": SCHEMA,
        "status": STATUS[evaluation.state],
        "eval": _spec(evaluation, arm, item_ids, reviews),
        # Its reader of heads insists on a plan, though ours has but one step.
        "plan": {"name": "generate", "steps": [{"solver": "generate", "params": {}}]},
        "results": _results(evaluation, summary) if summary else None,
        "stats": {
            "started_at": _time(evaluation.started_at),
            "completed_at": _time(evaluation.finished_at),
            "model_usage": _model_usage(arm, summary) if summary else {},
        },
    }
    if STATUS[evaluation.state] == "error":
        head["error"] = _error(evaluation.note or "the eval failed")
    return head


def _spec(evaluation: Eval, arm: Arm, item_ids: list[str], reviews: TaskReviews) -> Json:
    return {
        "eval_id": _id(evaluation.id, arm.name),
        "run_id": _id(evaluation.id),
        "created": _time(evaluation.created_at),
        "task": evaluation.task,
        "task_id": _id(evaluation.id, "task"),
        "task_version": evaluation.task_version,
        "dataset": {
            "name": evaluation.split,
            "samples": len(item_ids),
            "sample_ids": [*item_ids],
            "shuffled": False,
        },
        "model": arm.model,
        "model_generate_config": {"reasoning_effort": arm.effort} if arm.effort else {},
        "config": {"epochs": evaluation.runs},
        "metadata": {
            "eval": evaluation.id,
            "platform": evaluation.platform,
            "prompt": arm.prompt or evaluation.prompt,
            "prompt_hash": arm.prompt_hash or evaluation.prompt_hash,
            "reward": evaluation.reward,
            "pass_threshold": finite(evaluation.threshold),
            "scoring": evaluation.scoring,
            "constrained_to_schema": False if arm.format == NO_FORMAT else evaluation.constrained,
            "checked_by_people": [each.sentence for each in reviews.agreements(evaluation)],
        },
    }


def _results(evaluation: Eval, summary: ArmSummary) -> Json:
    return {
        "total_samples": evaluation.items * evaluation.runs,
        "completed_samples": summary.answers,
        "scores": [_score(summary, grader) for grader in summary.graders],
    }


def _score(summary: ArmSummary, grader: GraderSummary) -> Json:
    values = {"mean": grader.mean, "run_std": grader.run_std}
    if grader.interval:
        values |= {"ci95_low": grader.interval.low, "ci95_high": grader.interval.high}
    metrics: dict[str, Json] = {
        name: {"name": name, "value": value} for name, value in values.items() if finite(value) is not None
    }
    coverage = summary.coverage(grader.grader)
    return {
        "name": grader.grader,
        "scorer": grader.grader,
        "scored_samples": grader.graded,
        "unscored_samples": max(0, coverage.asked - coverage.scored),
        "metrics": metrics,
        "metadata": {"ungradable": grader.ungradable, "remark": coverage.remark},
    }


def _sample(
    evaluation: Eval, arm: Arm, item: Item | None, answer: Answer, said: Mapping[str, Sequence[Review]]
) -> dict[str, Json]:
    question = item.input if item else "(no longer in the split)"
    messages: list[Json] = [{"role": "user", "content": question}]
    if answer.text is not None:
        messages.append(_message(arm, answer))
    sample: dict[str, Json] = {
        "id": answer.item,
        "epoch": answer.run,
        "input": question,
        "target": _target(item.reference) if item else "",
        "messages": messages,
        "output": _output(arm, answer),
        # Only scores that are numbers: Inspect would count any other value as one.
        "scores": {
            grader: {"value": score, "answer": answer.shown, **_people(said.get(grader, ()))}
            for grader in evaluation.graders
            if (score := finite(answer.scores.get(grader))) is not None
        },
        "metadata": _troubles(answer),
        "model_usage": _model_usage(arm, answer),
        "total_time": finite(answer.latency),
        "uuid": _id(evaluation.id, arm.name, answer.item, str(answer.run)),
    }
    if answer.failure is not None:
        sample["error"] = _error(answer.failure)
    return sample


def _people(reviews: Sequence[Review]) -> dict[str, Json]:
    """Return what people say of a score; it stays as the grader gave it."""
    said: list[Json] = [
        {
            "who": review.user,
            "name": review.name,
            "at": _time(review.at),
            "of": review.graded,
            "right": review.is_right,
            "score": review.score,
            "drawn_at_random": review.is_drawn,
            "why": review.note,
        }
        for review in reviews
    ]
    return {"metadata": {"people": said}} if said else {}


def _troubles(answer: Answer) -> dict[str, Json]:
    """Return what graders broke on, and what they found nothing to grade in; the latter has scores all the same."""
    found = {"grader_errors": answer.grader_errors, "ungradable": answer.ungradable}
    return {name: dict(kinds) for name, kinds in found.items() if kinds}


def _output(arm: Arm, answer: Answer) -> Json:
    if answer.text is None:
        return {"model": arm.model, "choices": [], "completion": "", "error": answer.failure}
    reason = STOP_REASONS.get(answer.finish_reason or "", "unknown")
    return {
        "model": arm.model,
        "choices": [{"message": _message(arm, answer), "stop_reason": reason}],
        "completion": answer.text,
        "usage": _model_usage(arm, answer).get(arm.model),
        "time": finite(answer.latency),
    }


def _message(arm: Arm, answer: Answer) -> Json:
    message: dict[str, Json] = {"role": "assistant", "content": answer.text, "source": "generate", "model": arm.model}
    if answer.tool_calls:
        message["tool_calls"] = [_call(call) for call in answer.tool_calls]
    return message


def _call(call: JsonObject) -> Json:
    """Return a call as Inspect has it, with an object of arguments; what is no JSON object stands under `raw`."""
    function = call.get("function")
    name, said = (function.get("name"), function.get("arguments")) if isinstance(function, Mapping) else (None, None)
    arguments = read_json(said) if isinstance(said, str) else None
    shown = plain(arguments) if isinstance(arguments, dict) else {"raw": plain(said)}
    return {"id": str(call.get("id")), "type": "function", "function": str(name), "arguments": shown}


def _target(reference: object) -> Json:
    labels = reference_labels(reference)
    if labels is not None:
        return [*sorted(labels)]
    return reference if isinstance(reference, str) else _json(plain(reference))


def _model_usage(arm: Arm, used: Answer | ArmSummary) -> dict[str, Json]:
    if used.input_tokens is None and used.output_tokens is None:
        return {}
    tokens_in, tokens_out = used.input_tokens or 0, used.output_tokens or 0
    return {
        arm.model: {
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "reasoning_tokens": used.reasoning_tokens,
        }
    }


def _error(message: str) -> Json:
    return {"message": message, "traceback": "", "traceback_ansi": ""}


def _id(*parts: str) -> str:
    """Return the same id each time the same thing is exported, 22 letters and digits as Inspect's own are."""
    return uuid5(NAMESPACE_URL, f"proctor:{'/'.join(parts)}").hex[:22]


def _time(at: float | None) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at is not None else ""


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
