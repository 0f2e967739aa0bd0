"""From a slash command to the function of its verb."""

import pytest
from slack_bolt.async_app import AsyncApp, AsyncRespond

from handlers.slack.commands import Verb
from handlers.slack.dispatch import listen

VERBS = (Verb("list", "the newest"), Verb("cancel", "stop"))


async def answer_list(respond: AsyncRespond) -> None:
    """Answer nothing."""


@pytest.mark.parametrize(
    ("functions", "missing"),
    [
        pytest.param(("list",), "cancel", id="a verb without a function"),
        pytest.param(("list", "cancel", "status"), "status", id="a function without a verb"),
    ],
)
def test_each_verb_has_its_function_or_the_bot_does_not_start(functions: tuple[str, ...], missing: str) -> None:
    app = AsyncApp(token="xoxb-never-used", signing_secret="never used")
    with pytest.raises(ValueError, match=rf"^/rft: no verb, or no function, for {missing}$"):
        listen(app, "/rft", VERBS, dict.fromkeys(functions, answer_list))
