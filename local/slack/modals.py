"""Submitting and closing modals, and what the app's answer leads to."""

from contextlib import suppress
from typing import Any

from local.slack.blocks.contents import controls_of
from local.slack.delivery import Delivery, Envelope, NotAcked
from local.slack.errors import ControlError, Json, SlackError
from local.slack.input_state import complaint, entered, takes_value
from local.slack.payloads import view_payload
from local.slack.seed_data import User
from local.slack.views import View
from local.slack.workspace import Workspace

_CONNECTING = "We had some trouble connecting. Try again?"


class Modals:
    """The modals' side of what people do."""

    def __init__(self, workspace: Workspace, delivery: Delivery) -> None:
        self._workspace = workspace
        self._delivery = delivery

    async def submit(self, user: User, view: View, values: Json) -> dict[str, str]:
        """Submit a modal with these values (block_id or action_id to what was entered).

        A lone `text` stands for the form's one text input. Returns what is wrong with which block, if anything is.
        """
        if set(values) == {"text"} and not _takes(view, "text"):
            values = _the_only_text(view, str(values["text"]))
        view = self._workspace.views.enter(view, _entered_states(view, values))
        complaints = _complaints(view)
        if complaints:
            return complaints
        payload = view_payload("view_submission", self._workspace.app, user, view)
        payload["trigger_id"] = self._workspace.tokens.trigger(user.id)
        note = self._workspace.traffic.note
        try:
            return self._follow(view, await self._delivery.deliver(Envelope("interactive", payload)))
        except NotAcked as failure:
            note("to_app", "failure", failure.reason, what="view_submission")
            raise ControlError(f"{_CONNECTING} ({failure.reason})") from failure
        except SlackError as error:
            # The person sees the modal stay; the app's mistake is in the traffic log.
            note("from_app", "failure", error.error, messages=list(error.messages))
            raise ControlError(f"{_CONNECTING} ({error.error}: {' '.join(error.messages)})") from error

    async def close(self, user: User, view: View, *, everything: bool) -> None:
        """Close a modal, or all of them; those that asked for it tell the app."""
        closing = self._workspace.views.stack(user.id) if everything else [view]
        self._workspace.views.close(closing[0])
        for closed in closing:
            if closed.body.get("notify_on_close"):
                payload = view_payload("view_closed", self._workspace.app, user, closed) | {"is_cleared": everything}
                with suppress(NotAcked):
                    await self._delivery.deliver(Envelope("interactive", payload))

    def _follow(self, view: View, ack: Json) -> dict[str, str]:
        views = self._workspace.views
        match ack.get("response_action"):
            case None:
                views.close(view)
            case "clear":
                for bottom in views.stack(view.user)[:1]:
                    views.close(bottom)
            case "errors":
                return _known_errors(view, ack.get("errors"))
            case "update":
                views.update(view, self._workspace.accept_view(ack.get("view")))
            case "push":
                views.push(view.user, self._workspace.accept_view(ack.get("view")))
            case unknown:
                raise SlackError("invalid_response_action", messages=[f"unknown response_action: {unknown}"])
        return {}


def _takes(view: View, name: str) -> bool:
    return any(
        name in (block["block_id"], element["action_id"]) and takes_value(element)
        for block, element in controls_of(view.blocks)
    )


def _the_only_text(view: View, text: str) -> Json:
    inputs = [block["block_id"] for block, one in controls_of(view.blocks) if one["type"] == "plain_text_input"]
    if len(inputs) != 1:
        raise ControlError(f"The form has {len(inputs)} text inputs; name the one you mean in values.")
    return {inputs[0]: text}


def _entered_states(view: View, values: Json) -> dict[str, dict[str, Json]]:
    unknown = sorted(name for name in values if not _takes(view, name))
    if unknown:
        known = ", ".join(block["block_id"] for block, _ in controls_of(view.blocks)) or "no inputs"
        raise ControlError(f"The form has no input {', '.join(unknown)}. It has: {known}.")
    states: dict[str, dict[str, Json]] = {}
    for block, element in controls_of(view.blocks):
        block_id, action_id = block["block_id"], element["action_id"]
        for key in (block_id, action_id):
            if key in values and takes_value(element):
                states.setdefault(block_id, {})[action_id] = entered(element, _plain(values[key], action_id))
    return states


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
        if block["type"] == "input" and takes_value(element):
            sentence = complaint(block, view.values[block["block_id"]][element["action_id"]])
            if sentence:
                found[block["block_id"]] = sentence
    return found


def _known_errors(view: View, errors: object) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise SlackError("invalid_errors", messages=["errors must map block ids to sentences"])
    unknown = sorted(set(errors) - inputs)
    if unknown:
        raise SlackError("invalid_errors", messages=[f"no input block is called {', '.join(unknown)}"])
    return {str(block_id): str(sentence) for block_id, sentence in errors.items()}
