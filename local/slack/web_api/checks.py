"""api.test, auth.test and blocks.validate: asking without doing."""

from local.slack.blocks import Problem, validate, validate_view
from local.slack.errors import Json, SlackError, invalid_arguments
from local.slack.seed_data import TEAM_ID, TEAM_NAME
from local.slack.web_api.call import Call


async def api_test(call: Call) -> Json:
    """api.test: returns the arguments, or the error asked for."""
    args = {name: value for name, value in call.args.items() if name != "token"}
    if call.text("error"):
        raise SlackError(call.text("error"), args=args)
    return {"args": args}


async def auth_test(call: Call) -> Json:
    """auth.test."""
    app = call.workspace.app
    bot = call.workspace.directory.user(app.user_id)
    return {
        "url": f"{call.workspace.base_url}/",
        "team": TEAM_NAME,
        "user": bot.name if bot else app.name,
        "team_id": TEAM_ID,
        "user_id": app.user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


async def blocks_validate(call: Call) -> Json:
    """blocks.validate: exactly one of blocks, view and message; needs no token."""
    given = [name for name in ("blocks", "view", "message") if call.args.get(name) is not None]
    if len(given) != 1:
        raise invalid_arguments("exactly one of blocks, view, message is needed")
    subject = call.structure(given[0])
    if given[0] == "view":
        problems = validate_view(subject)
    elif given[0] == "message":
        problems = validate((subject or {}).get("blocks", []), "message", at="/message/blocks")
    else:
        problems = validate(subject, "message")
    if problems:
        raise SlackError(f"invalid_{given[0]}", errors=[_error_json(problem) for problem in problems])
    return {}


def _error_json(problem: Problem) -> Json:
    field = problem.pointer.rpartition("/")[2]
    return {"code": problem.code, "message": problem.message, "field": field, "pointer": problem.pointer}
