"""users.* and usergroups.*."""

from local.slack.directory import user_json
from local.slack.errors import Json, found
from local.slack.seed_data import TEAM_ID
from local.slack.web_api.call import Call


async def users_list(call: Call) -> Json:
    """users.list."""
    shown, cursor = call.page(call.workspace.directory.users, lambda user: user.id, limit=1000)
    return {"members": [user_json(user) for user in shown], "cache_ts": int(call.workspace.ids.now()), **cursor}


async def users_info(call: Call) -> Json:
    """users.info."""
    return {"user": user_json(found(call.workspace.directory.user(call.need("user")), "user_not_found"))}


async def usergroups_list(call: Call) -> Json:
    """usergroups.list."""
    groups = []
    for group in call.workspace.directory.groups:
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


async def usergroups_users_list(call: Call) -> Json:
    """usergroups.users.list."""
    users = {group.id: list(group.users) for group in call.workspace.directory.groups}
    return {"users": found(users.get(call.need("usergroup")), "no_such_subteam")}
