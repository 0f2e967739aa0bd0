"""api.test and blocks.validate: asking without doing."""

from local.slack.blocks import Problem, validate, validate_view
from local.slack.wire import Call, Json, SlackError, invalid_arguments
from local.slack.workspace import Workspace


async def api_test(_workspace: Workspace, call: Call) -> Json:
    """api.test: gives the arguments back, or the error asked for."""
    args = {name: value for name, value in call.args.items() if name != "token"}
    if call.text("error"):
        raise SlackError(call.text("error"), extra={"args": args})
    return {"args": args}


async def blocks_validate(_workspace: Workspace, call: Call) -> Json:
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
        raise SlackError(f"invalid_{given[0]}", extra={"errors": [_error_json(problem) for problem in problems]})
    return {}


def _error_json(problem: Problem) -> Json:
    field = problem.pointer.rpartition("/")[2]
    return {"code": problem.code, "message": problem.message, "field": field, "pointer": problem.pointer}
