"""The menu and the words for choosing a checkpoint by what one needs."""

from collections.abc import Collection, Mapping
from typing import Final

from handlers.slack.blocks import Block, plain
from jobs.evidence.choose import Need

PREFER: Final = "prefer_checkpoint"
NEEDS: Final[Mapping[str, str]] = {
    "precision": "A wrong label costs more",
    "recall": "A missing label costs more",
    "f1": "Both cost alike",
    "f2": "A missing label costs twice",
    "cheapest": "Cheapest that is as good",
}
"""What a person may prefer, and what that means."""


def preference_menu(job_id: str, needs: Collection[Need]) -> Block:
    """Return the menu that lists the checkpoints by what a person needs, with those of `needs` in it: one at least."""
    return {
        "type": "static_select",
        "action_id": PREFER,
        "placeholder": plain("Choose by what you need", 150),
        "options": [
            {"text": plain(f"{words} ({need})", 75), "value": f"{job_id}|{need}"}
            for need, words in NEEDS.items()
            if need in needs
        ],
    }
