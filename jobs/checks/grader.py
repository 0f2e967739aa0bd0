"""Checks of the reward grader: does it come to a sound number for whatever it may be given?"""

from collections.abc import Sequence

from charts.wording import apart, counted
from jobs.checks.facts import FULL, Facts, OddGrade, Source
from jobs.checks.finding import Finding, Level
from jobs.core.errors import BotError, PlatformRejected
from jobs.graders import Grade, GraderErrorKind, fingerprint, models_of, parse_grader
from jobs.tasks import Row
from jobs.tasks.labels import REFERENCE

_TRUSTED = 0.8
"""Share of a judge's grades that people should find right."""
_SAME = 1e-6
_ANSWERS_FAULT = frozenset({GraderErrorKind.SAMPLE_PARSE_ERROR, GraderErrorKind.INVALID_VARIABLE_ERROR})


def right_answers(facts: Facts) -> Finding | None:
    """The grader must grade well-formed answers without an error, and the reference itself should earn the most."""
    trial = facts.trials.get(Source.REFERENCE)
    if trial is None:
        return None
    failed = [(row, grade) for row, grade in zip(trial.rows, trial.grades, strict=True) if grade.errors]
    if failed:
        row, grade = failed[0]
        said = (
            f"The grader {facts.task.reward} fails on {len(failed)} of {len(trial.grades)} well-formed answers; on row "
            f"{row.id}: {_why(grade)}. Correct the grader or the rows before a launch."
        )
        return Finding("right_answers", Level.BLOCK, said, {"failed": len(failed), "graded": len(trial.grades)})
    mean, lowest = trial.mean or 0.0, min(trial.rewards)
    numbers = {"mean": mean, "lowest": lowest, "graded": len(trial.grades)}
    graded = f"The grader {facts.task.reward} grades all {len(trial.grades)} well-formed answers without an error."
    if facts.right is None:
        return Finding("right_answers", Level.NOTE, f"{graded} {_not_known(facts)}", numbers)
    if facts.reference != REFERENCE:
        said = f"{graded} `{facts.reference}` in the form that it pays best earns {mean:.2f} on average."
        return Finding("right_answers", Level.OK, said, numbers)
    if not facts.labelled:
        return Finding("right_answers", Level.OK, graded, numbers)
    if facts.share(lowest) >= FULL:
        said = f"The reference answer earns {lowest:.2f} or more on each of {len(trial.grades)} rows."
        return Finding("right_answers", Level.OK, said, numbers)
    worst = trial.rows[[grade.reward for grade in trial.grades].index(lowest)]
    said = (
        f"The reference answer itself earns only {mean:.2f} on average, and {lowest:.2f} on row {worst.id}: an answer "
        "that is right is not paid in full. Check that the grader compares the right fields."
    )
    return Finding("right_answers", Level.WARN, said, numbers)


def other_graders(facts: Facts) -> Finding | None:
    """A grader beside the reward that fails on well-formed answers is of no use to evals and evidence."""
    if not facts.others:
        return None
    said: list[str] = []
    for trial in facts.others:
        failed = [(row, grade) for row, grade in zip(trial.rows, trial.grades, strict=True) if grade.errors]
        if failed:
            row, grade = failed[0]
            said.append(
                f"The grader {trial.grader} fails on {len(failed)} of {len(trial.grades)} well-formed answers; on row "
                f"{row.id}: {_why(grade)}."
            )
    if said:
        told = " ".join([*said, "It is not the reward, but checkpoints are evaluated by it; correct or remove it."])
        return Finding("other_graders", Level.BLOCK, told, {"failing": len(said), "tried": len(facts.others)})
    graded = f"{counted(len(facts.others), 'grader')} beside the reward grade well-formed answers without an error."
    return Finding("other_graders", Level.OK, graded, {"failing": 0, "tried": len(facts.others)})


def checked_judges(facts: Facts) -> Finding | None:
    """A judge is to be checked by people before training climbs what it says."""
    graders = (parse_grader(definition, name) for name, definition in facts.task.graders.items())
    found = [facts.reviews.agreement(each.name, fingerprint(each)) for each in graders if models_of(each)]
    if not found:
        return None
    said = " ".join(each.sentence for each in found)
    numbers = {"judges": len(found), "unchecked": sum(not each.people for each in found)}
    shares = [each.drawn.interval for each in found if each.drawn and each.drawn.interval]
    if any(share.high < _TRUSTED for share in shares):
        wrong = f"{said} One that is so often wrong teaches what it gets wrong; correct its prompt or its model."
        return Finding("checked_judges", Level.WARN, wrong, numbers)
    if len(shares) == len(found) and all(share.low >= _TRUSTED for share in shares):
        return Finding("checked_judges", Level.OK, said, numbers)
    step = "Evaluate a model, then `/eval review <eval>` draws grades for you to check; 30 say a lot."
    return Finding("checked_judges", Level.NOTE, f"{said} {step}", numbers)


def odd_answers(facts: Facts) -> Finding | None:
    """Whatever a model may answer, the grader must come to an end, and had better not raise."""
    return _odd("odd_answers", facts.odd_answers, "answer")


def odd_references(facts: Facts) -> Finding | None:
    """A row whose reference is empty, of another type or missing must not break the grader."""
    finding = _odd("odd_references", facts.odd_rows, "row")
    if finding is None or finding.level is not Level.WARN:
        return finding
    failing = {odd.what for odd in facts.odd_rows if odd.grade.errors}
    alike = [(row.id, what) for row in facts.train if (what := _oddity(row)) in failing]
    if not alike:
        return Finding(
            finding.check, Level.NOTE, f"{finding.text} No row of the {facts.train_split} split is like that."
        )
    first, what = alike[0]
    are = "is" if len(alike) == 1 else "are"
    rows = f"{counted(len(alike), 'row')} of the {facts.train_split} split"
    said = f"{finding.text} {rows} {are} like that: {first} has {what}."
    return Finding(finding.check, Level.WARN, said, {**finding.numbers, "alike": len(alike)})


def _oddity(row: Row) -> str | None:
    """Return what a row is called that has no reference, or an empty one; 0 and false are references as any other."""
    match row.item.get(REFERENCE):
        case None:
            return "null as reference" if REFERENCE in row.item else "no reference"
        case "":
            return "an empty text as reference"
        case []:
            return "an empty list as reference"
        case _:
            return None


def _not_known(facts: Facts) -> str:
    """Return why no right answer is known."""
    missing = sum(row.item.get(REFERENCE) is None for row in facts.train)
    if missing:
        have = "has" if missing == 1 else "have"
        why = f"{counted(missing, 'row')} of the {facts.train_split} split {have} no {REFERENCE}"
    elif facts.task.response_format is None:
        why = f"their {REFERENCE} never earns the full reward, bare or in a form such as 'Answer: ...'"
    else:
        why = f"the response format does not say where their {REFERENCE} belongs"
    return f"No right answer is known, for {why}; so whether one earns more was not tried."


def finite_range(facts: Facts) -> Finding | None:
    """Every reward must be a finite number within the grader's range; of 0 to 1 where it has none."""
    grades = [grade for trial in facts.trials.values() for grade in trial.grades]
    grades += [odd.grade for odd in (*facts.odd_answers, *facts.odd_rows) if odd.grader == facts.task.reward]
    rewards = [grade.reward for grade in grades if not grade.errors]
    if not rewards:
        return None
    low, high = min(rewards), max(rewards)
    numbers = {"lowest": low, "highest": high, "graded": len(rewards)}
    lowest, highest = facts.range or (0.0, 1.0)
    is_within = lowest <= low and high <= highest
    if is_within:
        where = "0 to 1" if (lowest, highest) == (0.0, 1.0) else f"the grader's range of {lowest:g} to {highest:g}"
        said = f"{len(rewards):,} rewards lie from {low:.2f} to {high:.2f}, all finite and within {where}."
        return Finding("range", Level.OK, said, numbers)
    said = f"Rewards reach from {low:.2f} to {high:.2f}, "
    if facts.range:
        said += f"beyond the range of {lowest:g} to {highest:g} that the task gives for {facts.task.reward}."
    else:
        said += (
            f"and nothing says how far those of {facts.task.reward} may: `ranges: {{{facts.task.reward}: [lowest, "
            "highest]}` in task.yaml does."
        )
    return Finding("range", Level.WARN, said, numbers)


def platform_grader(facts: Facts) -> Finding | None:
    """The platform must grade as we do; a reward counts only where it raises no error flag."""
    title = facts.profile.title if facts.profile else "The platform"
    match facts.remote:
        case None:
            return None
        case PlatformRejected(code="not_found"):
            return Finding("platform_grader", Level.NOTE, f"{title} cannot try graders; only the check here was made.")
        case PlatformRejected():
            return Finding("platform_grader", Level.BLOCK, str(facts.remote))
        case BotError():
            return Finding("platform_grader", Level.NOTE, f"Not checked on the platform: {facts.remote}")
    trial = facts.remote
    if trial.errors:
        why = f": {trial.detail.rstrip('.')}" if trial.detail else ""
        said = f"{title} ran the grader {facts.task.trained_by} and raised {', '.join(trial.errors)}{why}."
        return Finding("platform_grader", Level.BLOCK, said)
    if facts.task.trained_by != facts.task.reward:
        said = (
            f"{title} runs the grader {facts.task.trained_by} without an error flag; it pays {trial.reward or 0.0:.2f}."
        )
        return Finding("platform_grader", Level.OK, said)
    here, there = facts.trials[Source.REFERENCE].grades[0].reward, trial.reward or 0.0
    numbers = {"here": here, "there": there}
    if abs(here - there) > _SAME:
        given, earned = apart(there, here)
        said = (
            f"{title} gives {given} for an answer that earns {earned} here. Evals here will not tell what "
            "training there does; look for a package or a version that differs."
        )
        return Finding("platform_grader", Level.WARN, said, numbers)
    said = f"{title} runs the grader {facts.task.reward} without an error flag and gives the same reward, {there:.2f}."
    return Finding("platform_grader", Level.OK, said, numbers)


def _odd(check: str, tried: Sequence[OddGrade], what: str) -> Finding | None:
    if not tried:
        return None
    graders = len({odd.grader for odd in tried})
    stopped = [odd for odd in tried if odd.grade.stopped]
    failed = [odd for odd in tried if _raises(odd.grade, what)]
    numbers = {"tried": len(tried), "failed": len(failed)}
    if stopped:
        first = stopped[0]
        kind = "an answer" if what == "answer" else f"a {what}"
        said = f"The grader {first.grader} does not come to an end on {kind} such as {first.what}: {_why(first.grade)}."
        return Finding(check, Level.BLOCK, said, numbers)
    if failed:
        first = failed[0]
        said = (
            f"{len(failed)} of {len(tried)} odd {what}s make a grader raise; {first.grader} on {first.what}: "
            f"{_why(first.grade)}. Each counts 0 in training, and many such errors fail a job."
        )
        return Finding(check, Level.WARN, said, numbers)
    said = f"{counted(graders, 'grader')} came through {len(tried)} odd {what}s without an error."
    return Finding(check, Level.OK, said, numbers)


def _raises(grade: Grade, what: str) -> bool:
    """Tell whether a grader failed by itself: that an odd answer is no JSON, or lacks a field, is its own fault."""
    kinds = {kind for kinds in grade.errors.values() for kind in kinds}
    return bool(kinds - _ANSWERS_FAULT if what == "answer" else kinds)


def _why(grade: Grade) -> str:
    return (grade.detail or ", ".join(kind for kinds in grade.errors.values() for kind in kinds)).rstrip(".")
