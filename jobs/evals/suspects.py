"""Suspect labels: items on which the runs of a variance study agree with each other and not with the reference.

Either the reference is wrong or the model is. A model that is often wrong about a label is no witness against it: one
that it rarely names where the references have it, or often names where they have not, makes no item suspect. These
rates are taken over the other items (as the thresholds by class in Northcutt, Jiang and Chuang, "Confident learning",
2021).

Where references are no labels, an item is suspect if nearly all runs give one answer, and a reward that looks at the
reference is low.
"""

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final, Literal, Self

from charts.wording import counted, percentage, plural
from jobs.evals.answer_form import AnswerForm
from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Eval
from jobs.evals.stats.summary import usable
from jobs.evals.stats.variance_study import LEAST_RUNS
from jobs.graders.sandbox.sample import read_json
from jobs.tasks import Row, Task
from jobs.tasks.datasets.answer_shape import AnswerShape, shape_of
from jobs.tasks.labels import REFERENCE, is_labelled, labels_of, relabelled

AGREED: Final = 0.8
"""Share of an item's runs that must agree on what is held against its reference."""
ALIKE: Final = 0.65
"""How like each other an item's runs must be on the whole."""
RELIABLE: Final = 0.6
"""Share of runs that agree, times how often the model is right about the label on other items, to be a witness."""
DOUBTED: Final = 0.65
"""Share of the references that the runs confirm, below which the model's mistakes are the likelier explanation."""
SMOOTHING: Final = 2.0
"""Items whose weight the average over all labels has in the rate of one."""
WRONG: Final = 0.5
"""Reward on a scale of 0 to 1, at most which an answer that is no label counts as unlike the reference."""
MOST_KEPT: Final = 200
MOST_TEXTS: Final = 4
"""Different answers to an item that are held while it is read."""
MOST_TEXT: Final = 600
"""Characters of an item's text, and of an answer, that are kept to be shown."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """An item whose reference may be wrong."""

    item: str
    input: str
    """The beginning of its text."""
    reference: object
    proposed: object
    """What the runs say, in the form of the reference."""
    why: str
    """On what the runs agree against it, in words."""
    suspicion: float
    """0..1, for the order: share of the runs that agree, times how reliable they are in that."""


Choice = Literal["keep", "drop", "fix"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a suspect item."""

    item: str
    choice: Choice
    user: str
    """Slack user id."""
    at: float
    """Unix seconds."""
    reference: object = None
    """The new one, if it is fixed."""


@dataclass(frozen=True, slots=True)
class SuspectLabels:
    """The suspect items of one variance study, and what people decide about them."""

    evaluation: str
    task: str
    task_version: str
    split: str
    channel: str
    arm: str
    items: int
    """Items of the study."""
    agreed: int
    """Items on which the runs agree with each other."""
    alike: int
    """Of these: on which they say what the reference says."""
    suspects: tuple[Suspect, ...]
    """The most suspect first."""
    found_at: float
    """Unix seconds."""
    decisions: tuple[Decision, ...] = ()
    """The last one on each item, in the order in which they were taken."""
    made: tuple[str, ...] = ()
    """Versions of the task that were made of the decisions."""
    unlisted: int = 0
    """Further suspects, which are not kept."""

    @property
    def sentence(self) -> str:
        """What was found, and how much the model's word is worth."""
        count = len(self.suspects) + self.unlisted
        are = plural(count, "disagrees", "disagree")
        said = (
            f"On {self.agreed:,} of {counted(self.items, 'item')} the runs of {self.arm} agree with each other; "
            f"{count:,} of these {are} with the reference, which may be wrong."
        )
        share = self.alike / self.agreed if self.agreed else 0.0
        if share < DOUBTED:
            said += f" They agree with only {percentage(share)} of the references: expect most to be its own mistakes."
        return said

    def decision(self, item: str) -> Decision | None:
        """Return what was decided about an item last, or None."""
        return next((each for each in self.decisions if each.item == item), None)

    def decided(self, decision: Decision) -> tuple[Decision, ...]:
        """Return the decisions with one more, in place of an earlier one on the same item."""
        return (*(each for each in self.decisions if each.item != decision.item), decision)


@dataclass(slots=True)
class _Read:
    """An item with what the runs answered: sets of labels, or texts that are compared as they are."""

    item: Item
    expected: frozenset[str]
    runs: list[frozenset[str]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """The first texts by their hash: what nearly all runs say is one of them, but for a rare run of chance."""
    rewards: list[float] = field(default_factory=list)

    def share(self, label: str) -> float:
        """Share of the runs that name a label."""
        return sum(label in run for run in self.runs) / len(self.runs)

    def noted(self, text: str) -> frozenset[str]:
        """Return what stands for a text; texts may be long, and an item has many runs."""
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if len(self.texts) < MOST_TEXTS:
            self.texts[key] = text
        return frozenset({key})

    @property
    def named(self) -> dict[str, float]:
        """Every label that a run names, with the share of the runs."""
        counts = Counter(label for run in self.runs for label in run)
        return {label: count / len(self.runs) for label, count in counts.items()}

    @property
    def is_agreed(self) -> bool:
        """Whether the runs agree: the mean over them of F1 against what most of them name."""
        return fmean(_f1(run, self.said) for run in self.runs) >= ALIKE

    @property
    def said(self) -> frozenset[str]:
        """What most runs name."""
        return frozenset(label for label, share in self.named.items() if share > WRONG)


def _f1(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0


def find_suspects(
    evaluation: Eval, task: Task, items: Iterable[Item], answers: Iterable[Answer], now: float
) -> SuspectLabels:
    """Return the suspect items of an eval's first arm, the most suspect first. Not for the event loop.

    Items with fewer than three answers, and those without a reference, are left out.
    """
    shape, known = shape_of(task.response_format), {item.id: item for item in items if item.reference is not None}
    labelled = (
        shape is not None
        and shape.is_sure
        and is_labelled([Row(item.id, {REFERENCE: item.reference}) for item in known.values()])
    )
    read = _read(evaluation, AnswerForm.of(task), shape if labelled else None, known, answers)
    # A reward that never looks at the reference says nothing against it.
    by_reference = REFERENCE in json.dumps(task.reward_grader)
    found = _of_labels(read) if labelled else _of_texts(read, evaluation) if by_reference else []
    ranked = sorted(found, key=lambda each: (-each.suspicion, each.item))
    agreed = [each for each in read if each.is_agreed]
    unlike = {each.item for each in ranked} if not labelled else set()
    return SuspectLabels(
        evaluation=evaluation.id,
        task=evaluation.task,
        task_version=evaluation.task_version,
        split=evaluation.split,
        channel=evaluation.request.channel,
        arm=evaluation.arms[0].name,
        items=evaluation.items,
        agreed=len(agreed),
        alike=sum(each.said == each.expected if labelled else each.item.id not in unlike for each in agreed),
        suspects=tuple(ranked[:MOST_KEPT]),
        found_at=now,
        unlisted=max(0, len(ranked) - MOST_KEPT),
    )


def _read(
    evaluation: Eval,
    form: AnswerForm,
    shape: AnswerShape | None,
    items: Mapping[str, Item],
    answers: Iterable[Answer],
) -> list[_Read]:
    found = {name: _Read(item, frozenset(labels_of(item.reference) or ())) for name, item in items.items()}
    for answer in answers:
        read = found.get(answer.item) if answer.arm == evaluation.arms[0].name else None
        if read is None or answer.shown is None:
            continue
        text = form.read((answer.names_labels if shape else answer.shown) or "")
        said = _labels(text, shape) if shape else read.noted(_plain(text))
        if said is not None:
            read.runs.append(said)
            if usable(reward := answer.scores.get(evaluation.reward)):
                read.rewards.append(reward)
    return [each for each in found.values() if len(each.runs) >= LEAST_RUNS]


def _labels(text: str, shape: AnswerShape) -> frozenset[str] | None:
    labels = labels_of(shape.value_in(read_json(text)))
    return None if labels is None else frozenset(labels)


def _plain(text: str) -> str:
    """Return an answer so that answers which mean the same are equal: JSON in one form, text in one spacing."""
    value = read_json(text)
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return unicodedata.normalize("NFC", " ".join(text.split()))


# -- labels -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rates:
    """How often the model is right about each label: hits and cases, and the average over all labels."""

    hits: Counter[str]
    cases: Counter[str]

    @classmethod
    def over(cls, pairs: Iterable[tuple[str, bool]]) -> Self:
        """Count cases of labels, and whether the model was right in each."""
        hits, cases = Counter[str](), Counter[str]()
        for label, is_right in pairs:
            cases[label] += 1
            hits[label] += is_right
        return cls(hits, cases)

    def without(self, label: str, *, is_right: bool) -> float:
        """Return the rate of a label over all items but one, in which it was right or not."""
        average = (self.hits.total() - is_right) / max(1, self.cases.total() - 1)
        hits, cases = self.hits[label] - is_right, self.cases[label] - 1
        return (hits + SMOOTHING * average) / (cases + SMOOTHING)


def _of_labels(read: Sequence[_Read]) -> list[Suspect]:
    finds = _Rates.over((label, each.share(label) > WRONG) for each in read for label in each.expected)
    names = _Rates.over((label, label in each.expected) for each in read for label in each.said)
    return [found for each in read if each.is_agreed and (found := _suspect(each, finds, names))]


def _suspect(read: _Read, finds: _Rates, names: _Rates) -> Suspect | None:
    """Return an item as suspect if the runs agree on a label against its reference, and are reliable in that."""
    differences: list[tuple[float, str]] = []
    runs = len(read.runs)
    for label, share in read.named.items():
        if label not in read.expected and share >= AGREED:
            rate = names.without(label, is_right=False)
            differences.append((share * rate, f"{round(share * runs)} of {runs} runs say {label}"))
    for label in read.expected:
        if (share := 1 - read.share(label)) >= AGREED:
            rate = finds.without(label, is_right=False)
            some = round((1 - share) * runs)
            differences.append((share * rate, f"{some} of {runs} say {label}" if some else f"no run gives {label}"))
    strong = [each for each in differences if each[0] >= RELIABLE]
    if not strong:
        return None
    in_order = [label for label in labels_of(read.item.reference) or () if label in read.said]
    said = [*in_order, *sorted(read.said.difference(in_order), key=lambda label: (-read.share(label), label))]
    why = ", ".join(words for _, words in sorted(strong, reverse=True))
    return _made(read, relabelled(read.item.reference, said), why, max(each[0] for each in strong))


def _made(read: _Read, proposed: object, why: str, suspicion: float) -> Suspect:
    return Suspect(read.item.id, read.item.input[:MOST_TEXT], read.item.reference, proposed, why, suspicion)


# -- anything else ----------------------------------------------------------------------------------------------------


def _of_texts(read: Sequence[_Read], evaluation: Eval) -> list[Suspect]:
    low, high = evaluation.ranges.get(evaluation.reward, (0.0, 1.0))
    agreed = [each for each in read if each.is_agreed and each.rewards]
    rewards = {each.item.id: (fmean(each.rewards) - low) / ((high - low) or 1.0) for each in agreed}
    reliable = fmean(reward > WRONG for reward in rewards.values()) if rewards else 0.0
    if reliable < RELIABLE:
        return []
    found = []
    for each in agreed:
        (key,), count = Counter(each.runs).most_common(1)[0]
        text = each.texts.get(key)
        if text is not None and count >= AGREED * len(each.runs) and rewards[each.item.id] <= WRONG:
            said = text if isinstance(each.item.reference, str) else read_json(text)
            proposed = each.item.reference if said is None else said
            why = f"{count} of {len(each.runs)} runs answer {text[:MOST_TEXT]}"
            found.append(_made(each, proposed, why, count / len(each.runs) * reliable))
    return found
