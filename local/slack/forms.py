"""Submitting and closing modals, and what the app's answer makes of them."""

from dataclasses import dataclass, field
from typing import Any

from local.slack.delivery import Acked, Delivery, Envelope
from local.slack.furniture import User
from local.slack.inputs import complaint, entered, value_key
from local.slack.payloads import view_payload
from local.slack.posting import accepted_view, controls_of
from local.slack.views import View
from local.slack.wire import ControlError, Json, SlackError
from local.slack.workspace import Workspace

_CONNECTING = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True)
class Submission:
    """How a submission went: taken, or what is wrong with which block."""

    errors: dict[str, str] = field(default_factory=dict)


class Forms:
    """The modals' side of what people do."""

    def __init__(self, workspace: Workspace, delivery: Delivery) -> None:
        self._workspace = workspace
        self._delivery = delivery

    async def submit(self, user: User, view: View, values: Json) -> Submission:
        """Submit a modal with these values (block_id or action_id to what was entered)."""
        view = self._enter(view, values)
        complaints = _complaints(view)
        if complaints:
            return Submission(complaints)
        trigger_id = self._workspace.passes.trigger(user.id)
        payload = view_payload("view_submission", self._workspace.app, user, view, trigger_id)
        outcome = await self._delivery.deliver(Envelope("interactive", payload))
        if not isinstance(outcome, Acked):
            self._workspace.traffic.note("to_app", "failure", outcome.reason, what="view_submission")
            raise ControlError(f"{_CONNECTING} ({outcome.reason})")
        return self._follow(view, outcome.payload)

    async def close(self, user: User, view: View, *, everything: bool) -> None:
        """Close a modal, or all of them; those that asked for it tell the app."""
        closing = self._workspace.views.stack(user.id) if everything else [view]
        self._workspace.views.close(closing[0])
        for closed in closing:
            if closed.body.get("notify_on_close"):
                payload = view_payload("view_closed", self._workspace.app, user, closed, "")
                payload["is_cleared"] = everything
                await self._delivery.deliver(Envelope("interactive", payload))

    def _enter(self, view: View, values: Json) -> View:
        states: dict[str, dict[str, Json]] = {}
        unknown = set(values)
        for block, element in controls_of(view.blocks):
            block_id, action_id = block["block_id"], element["action_id"]
            for key in (block_id, action_id):
                if key in values and value_key(element):
                    states.setdefault(block_id, {})[action_id] = entered(element, _plain(values[key], action_id))
                    unknown.discard(key)
        if unknown:
            known = ", ".join(block["block_id"] for block, _ in controls_of(view.blocks)) or "no inputs"
            raise ControlError(f"The form has no input {', '.join(sorted(unknown))}. It has: {known}.")
        return self._workspace.views.enter(view, states)

    def _follow(self, view: View, ack: Json) -> Submission:
        try:
            return self._respond(view, ack)
        except SlackError as error:
            # The person sees the modal stay; the app's mistake stands in the record of traffic.
            self._workspace.traffic.note("from_app", "failure", error.error, messages=list(error.messages))
            raise ControlError(f"{_CONNECTING} ({error.error}: {' '.join(error.messages)})") from error

    def _respond(self, view: View, ack: Json) -> Submission:
        views = self._workspace.views
        match ack.get("response_action"):
            case None:
                views.close(view)
            case "clear":
                views.clear(view.user)
            case "errors":
                return Submission(_known_errors(view, ack.get("errors")))
            case "update":
                views.update(view, accepted_view(self._workspace, ack.get("view")), None)
            case "push":
                views.push(view.user, accepted_view(self._workspace, ack.get("view")))
            case unknown:
                raise SlackError("invalid_response_action", messages=[f"unknown response_action: {unknown}"])
        return Submission()


def the_only_text(view: View, text: str) -> Json:
    """Values for a form from one text: it must have exactly one text input."""
    inputs = [block["block_id"] for block, one in controls_of(view.blocks) if one["type"] == "plain_text_input"]
    if len(inputs) != 1:
        raise ControlError(f"The form has {len(inputs)} text inputs; name the one you mean in values.")
    return {inputs[0]: text}


def _plain(value: Any, action_id: str) -> Any:
    """Let Slack's own `state.values` stand for a value too: `{action_id: {"type": ..., "value": ...}}`."""
    if isinstance(value, dict) and action_id in value:
        value = value[action_id]
    if isinstance(value, dict) and "type" in value:
        return next((entry for key, entry in value.items() if key != "type"), None)
    return value


def _complaints(view: View) -> dict[str, str]:
    found: dict[str, str] = {}
    for block, element in controls_of(view.blocks):
        if block["type"] == "input" and value_key(element):
            sentence = complaint(block, view.values[block["block_id"]][element["action_id"]])
            if sentence:
                found[block["block_id"]] = sentence
    return found


def _known_errors(view: View, errors: object) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise SlackError("invalid_errors", messages=["errors must map block ids to sentences"])
    strangers = sorted(set(errors) - inputs)
    if strangers:
        raise SlackError("invalid_errors", messages=[f"no input block is called {', '.join(strangers)}"])
    return {str(block_id): str(sentence) for block_id, sentence in errors.items()}
