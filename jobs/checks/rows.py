"""Checks of the rows: does the platform take them, do they repeat, are their labels even, allowed and speaking?"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from charts.wording import counted, joined, listed, plural
from jobs.checks.facts import Facts, Repeat
from jobs.checks.finding import Finding, Level
from jobs.core.nearest import quoted
from jobs.graders import Grader, MultiGrader, extra_fields, needs_tool_calls, parse_grader, run_elsewhere
from jobs.graders.example_answers import as_text
from jobs.platforms.profiles import Profile
from jobs.tasks import Row, Task
from jobs.tasks.datasets.duplicates import text_of, words_of
from jobs.tasks.files import MIB, SPLIT_FILE
from jobs.tasks.labels import REFERENCE, as_label, imbalance, label_counts, row_labels
from jobs.tasks.records import TRAINING_SPLITS
from jobs.tasks.rows import tools_of, unfed

MOST_IMBALANCE = 3.0
"""The most frequent label over the rarest (monitoring practice: class max/min at most 3)."""
LEAKED = 0.05
"""Share of a split's rows that repeat one of another split exactly, from which on its scores say little."""
RESERVED = ("tools", "parallel_tool_calls")
_CODE = re.compile(r"[A-Za-z]{0,3}[\W_]*[0-9][\w./:-]*|[A-Z]{1,4}", re.ASCII)
_PROSE_WORDS = 8


def platform_rows(facts: Facts) -> Finding:
    """The platform must take every row."""
    refused = [*facts.unreadable.values(), *_refused(facts), *_refused_by_platform(facts)]
    if refused:
        more = f" And {len(refused) - 3} more." if len(refused) > 3 else ""
        return Finding("platform_rows", Level.BLOCK, " ".join(refused[:3]) + more, {"reasons": len(refused)})
    if doubts := list(_doubts(facts)):
        return Finding("platform_rows", Level.NOTE, " ".join(doubts))
    where = facts.profile.title if facts.profile else "The row format"
    sizes = ", ".join(f"{split} {len(rows):,}" for split, rows in facts.rows.items())
    return Finding("platform_rows", Level.OK, f"{where} takes the rows: {sizes}.")


def repeats_within(facts: Facts) -> Finding:
    """A text that comes twice in a split counts twice in it."""
    found = [repeat for repeat in facts.repeats if repeat.split == repeat.earlier_split]
    if not found:
        return Finding("repeats_within", Level.OK, "No text comes twice or nearly twice within a split.")
    said = f"{_count(found)} of the same split: {_examples(found)}."
    split_minds = [
        each for each in found if each.exact and each.row.item.get(REFERENCE) != each.earlier.item.get(REFERENCE)
    ]
    if split_minds:
        said += (
            f" {len(split_minds)} of them have another reference than their twin, so one of the two must be wrong: "
            f"{_examples(split_minds)}."
        )
    return Finding("repeats_within", Level.WARN, said, {"rows": len(found), "other_reference": len(split_minds)})


def repeats_across(facts: Facts) -> Finding:
    """A text that is in two splits makes the second one's scores too good."""
    found = [repeat for repeat in facts.repeats if repeat.split != repeat.earlier_split]
    if not found:
        return Finding("repeats_across", Level.OK, "No text, or nearly the same text, is in two splits.")
    split, share = _largest_share(facts, found)
    said = (
        f"{_count(found)} of another split: {_examples(found)}. That is {share:.0%} of {split}, whose scores will look "
        "better than they are. Take them out, or draw new splits with /proctor dataset balance."
    )
    _, exactly = _largest_share(facts, [repeat for repeat in found if repeat.exact])
    level = Level.BLOCK if exactly >= LEAKED else Level.WARN
    return Finding("repeats_across", level, said, {"rows": len(found), "share": share})


def _largest_share(facts: Facts, found: Sequence[Repeat]) -> tuple[str, float]:
    """Return the split with the largest share of rows among these, and that share."""
    shares = {
        split: sum(repeat.split == split for repeat in found) / len(rows) for split, rows in facts.rows.items() if rows
    }
    return max(shares.items(), key=lambda pair: pair[1])


def balance(facts: Facts) -> Finding | None:
    """Labels that are much more frequent than others are what training will be about."""
    if not facts.train:
        return None
    if not facts.labelled:
        said = "The references are no sets of labels, so balance, names and trivial answers are not checked."
        return Finding("balance", Level.NOTE, said)
    counts = label_counts(facts.train)
    ratio = imbalance(counts) or 1.0
    (most, top), (rarest, fewest) = next(iter(counts.items())), list(counts.items())[-1]
    unseen = [label for label in (facts.shape.choices if facts.shape else ()) if label not in counts]
    counted_in = f"{quoted(most)} has {top} {facts.train_split} rows"
    said = f"{len(counts)} labels; {counted_in}, {quoted(rarest)} {fewest}: {ratio:.1f} times."
    if unseen:
        said += f" {len(unseen)} labels of the response format have no {facts.train_split} row: {_quoted(unseen)}."
    numbers = {"ratio": ratio, "labels": len(counts), "unseen": len(unseen)}
    if ratio > MOST_IMBALANCE:
        how = f"/proctor dataset balance task={facts.task.name}"
        said += f" More than {MOST_IMBALANCE:g} times is uneven; {how} makes it as even as the rows allow."
        return Finding("balance", Level.WARN, said, numbers, counts, facts.train_split)
    return Finding("balance", Level.NOTE if unseen else Level.OK, said, numbers, counts, facts.train_split)


def names(facts: Facts) -> Finding | None:
    """A model cannot know what a bare code stands for where the text is prose."""
    if not facts.labelled:
        return None
    labels = list(label_counts(facts.train))
    codes = [label for label in labels if _CODE.fullmatch(label)]
    lengths = sorted(len(words_of(text_of(row))) for row in facts.train[:500])
    is_prose = lengths[len(lengths) // 2] >= _PROSE_WORDS
    numbers = {"codes": len(codes), "labels": len(labels)}
    if is_prose and len(codes) * 2 > len(labels):
        said = (
            f"{len(codes)} of {len(labels)} labels are codes ({_quoted(codes)}), but the texts are prose. A model "
            "cannot know what a code stands for; give the labels names with a label map."
        )
        return Finding("names", Level.WARN, said, numbers)
    return Finding("names", Level.OK, "The labels are names that a model can read.", numbers)


def allowed_labels(facts: Facts) -> Finding | None:
    """A label that the response format does not allow can never be answered."""
    if not facts.labelled or facts.shape is None or not facts.shape.choices:
        return None
    choices = set(facts.shape.choices)
    every = list(chain.from_iterable(facts.rows.values()))
    wrong = [label for label in label_counts(every) if label not in choices]
    if wrong:
        rows = sum(not choices.issuperset(row_labels(row) or ()) for row in every)
        said = (
            f"{len(wrong)} labels of the references are not in the response format, so no model can give them: "
            f"{_quoted(wrong)}; {rows} rows have one. Add them to response_format.json."
        )
        return Finding("allowed_labels", Level.BLOCK, said, {"labels": len(wrong), "rows": rows})
    if other_form := _in_other_form(facts, every):
        differ, their = ("differs", "its") if len(other_form) == 1 else ("differ", "their")
        said = (
            f"{counted(len(other_form), 'label')} of the references {differ} from the response format in {their} "
            f"Unicode form alone: {_quoted(other_form)}. To people and to precision and recall here it is the same "
            "label, but a grader that compares texts finds two; write both in NFC."
        )
        return Finding("allowed_labels", Level.WARN, said, {"labels": len(other_form)})
    return Finding("allowed_labels", Level.OK, "The response format allows every label of the references.")


def _in_other_form(facts: Facts, rows: Sequence[Row]) -> list[str]:
    """Return the labels that stand in a reference in another Unicode form than in the response format."""
    assert facts.shape is not None
    spelled = {label: str(facts.shape.values.get(label, label)) for label in facts.shape.choices}
    texts = dict.fromkeys(text for row in rows for text in _texts(row.item.get(REFERENCE)))
    return [text for text in texts if spelled.get(as_label(text), text.strip()) != text.strip()]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def is_for_evals_only(task: Task) -> bool:
    """Tell whether a task has no rows to train on, as one that moved in from hosted Evals."""
    return "train" not in task.splits


def _refused(facts: Facts) -> Iterator[str]:
    for split in TRAINING_SPLITS:
        if is_for_evals_only(facts.task) or split in facts.task.splits:
            continue
        yield f"{facts.task.name} has no {split}.jsonl; a job needs a train and a valid split."
    prompt = len(facts.task.prompts.get(facts.task.default_prompt, "").encode())
    for split, rows in facts.rows.items():
        asked = [row for row in rows if row.messages is None]
        if asked and not facts.task.default_prompt:
            yield f"{len(asked)} rows of {split} have no messages, and the task has no prompt; add prompts/v1.md."
        shown = [row.id for row in rows if _shows_answer(row)]
        if shown:
            ends, its = plural(len(shown), "row ends", "rows end"), plural(len(shown), "its", "their")
            yield (
                f"{len(shown):,} {ends} with {its} own {REFERENCE} as the assistant's turn, so that every model is "
                f"shown it; the first is {split}/{shown[0]}. Take the turn out."
            )
        size = sum(len(text_of(row).encode()) for row in rows) + len(asked) * prompt
        if size > SPLIT_FILE:
            yield f"{split} would be a file of {size / MIB:.0f} MiB; a platform takes {SPLIT_FILE // MIB}."
        yield from _unfed(facts, rows)


def _unfed(facts: Facts, rows: Sequence[Row]) -> Iterator[str]:
    """Yield, for each grader that reads what rows lack, the first of them and how many there are."""
    for name, definition in facts.task.graders.items():
        if found := list(unfed(parse_grader(definition, name), rows)):
            more = f" So it is in {len(found)} of {len(rows)} rows." if len(found) > 1 else ""
            yield f"{found[0]}{more}"


def _refused_by_platform(facts: Facts) -> Iterator[str]:
    profile, train = facts.profile, facts.rows.get("train", ())
    if profile is None:
        return
    if train and len(train) < profile.min_rows:
        yield f"{len(train)} training rows are too few for {profile.title}, which takes {profile.min_rows} or more."
    grader = parse_grader(facts.task.training_grader, facts.task.trained_by)
    parts: list[Grader] = [grader, *(grader.parts if isinstance(grader, MultiGrader) else ())]
    if unfit := unfit_ends(profile, facts.rows):
        yield unfit
    if unfit := unfit_reward(profile, facts.task):
        yield unfit
    for kind in sorted({part.type for part in parts} - profile.grader_types):
        yield f"The reward uses a grader of type '{kind}', which {profile.title} does not run."


def _shows_answer(row: Row) -> bool:
    last, reference = row.messages[-1] if row.messages else None, row.item.get(REFERENCE)
    return last is not None and last.role == "assistant" and last.content == as_text(reference) != ""


def _doubts(facts: Facts) -> Iterator[str]:
    every = list(chain.from_iterable(facts.rows.values()))
    if is_for_evals_only(facts.task):
        yield f"{facts.task.name} has no train.jsonl: it can be evaluated; a job needs a train and a valid split."
    system = sum(any(message.role == "system" for message in row.messages or ()) for row in every)
    if system:
        yield f"{system} rows have a message with role 'system', which some platforms refuse; use 'developer'."
    offering = sum(bool(tools_of(row)) for row in every)
    if offering:
        yield (
            f"{counted(offering, 'row offers', 'rows offer')} tools, which evals and training send as they are; "
            "graders find what an answer calls in `sample.output_tools`."
        )
    if ending := sum(bool(row.messages) and row.messages[-1].role == "assistant" for row in every if row.messages):
        yield (
            f"{counted(ending, 'row ends', 'rows end')} with an assistant's turn, from which models go on. If that is "
            f"the answer, it belongs in {REFERENCE}."
        )
    if facts.profile and (unheeded := unheeded_tools(facts.profile, every)):
        yield unheeded
    reserved = sorted({key for row in every for key in RESERVED if key in row.item} if not offering else ())
    if reserved:
        yield f"Rows have the fields {', '.join(reserved)}, which platforms read as their own and not as the item's."
    if remark := measured_elsewhere(facts.task):
        yield remark
    for name, definition in facts.task.graders.items():
        if extra := extra_fields(parse_grader(definition, name)):
            yield f"The grader {name} has fields that I do not know and pass on as they are: {', '.join(extra)}."


def measured_elsewhere(task: Task) -> str | None:
    """Return how answers are measured where the grader that training climbs cannot be run here, as a sentence."""
    reason = run_elsewhere(parse_grader(task.training_grader, task.trained_by))
    if reason is None:
        return None
    if task.reward == task.trained_by:
        return f"{reason} {task.name} has no grader that runs here: its checkpoints cannot be measured."
    return f"{reason} Answers here are measured by {task.reward}."


def unfit_ends(profile: Profile, rows: Mapping[str, Sequence[Row]]) -> str | None:
    """Return which rows of the training splits a platform does not train on for their last turn, as a sentence."""
    of_training = [(split, row) for split in TRAINING_SPLITS for row in rows.get(split, ())]
    unfit = [each for each in of_training if each[1].messages and each[1].messages[-1].role not in profile.last_roles]
    if not unfit:
        return None
    split, row = unfit[0]
    role = row.messages[-1].role if row.messages else ""
    taken = joined([f"'{each}'" for each in profile.last_roles], "or")
    return (
        f"{counted(len(unfit), 'row ends', 'rows end')} with a turn that {profile.title} does not train on; the first "
        f"is {split}/{row.id}, with role '{role}'. Its rows end with role {taken}; evals take the others."
    )


def unfit_reward(profile: Profile, task: Task) -> str | None:
    """Return why a platform's answers could never earn the reward of a task, as a sentence."""
    if profile.calls_tools or not needs_tool_calls(parse_grader(task.training_grader, task.trained_by)):
        return None
    return (
        f"{task.trained_by} grades what an answer calls (`sample.output_tools`), and the models of {profile.title} "
        "call no tool; set platform= to another one."
    )


def unheeded_tools(profile: Profile, rows: Sequence[Row]) -> str | None:
    """Return what a platform makes nothing of in rows with tools, as a sentence; None if there is no such thing."""
    if profile.calls_tools:
        return None
    offering = sum(bool(tools_of(row)) for row in rows)
    turns = sum(
        any(message.role == "tool" or "tool_calls" in message.more for message in row.messages or ()) for row in rows
    )
    told = [
        *([f"{counted(offering, 'row offers', 'rows offer')} tools"] if offering else []),
        *([f"{counted(turns, 'row has', 'rows have')} turns that call tools"] if turns else []),
    ]
    if not told:
        return None
    return f"{' and '.join(told)}: {profile.title} takes them, but its models call no tool."


def _count(found: Sequence[Repeat]) -> str:
    exact = sum(repeat.exact for repeat in found)
    return f"{counted(len(found), 'row repeats', 'rows repeat')} one ({exact} exactly)"


def _examples(found: Sequence[Repeat]) -> str:
    return listed([f"{each.split}/{each.row.id} = {each.earlier_split}/{each.earlier.id}" for each in found], 3)


def _quoted(labels: Sequence[str]) -> str:
    return listed([quoted(label) for label in labels], 5)
