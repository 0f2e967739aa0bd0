"""users.*, usergroups.*, and who the app is."""

from local.slack.directory import user_json
from local.slack.furniture import TEAM_ID, TEAM_NAME
from local.slack.web_api.paging import next_cursor, page
from local.slack.wire import Call, Json, SlackError
from local.slack.workspace import Workspace


async def auth_test(workspace: Workspace, _call: Call) -> Json:
    """auth.test."""
    app = workspace.app
    bot = workspace.directory.user(app.user_id)
    return {
        "url": f"{workspace.base_url}/",
        "team": TEAM_NAME,
        "user": bot.name if bot else app.name,
        "team_id": TEAM_ID,
        "user_id": app.user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


async def users_list(workspace: Workspace, call: Call) -> Json:
    """users.list."""
    shown, cursor = page(call, workspace.directory.users, lambda user: user.id, limit=1000)
    return {"members": [user_json(user) for user in shown], "cache_ts": int(workspace.identity.now())} | next_cursor(
        cursor
    )


async def users_info(workspace: Workspace, call: Call) -> Json:
    """users.info."""
    user = workspace.directory.user(call.need("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user_json(user)}


async def usergroups_list(workspace: Workspace, call: Call) -> Json:
    """usergroups.list."""
    groups = []
    for group in workspace.directory.groups:
        shown: Json = {
            "id": group.id,
            "team_id": TEAM_ID,
            "is_usergroup": True,
            "name": group.name,
            "handle": group.handle,
            "description": "",
            "user_count": len(group.users),
            "date_delete": 0,
        }
        groups.append(shown | ({"users": list(group.users)} if call.flag("include_users") else {}))
    return {"usergroups": groups}


async def usergroups_users_list(workspace: Workspace, call: Call) -> Json:
    """usergroups.users.list."""
    wanted = call.need("usergroup")
    group = next((group for group in workspace.directory.groups if group.id == wanted), None)
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}
