"""What the app may answer to a command or a click: through its ack, or through a response_url."""

import json
from dataclasses import dataclass

from aiohttp import web

from local.slack.blocks.contents import slack_files
from local.slack.errors import Json, SlackError, found
from local.slack.messages import Message
from local.slack.tokens import ResponseTarget
from local.slack.workspace import Workspace


def respond(workspace: Workspace, target: ResponseTarget, body: Json) -> None:
    """Do what a response body asks: replace or delete the original, or say something new."""
    if body.get("delete_original"):
        workspace.messages.delete(_original(workspace, target))
        return
    text, blocks = str(body.get("text") or ""), body.get("blocks") or []
    if not text and not blocks:
        raise SlackError("no_text")
    accepted = workspace.accept_blocks(blocks)
    if body.get("replace_original") and target.message_ts:
        workspace.messages.change(_original(workspace, target), text=text, blocks=accepted)
        return
    in_channel = body.get("response_type") == "in_channel"
    workspace.messages.add(
        Message(
            channel=target.channel,
            ts=workspace.ids.stamp(),
            user=workspace.app.user_id,
            text=text,
            blocks=accepted,
            thread_ts=body.get("thread_ts"),
            by_app=True,
            visible_to="" if in_channel else target.user,
        )
    )


def _original(workspace: Workspace, target: ResponseTarget) -> Message:
    messages = workspace.messages
    original = messages.ephemeral(target.message_ts) or messages.get(target.channel, target.message_ts)
    return found(original, "message_not_found")


@dataclass(frozen=True, slots=True)
class ResponseUrls:
    """The handler behind every response_url."""

    workspace: Workspace

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take one post of the app."""
        note = self.workspace.traffic.note
        try:
            body = json.loads(await request.text())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return web.Response(status=400, text="invalid_payload")
        try:
            target = self.workspace.tokens.spend_response(request.match_info["key"])
            if next(slack_files(body.get("blocks"), "/blocks"), None):
                # Slack does not look files up on behalf of anybody here, so it finds none.
                raise SlackError("invalid_blocks", messages=["[ERROR] invalid slack file"])
            respond(self.workspace, target, body)
        except SlackError as error:
            note("from_app", "response_url", "refused", body=body, status=404, answer=error.body())
            return web.json_response(error.body(), status=404)
        note("from_app", "response_url", "accepted", body=body, status=200)
        return web.Response(text="ok")
