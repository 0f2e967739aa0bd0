"""views.*: modals and the App Home."""

from local.slack.posting import accepted_view
from local.slack.views import View, view_json
from local.slack.wire import Call, Json, SlackError, invalid_arguments
from local.slack.workspace import Workspace


async def open_(workspace: Workspace, call: Call) -> Json:
    """views.open."""
    user = _exchanged(workspace, call)
    return _shown(workspace, workspace.views.open(user, _modal(workspace, call)))


async def push(workspace: Workspace, call: Call) -> Json:
    """views.push."""
    user = _exchanged(workspace, call)
    return _shown(workspace, workspace.views.push(user, _modal(workspace, call)))


async def update(workspace: Workspace, call: Call) -> Json:
    """views.update."""
    body = accepted_view(workspace, call.structure("view"))
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if not view_id and not external_id:
        raise invalid_arguments("missing required field: view_id or external_id")
    view = workspace.views.find(view_id) if view_id else workspace.views.by_external_id(external_id)
    if view is None:
        raise SlackError("not_found")
    return _shown(workspace, workspace.views.update(view, body, call.text("hash") or None))


async def publish(workspace: Workspace, call: Call) -> Json:
    """views.publish."""
    user = workspace.directory.user(call.need("user_id"))
    if user is None:
        raise invalid_arguments("invalid `user_id`")
    body = accepted_view(workspace, call.structure("view"))
    if body["type"] != "home":
        raise invalid_arguments("must be a home view [json-pointer:/view/type]")
    return _shown(workspace, workspace.views.publish(user.id, body, call.text("hash") or None))


def _exchanged(workspace: Workspace, call: Call) -> str:
    trigger_id = call.text("trigger_id") or call.text("interactivity_pointer")
    if not trigger_id:
        raise invalid_arguments("missing required field: trigger_id")
    return workspace.passes.exchange_trigger(trigger_id)


def _modal(workspace: Workspace, call: Call) -> Json:
    body = accepted_view(workspace, call.structure("view"))
    if body["type"] != "modal":
        raise invalid_arguments("must be a modal view [json-pointer:/view/type]")
    return body


def _shown(workspace: Workspace, view: View) -> Json:
    return {"view": view_json(view, workspace.app)}
