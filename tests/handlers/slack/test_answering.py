"""Nobody is left without an answer: what was acknowledged is worked off, whatever dies meanwhile, and once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

import handlers
from bot.kinds import KINDS
from handlers.slack.answering import Answering, what_was_asked
from handlers.slack.blocks import Block, section
from handlers.slack.boundary import Boundary
from handlers.slack.forms import modal
from handlers.slack.intake import NOT_SAVED, Intake
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.replies import Answers, Asker
from jobs.core.errors import Conflict
from jobs.core.ids import ANSWERS, FORMS, LONG
from jobs.core.records import Job
from jobs.queue.due import MOST_RAISED, DueItems, Outcome, Taken
from jobs.queue.envelopes import Envelopes
from jobs.queue.pools import Held
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection, quick_connection_to
from jobs.state.store import Store, VersionConflict
from local.slack.fault_injection import MethodFault
from local.slack.server import WorkspaceServer, serve
from tests.handlers.known_people import ALICE, BOB, RFT
from tests.records import a_job
from tests.story.colleagues import Json, eventually

SLOTS = {ANSWERS: 4, FORMS: 4, LONG: 4}
COMMAND: Json = {"command": "/do", "text": "it", "user_id": ALICE, "channel_id": RFT}
CLICK: Json = {
    "type": "block_actions",
    "user": {"id": ALICE},
    "channel": {"id": RFT},
    "actions": [{"action_id": "do", "value": "it", "text": {"text": "Approve"}}],
}
SENT_FORM: Json = {
    "type": "view_submission",
    "user": {"id": ALICE},
    "view": {
        "type": "modal",
        "callback_id": "do",
        "title": {"text": "Approve step 5"},
        "private_metadata": f'{{"channel": "{RFT}"}}',
        "blocks": [{"type": "section"}, {"type": "input", "block_id": "reason"}],
    },
}


def _opening(value: str) -> Json:
    return {"action_id": "open", "value": value}


OPENER: Json = {**CLICK, "actions": [_opening("it")]}


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Deaths:
    """Where the process dies, each time that it gets there."""

    at: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    problems: dict[str, str] = field(default_factory=dict)
    """What is wrong with a form; said once `go_on` is set."""

    def may_come(self, place: str) -> None:
        """Die, if it is here."""
        if place in self.at:
            self.at.remove(place)
            raise Killed(place)
        if place == "before" and self.failures:
            raise self.failures.pop()


@dataclass
class Bot:
    """One process."""

    due: DueItems
    answering: Answering
    intake: Intake
    deaths: Deaths
    said: asyncio.Event
    """Something that it stored may be worked off."""

    async def work(self, *dead: str) -> None:
        """Work off what is due, as the pools do; who dies gives nothing back."""
        while taken := (await self.due.take(SLOTS, dead=dead)).taken:
            for each in taken:
                await self.work_on(each)

    async def work_on(self, taken: Taken) -> None:
        """Work on one item."""
        try:
            again = await self.answering.work(Held(taken, lambda: 0.0), "abcdefgh")
        except Exception:  # noqa: BLE001 # the boundary of a work item
            await self.due.end(taken, Outcome.RAISED, 0.0)
        else:
            await self.due.end(taken, again_in=again.seconds if again else None)

    async def asked(self, body: Json) -> Json:
        """Take a delivery and work it off; return what Slack is answered."""
        receiving = asyncio.create_task(self.intake.receive(body))
        await self.said.wait()
        self.said.clear()
        try:
            await self.work()
        finally:
            response = await receiving
        return {"status": response.status, "body": response.body}


@dataclass
class Office:
    """Bots that share a Redis and a workspace."""

    stack: AsyncExitStack
    url: str
    redis: Redis
    workspace: WorkspaceServer
    bots: int = 0

    async def bot(self, *at: str) -> Bot:
        """Start a bot, which dies at these places."""
        self.bots += 1
        connection = Connection(self.redis, f"bot{self.bots}")
        quick = quick_connection_to(self.url, connection.member)
        self.stack.push_async_callback(quick.redis.aclose)
        client = AsyncWebClient("xoxb-local-proctor", base_url=self.workspace.api_url, retry_handlers=[])
        app = AsyncApp(client=client, authorize=_authorized, process_before_response=True)
        store, deaths, said = Store(connection, KINDS), Deaths(list(at)), asyncio.Event()
        services = {"store": store, "deaths": deaths}
        listeners = handlers.register(
            app, Boundary(lambda _: "abcdefgh"), services, (SimpleNamespace(register=listen),)
        )
        envelopes = Envelopes(connection, quick, said.set)
        answering = Answering(app, listeners, envelopes, Answers(client, store))
        intake = Intake(listeners, envelopes, answering, lambda _: None, client)
        return Bot(DueItems(connection), answering, intake, deaths, said)

    def body(self, what: Json) -> Json:
        """Return a delivery with a trigger that the workspace knows."""
        return {**what, "trigger_id": self.workspace.workspace.tokens.trigger(ALICE)}

    def told(self, user: str = ALICE) -> list[str]:
        """Return what only this person was shown."""
        return [each.text for each in self.workspace.workspace.messages.ephemerals_for(user)]

    def direct(self) -> list[str]:
        """Return what alice's conversation with the bot says."""
        workspace = self.workspace.workspace
        alice = workspace.directory.user(ALICE)
        assert alice is not None
        channel = workspace.directory.direct_message(alice)
        return [each.text for each in workspace.messages.all_in(channel.id)]

    def view(self) -> Json | None:
        """Return the view that alice sees."""
        top = self.workspace.workspace.views.top(ALICE)
        return top.body if top else None

    async def envelopes(self) -> list[str]:
        """Return what is not answered yet."""
        keys = [str(key) async for key in self.redis.scan_iter("{proctor}:envelope:*")]
        return [key for key in keys if await self.redis.hexists(key, "body")]


async def _authorized() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T0", bot_token="xoxb-local-proctor", bot_user_id="U0BOT")


def listen(listeners: Listeners) -> None:
    """Listen as the handlers of the bot do: something is changed once, and then said."""
    listeners.command("/do", do, lambda text: Handling.READS if text == "look" else Handling.CHANGES)
    listeners.action("do", do, Handling.CHANGES)
    listeners.form("do", do)
    listeners.opens_form("open", form_of)
    listeners.suggests("names", suggest)


async def do(
    ack: AsyncAck, body: Json, asker: Asker, answers: Answers, store: Store, deaths: Deaths, took_effect: bool
) -> None:
    if deaths.problems:
        await deaths.go_on.wait()
        await ack(response_action="errors", errors=deaths.problems)
        return
    await ack()
    deaths.may_come("before")
    if body.get("text") == "look":
        await answers.tell(asker.user, asker.channel, "Seen.")
        return
    try:
        await store.commit(Change(records=(Versioned(a_job(id="rft-once22"), 0),)))
    except VersionConflict:
        raise Conflict("It is done already.") from None
    assert not took_effect, "else the commit conflicts"
    deaths.may_come("after its effect")
    await answers.tell(asker.user, asker.channel, "Done.")
    deaths.may_come("after its answer")


async def form_of(action: Json, deaths: Deaths) -> Block | str:
    deaths.may_come("before")
    if action["value"] in {"slow", "failing"}:
        await deaths.go_on.wait()
    if action["value"] == "failing":
        raise Conflict("Not now.")
    form = modal("do", "Do it", "Do", [section("Really?")], "")
    deaths.may_come("after its effect")
    return form if action["value"] == "it" else "There is nothing to do."


async def suggest(ack: AsyncAck) -> None:
    await ack(options=[{"text": {"type": "plain_text", "text": "alpha"}, "value": "alpha"}])


@pytest.fixture
async def office(redis_server: str, redis: Redis) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        yield Office(stack, redis_server, redis, await stack.enter_async_context(serve()))


# -- whatever dies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [COMMAND, CLICK, SENT_FORM], ids=["command", "click", "form"])
@pytest.mark.parametrize(
    ("place", "answers"),
    [
        ("before", ["Done."]),
        ("after its effect", ["That took effect before I was interrupted. Now: It is done already."]),
        ("after its answer", ["Done.", "That took effect before I was interrupted. Now: It is done already."]),
    ],
)
async def test_what_was_acknowledged_is_done_once_and_answered_though_the_bot_dies(
    office: Office, what: Json, place: str, answers: list[str]
) -> None:
    dying, body = await office.bot(place), office.body(what)
    with pytest.raises(Killed):
        await dying.asked(body)
    other = await office.bot()
    await other.work("bot1")
    assert office.told() == answers
    assert await office.envelopes() == []
    held = await Store(Connection(office.redis), KINDS).record(Job, "rft-once22")
    assert held is not None
    assert held.version == 1
    assert (await other.intake.receive(body)).status == 200
    await other.work()
    assert office.told() == answers, "a redelivered envelope is answered once"


async def test_what_was_acknowledged_by_a_bot_that_never_began_it_is_done_too(office: Office) -> None:
    dying = await office.bot()
    assert (await dying.intake.receive(office.body(COMMAND))).status == 200
    other = await office.bot()

    async def answered() -> bool:
        await other.work()
        return bool(office.told())

    await eventually(answered, "an answer")
    assert office.told() == ["Done."]


async def test_what_breaks_off_again_and_again_is_given_up_in_words_and_the_rest_goes_on(office: Office) -> None:
    bot = await office.bot()
    bot.deaths.failures = [RedisConnectionError("away")] * MOST_RAISED
    assert (await bot.asked(office.body({**COMMAND, "text": "it `now`"})))["status"] == 200
    (told,) = office.told()
    assert told.startswith("I broke off again and again over `/do it now`, and leave it now.")
    assert "Reference abcdefgh" in told
    await bot.asked(office.body(COMMAND))
    assert office.told()[1:] == ["Done."]


async def test_who_asked_where_the_bot_is_not_is_told_in_their_conversation_with_it(office: Office) -> None:
    bot = await office.bot()
    bot.deaths.failures = [Conflict("Not now.")]
    view = {**SENT_FORM["view"], "private_metadata": '{"channel": "C0ELSEWHERE"}'}
    await bot.asked(office.body({**SENT_FORM, "view": view}))
    assert office.direct() == ["Not now."]
    assert await office.envelopes() == []


async def test_what_is_given_up_holds_up_nothing_although_slack_refuses_to_say_it(office: Office) -> None:
    bot = await office.bot()
    bot.deaths.failures = [RedisConnectionError("away")] * MOST_RAISED
    office.workspace.workspace.faults.add(MethodFault("chat.postEphemeral", "error", error="restricted_action"))
    await bot.asked(office.body(COMMAND))
    assert (office.told(), await office.envelopes()) == ([], [])


async def test_a_handler_that_needs_redis_waits_for_it(office: Office) -> None:
    bot = await office.bot()
    bot.deaths.failures = [RedisConnectionError("away")]
    await bot.asked(office.body(COMMAND))
    assert office.told() == ["Done."]


# -- in which order ---------------------------------------------------------------------------------------------------


async def test_a_failure_is_said_and_the_next_goes_on_while_reads_wait_for_nobody(office: Office) -> None:
    bot = await office.bot()
    bot.deaths.failures = [Conflict("Not now.")]
    for text in ("first", "second"):
        await bot.intake.receive(office.body({**COMMAND, "text": text}))
    await bot.intake.receive(office.body({**COMMAND, "text": "look"}))
    await bot.said.wait()

    async def all_answered() -> bool:
        await bot.work()
        return len(office.told()) == 3

    await eventually(all_answered, "three answers")
    told = office.told()
    assert told.index("Not now.") < told.index("Done.")
    assert sorted(told) == ["Done.", "Not now.", "Seen."]


# -- forms ------------------------------------------------------------------------------------------------------------


async def test_a_form_opens_though_the_bot_dies_over_it(office: Office) -> None:
    for place in ("before", "after its effect"):
        dying = await office.bot(place)
        with pytest.raises(Killed):
            await dying.asked(office.body(OPENER))
        other = await office.bot()
        await other.work(dying.due.member)
        view = office.view()
        assert view is not None
        assert view["callback_id"] == "do"


async def test_words_take_the_place_of_a_form_that_is_announced(office: Office) -> None:
    for value, words in (("slow", "There is nothing to do."), ("failing", "Not now.")):
        bot = await office.bot()
        working = asyncio.create_task(bot.asked(office.body({**OPENER, "actions": [_opening(value)]})))

        async def announced() -> bool:
            view = office.view()
            return view is not None and view["callback_id"] == "loading"

        await eventually(announced, "a view that says that the form comes")
        bot.deaths.go_on.set()
        await working
        view = office.view()
        assert view is not None
        assert words in str(view["blocks"])
    assert office.told() == []


async def test_what_is_wrong_with_a_form_is_said_in_it_or_once_it_is_closed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = await office.bot()
    bot.deaths.problems = {"reason": "Give a reason."}
    bot.deaths.go_on.set()
    assert json.loads((await bot.asked(office.body(SENT_FORM)))["body"])["errors"] == bot.deaths.problems
    assert office.told() == []
    bot.deaths.go_on.clear()
    monkeypatch.setattr("handlers.slack.intake.FORM_SECONDS", 0.05)
    working = asyncio.create_task(bot.asked(office.body(SENT_FORM)))
    await asyncio.sleep(0.2)
    bot.deaths.go_on.set()
    assert (await working)["body"] == ""
    assert office.told() == ["Nothing came of the form *Approve step 5*: Give a reason. Fill it in again."]


async def test_a_form_that_slack_does_not_open_any_more_is_answered_in_words(office: Office) -> None:
    bot, body = await office.bot(), {**OPENER, "trigger_id": "never given out"}
    office.workspace.workspace.faults.add(MethodFault("views.open", "error", error="expired_trigger_id"))
    await bot.asked(body)
    (told,) = office.told()
    assert told == "The form could not be opened in time: Slack allows 3 s. Click again."


async def test_what_has_no_form_is_answered_in_words(office: Office) -> None:
    bot = await office.bot()
    await bot.asked(office.body({**OPENER, "actions": [_opening("other")]}))
    assert office.told() == ["There is nothing to do."]
    assert office.view() is None


async def test_a_menu_is_filled_within_the_acknowledgement(office: Office) -> None:
    bot = await office.bot()
    body = {"type": "block_suggestion", "user": {"id": ALICE}, "action_id": "names", "value": "a", "block_id": "b"}
    response = await bot.intake.receive(body)
    assert "alpha" in response.body
    assert await office.envelopes() == []


async def test_what_nobody_listens_to_is_acknowledged_and_dropped(office: Office) -> None:
    bot = await office.bot()
    strange: list[Json] = [
        {},
        {"command": "/other"},
        {"type": "block_actions"},
        {"type": "block_actions", "actions": [{"action_id": "other"}]},
        {"type": "view_submission"},
        {"type": "event_callback", "event": {"type": "app_mention"}},
    ]
    for body in strange:
        assert (await bot.intake.receive(body)).status == 200
    assert await office.envelopes() == []


# -- Redis away -------------------------------------------------------------------------------------------------------


async def test_what_cannot_be_stored_is_refused_in_words(office: Office) -> None:
    office.url = "redis://127.0.0.1:9"
    bot = await office.bot()
    command, form, click = [await bot.intake.receive(office.body(each)) for each in (COMMAND, SENT_FORM, CLICK)]
    assert NOT_SAVED in command.body
    assert '"response_action": "errors", "errors": {"reason": ' in form.body
    assert click.body == ""

    async def said() -> bool:
        return office.told() == [NOT_SAVED]

    await eventually(said, "a refusal of the click")
    assert await office.envelopes() == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**COMMAND, "text": "launch task=<b>`x`"}, "`/do launch task=&lt;b&gt;x`"),
        (CLICK, "your click on *Approve*"),
        ({**CLICK, "actions": [{}]}, "your click"),
        (SENT_FORM, "the form *Approve step 5*"),
        ({"type": "message_action"}, "what you asked for"),
    ],
)
def test_what_was_asked_is_named(body: dict[str, Any], said: str) -> None:
    assert what_was_asked(body) == said


def test_a_form_remembers_where_it_was_opened() -> None:
    assert Asker.of(SENT_FORM).channel == RFT
    for metadata in ("what?", "[]", '{"task": "acts"}'):
        assert Asker.of({"user": {"id": BOB}, "view": {"private_metadata": metadata}}).channel == ""
