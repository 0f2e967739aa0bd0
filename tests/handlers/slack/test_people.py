import asyncio
from dataclasses import replace

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.people import FRESH, JUST_NOW, People
from jobs.core.errors import Conflict, InvalidRequest
from local.slack.fault_injection import MethodFault
from local.slack.server import WorkspaceServer, serve


def client_of(workspace: WorkspaceServer) -> AsyncWebClient:
    return AsyncWebClient("xoxb-local-proctor", base_url=workspace.api_url, retry_handlers=[])


async def ids(workspace: WorkspaceServer) -> dict[str, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{workspace.url}/_control/state") as answer:
        state = await answer.json()
    found: dict[str, str] = {user["name"]: user["id"] for user in state["users"]}
    return found | {channel["name"]: channel["id"] for channel in state["channels"]}


async def test_members_of_a_named_group_are_approvers_and_others_are_not() -> None:
    async with serve() as workspace:
        people, known = People(client_of(workspace)), await ids(workspace)
        assert await people.is_any_of(known["bob"], ("model-approvers",))
        assert await people.is_any_of(known["bob"], ("@model-approvers",))
        assert not await people.is_any_of(known["dave"], ("model-approvers",))
        assert await people.is_any_of(known["dave"], (known["dave"],))
        assert not await people.is_any_of(known["bob"], ("no-such-group",))
        assert not await people.is_any_of(known["bob"], ())


async def test_membership_is_asked_again_after_a_minute() -> None:
    now = 1000.0
    async with serve() as workspace:
        people, known = People(client_of(workspace), lambda: now), await ids(workspace)

        async def asked() -> int:
            async with aiohttp.ClientSession() as session, session.get(f"{workspace.url}/_control/log") as answer:
                return str(await answer.text()).count("usergroups.users.list")

        await people.is_any_of(known["bob"], ("model-approvers",))
        first = await asked()
        await people.is_any_of(known["dave"], ("model-approvers",))
        assert await asked() == first
        now += FRESH
        await people.is_any_of(known["dave"], ("model-approvers",))
        assert await asked() > first


async def test_a_channel_without_the_bot_is_said_with_what_to_do() -> None:
    async with serve() as workspace:
        people, known = People(client_of(workspace)), await ids(workspace)
        await people.require_membership(known["rft"])
        with pytest.raises(InvalidRequest, match="/invite @proctor"):
            await people.require_membership("C0NOWHERE")


async def test_before_money_is_spent_slack_is_asked_whether_the_bot_is_still_in_the_channel() -> None:
    now = 1000.0
    async with serve() as workspace:
        people, known = People(client_of(workspace), lambda: now), await ids(workspace)
        await people.require_membership(known["rft"])
        workspace.workspace.faults.add(MethodFault("conversations.info", "error", error="channel_not_found", times=2))
        await people.require_membership(known["rft"])
        now += JUST_NOW
        with pytest.raises(InvalidRequest, match="/invite @proctor"):
            await people.require_membership(known["rft"], just_now=True)


async def test_a_channel_that_the_bot_is_in_is_asked_about_once_a_minute() -> None:
    now = 1000.0
    async with serve() as workspace:
        people, known = People(client_of(workspace), lambda: now), await ids(workspace)
        for _ in range(3):
            await people.require_membership(known["rft"])

        def asked() -> int:
            return sum(1 for entry in workspace.workspace.traffic.since() if entry["name"] == "conversations.info")

        assert asked() == 1
        now += FRESH
        await people.require_membership(known["rft"])
        assert asked() == 2


async def test_where_it_matters_slack_is_asked_who_is_an_approver_now() -> None:
    now = 1000.0
    async with serve() as workspace:
        people, known = People(client_of(workspace), lambda: now), await ids(workspace)
        bob, carol, dave = known["bob"], known["carol"], known["dave"]
        assert await people.is_any_of(bob, ("model-approvers",))
        (group,) = workspace.workspace.directory.groups
        workspace.workspace.directory.groups = (replace(group, users=(carol,)),)
        now += JUST_NOW
        assert await people.still((bob, carol, dave), ("model-approvers", dave)) == {carol, dave}
        assert await people.still((dave,), (dave,)) == {dave}
        # What was learnt serves those who ask from memory too.
        assert not await people.is_any_of(bob, ("model-approvers",))


async def test_many_who_click_at_once_are_looked_up_once() -> None:
    async with serve() as workspace:
        people, known = People(client_of(workspace), lambda: 1000.0), await ids(workspace)
        found = await asyncio.gather(*(people.still((known["bob"],), ("model-approvers",)) for _ in range(20)))
        assert set(found) == {frozenset({known["bob"]})}
        traffic = [entry["name"] for entry in workspace.workspace.traffic.since() if "args" in entry]
        assert traffic.count("usergroups.users.list") == 1


async def test_where_slack_does_not_say_nothing_is_counted() -> None:
    async with serve() as workspace:
        people, known = People(client_of(workspace)), await ids(workspace)
        faults = workspace.workspace.faults
        faults.add(MethodFault("usergroups.users.list", "error", error="internal_error"))
        with pytest.raises(Conflict, match=r"\(internal_error\), so nothing was counted"):
            await people.still((known["bob"],), ("model-approvers",))
        faults.add(MethodFault("usergroups.users.list", "drop_before", times=3))
        with pytest.raises(Conflict, match=r"\(no answer\), so nothing was counted"):
            await people.still((known["bob"],), ("model-approvers",))
        faults.add(MethodFault("usergroups.users.list", "ratelimited"))
        with pytest.raises(SlackApiError):
            await people.still((known["bob"],), ("model-approvers",))


async def test_approvers_are_called_so_that_it_reaches_them() -> None:
    async with serve() as workspace:
        people = People(client_of(workspace))
        called = await people.called(("@model-approvers", "S0APPROVE", "U0DAVE001", "no-such-group"))
        assert called == "<!subteam^S0APPROVE>, <!subteam^S0APPROVE>, <@U0DAVE001>, @no-such-group"
