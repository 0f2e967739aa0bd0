"""Whoever looks at a held-out split first is asked, with a button that goes on."""

from typing import Never, cast

from handlers.evals.cards import CONTROLS
from handlers.evals.commands import EVAL, start
from handlers.slack.blocks import Block, Message
from handlers.slack.commands import parse
from handlers.slack.people import People
from handlers.slack.replies import Asker
from jobs.evals.held_out import HeldOut
from jobs.evals.service import Evals
from jobs.state.store import Store


class Members:
    async def require_membership(self, _channel: str) -> None:
        """Everybody is in every channel."""


class Unopened:
    async def start(self, _request: object) -> Never:
        raise HeldOut("test is held out.")


async def test_the_question_has_a_button_that_stands_for_the_command_and_its_yes() -> None:
    typed = parse("/eval", "run task='my task' split=test model=a,b", EVAL)
    asked = await start(
        typed, Asker("U1", "C1", "t"), cast("Evals", Unopened()), cast("People", Members()), cast("Store", None)
    )
    assert isinstance(asked, Message)
    assert asked.text == "test is held out."
    (control,) = cast("list[Block]", asked.blocks[1]["elements"])
    assert CONTROLS.match(str(control["action_id"]))
    verb, _, words = str(control["value"]).partition("|")
    again = parse("/eval", f"{verb} {words}", EVAL)
    assert (again.verb, again.given) == ("run", {**typed.given, "open": "yes"})
