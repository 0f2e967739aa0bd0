"""views.*: modals and the App Home."""

from local.slack.errors import Json, found, invalid_arguments
from local.slack.views import View, view_json
from local.slack.web_api.call import Call


async def open_(call: Call) -> Json:
    """views.open."""
    return _shown(call, call.workspace.views.open(_exchanged(call), _body(call, "modal")))


async def push(call: Call) -> Json:
    """views.push."""
    return _shown(call, call.workspace.views.push(_exchanged(call), _body(call, "modal")))


async def update(call: Call) -> Json:
    """views.update."""
    body = call.workspace.accept_view(call.structure("view"))
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if not view_id and not external_id:
        raise invalid_arguments("missing required field: view_id or external_id")
    view = found(call.workspace.views.find(view_id, external_id), "not_found")
    return _shown(call, call.workspace.views.update(view, body, call.text("hash")))


async def publish(call: Call) -> Json:
    """views.publish."""
    user = call.workspace.directory.user(call.need("user_id"))
    if user is None:
        raise invalid_arguments("invalid `user_id`")
    return _shown(call, call.workspace.views.publish(user.id, _body(call, "home"), call.text("hash")))


def _exchanged(call: Call) -> str:
    trigger_id = call.text("trigger_id") or call.text("interactivity_pointer")
    if not trigger_id:
        raise invalid_arguments("missing required field: trigger_id")
    return call.workspace.tokens.exchange_trigger(trigger_id)


def _body(call: Call, kind: str) -> Json:
    body = call.workspace.accept_view(call.structure("view"))
    if body["type"] != kind:
        raise invalid_arguments(f"must be a {kind} view [json-pointer:/view/type]")
    return body


def _shown(call: Call, view: View) -> Json:
    return {"view": view_json(view, call.workspace.app)}
