"""How a data set that was balanced looks, and reading what was asked for. No Slack call is made here."""

from collections.abc import Mapping
from typing import Final

from charts import LabelCount, LabelDistribution, describe
from handlers.slack.blocks import Block, Message, context, escape, header, image, section
from jobs.core.errors import InvalidRequest
from jobs.core.hyperparameters import read_seed, read_whole
from jobs.core.nearest import nearest
from jobs.tasks.datasets.balancing import Balanced, BalanceRequest, read_ratio

ACTIONS: Final = ("balance",)
LARGEST: Final = 51_000


def read_balance(word: str, given: Mapping[str, str]) -> BalanceRequest:
    """Return the balanced version that was asked for; raises InvalidRequest in a sentence."""
    if word not in ACTIONS:
        raise InvalidRequest(f"`/proctor dataset` cannot '{word}'; {nearest(word, ACTIONS)}")
    train, valid = read_ratio(given.get("split", "2:1"))
    return BalanceRequest(
        task=given["task"],
        size=read_whole("size", given.get("size", "150"), 2, LARGEST),
        train_parts=train,
        valid_parts=valid,
        seed=read_seed(given.get("seed", "0")),
        pool=given.get("pool"),
    )


def balance_chart(made: Balanced) -> LabelDistribution:
    """Return the picture of the labels before and after."""
    return LabelDistribution(
        title=f"{made.task}: {sum(made.rows[split] for split in ('train', 'valid'))} of {made.pool_rows} rows",
        labels=tuple(LabelCount(label, made.after.get(label, 0), count) for label, count in made.before.items()),
        subtitle=f"drawn from {made.source}, seed {made.seed}",
        now="drawn",
        then="pool",
    )


def balance_message(made: Balanced, file: str | None) -> Message:
    """Return what was made, with the labels before and after."""
    chart = balance_chart(made)
    blocks: list[Block] = [header(made.title), section(escape(made.sentence))]
    if file:
        blocks.append(image(file, describe(chart), "Labels before and after"))
    blocks.append(context(f"{made.source} is as it was. `/proctor check {made.task}` looks at the new one."))
    return Message(made.sentence, tuple(blocks))
