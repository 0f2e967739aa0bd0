"""The findings of a task's check as a message."""

from collections.abc import Mapping
from typing import Final

from charts import LabelCount, LabelDistribution, describe
from charts.wording import counted
from handlers.slack.blocks import Block, Message, context, cut, divider, escape, header, image, section
from jobs.checks.finding import Finding, Level, worst
from jobs.checks.rows import is_for_evals_only
from jobs.tasks import Task

WORDS: Final = {Level.OK: "Fine", Level.NOTE: "Note", Level.WARN: "Warning", Level.BLOCK: "Must be mended"}
VERDICTS: Final = {
    Level.OK: "Nothing stands in the way of a launch.",
    Level.NOTE: "Nothing stands in the way of a launch; there are notes.",
    Level.WARN: "It can be launched, but the result may mean less than it seems: read the warnings first.",
    Level.BLOCK: "Fix this before money is spent: a launch would fail, or teach nothing.",
}

VERDICTS_FOR_EVALS: Final = {
    Level.OK: "It can be evaluated; a launch needs a train split too.",
    Level.NOTE: "It can be evaluated, with notes; a launch needs a train split too.",
    Level.WARN: "It can be evaluated, but the result may mean less than it seems: read the warnings first.",
    Level.BLOCK: "Fix this before money is spent: an eval would fail, or tell nothing.",
}
"""Of a task without a train split."""


def label_frequencies(counts: Mapping[str, int], subtitle: str) -> LabelDistribution:
    """Return the picture of how often each label comes; there is at least one."""
    most, least = max(counts.values()), min(counts.values())
    uneven = f"The most frequent label comes {counted(most, 'time')}, the rarest {least:,}"
    return LabelDistribution(
        title=f"Each label comes {counted(most, 'time')}" if most == least else uneven,
        labels=tuple(LabelCount(label, count) for label, count in counts.items()),
        subtitle=subtitle,
    )


def label_chart(task: Task, findings: tuple[Finding, ...]) -> LabelDistribution | None:
    """Return the picture of how often each label comes, if labels were counted."""
    if not (labels := _counted(findings)):
        return None
    return label_frequencies(labels.counts, f"{task.name} · {labels.split} split")


def _counted(findings: tuple[Finding, ...]) -> Finding | None:
    return next((finding for finding in findings if finding.counts), None)


def check_message(task: Task, findings: tuple[Finding, ...], file: str | None) -> Message:
    """Return what was found about a task, the worst first, and what is fine in one block."""
    told = sorted((f for f in findings if f.level is not Level.OK), key=lambda finding: -finding.level.rank)
    fine = "\n".join(f"\u2022 {escape(finding.text)}" for finding in findings if finding.level is Level.OK)
    verdict = (VERDICTS_FOR_EVALS if is_for_evals_only(task) else VERDICTS)[worst(findings)]
    blocks: list[Block] = [header(f"Check of {task.name}"), section(f"*{verdict}*")]
    blocks += [section(f"*{WORDS[finding.level]}* · {escape(finding.text)}") for finding in told]
    if fine:
        blocks += [divider(), section(f"*Fine*\n{fine}")]
    chart, labels = label_chart(task, findings), _counted(findings)
    if chart and labels and file:
        blocks.append(image(file, describe(chart), f"Labels of the {labels.split} split"))
    blocks.append(context(f"Version {task.version} of the task; `/proctor check {task.name}` looks again."))
    words = " ".join(f"{WORDS[finding.level]}: {finding.text}" for finding in told)
    return Message(cut(f"Check of {task.name}. {verdict} {words}", 3900), tuple(blocks))
