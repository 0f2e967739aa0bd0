import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.people import FRESH, People
from jobs.errors import InvalidRequest
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
