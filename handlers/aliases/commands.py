"""Aliases: the button that moves one, its form, and what `/proctor alias` is answered."""

import json
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers.aliases.messages import alias_details, alias_list
from handlers.approvals.approval_blocks import MOVE_ALIAS
from handlers.slack.blocks import Block, context, escape, plain, section, text_input
from handlers.slack.commands import Typed
from handlers.slack.forms import Choice, open_form, select
from handlers.slack.replies import Answers
from handlers.slack.wording import group, moment, people, person
from jobs.aliases.move import Aliases, Movable, Moved
from jobs.aliases.records import Alias, AliasMove, read_alias, was_taken_back
from jobs.aliases.rollback import Rollbacks
from jobs.core.errors import BotError, InvalidRequest
from jobs.views.wording import grader_name

FORM: Final = "alias_move"
ALIAS: Final = "alias"
OTHER: Final = "other"
REASON: Final = "reason"
MOST_REASON: Final = 500
SHORTEST_REASON: Final = 3
MOST_CHOICES: Final = 40
TOO_SHORT: Final = "Give a reason in a few words; it stays with the move."


def register(app: AsyncApp) -> None:
    """Listen to the button that moves an alias, and to its form."""
    app.action(MOVE_ALIAS)(ask_where)
    app.view(FORM)(take_move)


async def ask_where(
    ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient, aliases: Aliases
) -> None:
    """Open the form for whoever may move an alias to what was approved; tell everybody else why they may not."""
    await ack()
    user, channel = str(body["user"]["id"]), str(body["channel"]["id"])
    movable = await aliases.movable(str(action["value"]), user)
    await open_form(client, str(body["trigger_id"]), form(movable, channel))


async def take_move(
    ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], answers: Answers, aliases: Aliases
) -> None:
    """Move the alias, and tell who asked what became of it."""
    values = view["state"]["values"]
    reason = str(values[REASON][REASON]["value"] or "").strip()
    if len(reason) < SHORTEST_REASON:
        await ack(response_action="errors", errors={REASON: TOO_SHORT})
        return
    remembered = json.loads(str(view["private_metadata"]))
    other = str(values[OTHER][OTHER]["value"] or "").strip()
    if wrong := _cannot_be(other, str(remembered.get("task", ""))):
        await ack(response_action="errors", errors={OTHER: wrong})
        return
    await ack()
    user, channel = str(body["user"]["id"]), str(remembered["channel"])
    name = other or str(values[ALIAS][ALIAS]["selected_option"]["value"])
    try:
        moved = await aliases.move(remembered["job"], name, user, reason, seen=remembered["seen"])
        text = told(moved)
    except BotError as problem:
        text = escape(str(problem))
    # A form belongs to no channel, so the boundary would answer in a direct message; this one came from one.
    await answers.tell(user, channel, text)


def _cannot_be(name: str, task: str) -> str:
    """Return why a name that was typed cannot be an alias of the task, so that the form stays open; empty if it can."""
    if not name or not task:
        return ""
    try:
        read_alias(name, task)
    except InvalidRequest as problem:
        return str(problem)
    return ""


async def answer_alias(
    typed: Typed, command: dict[str, Any], respond: AsyncRespond, aliases: Aliases, rollbacks: Rollbacks
) -> None:
    """Answer what was typed after `/proctor alias`."""
    first, *rest = (*typed.words, "")[:2] if typed.words else ("",)
    if first.lower() == "rollback":
        await respond(text=await _roll_back(typed, rest[0], command, rollbacks))
        return
    if typed.given or (rest and rest[0]):
        raise InvalidRequest(
            "`/proctor alias` takes an alias, or `rollback <alias> reason=...`; by itself it lists all."
        )
    if not first:
        await respond(text=alias_list(await aliases.every()))
        return
    alias = await aliases.named(first)
    await respond(text=alias_details(alias, await rollbacks.find(alias.proposal) if alias.proposal else None))


async def _roll_back(typed: Typed, name: str, command: dict[str, Any], rollbacks: Rollbacks) -> str:
    """Propose a rollback, or do it in an emergency; return the sentence that confirms it."""
    if not name:
        raise InvalidRequest('Say which: `/proctor alias rollback <alias> reason="..."`.')
    reason = " ".join(typed.given.get("reason", "").split())
    if not SHORTEST_REASON <= len(reason) <= MOST_REASON:
        raise InvalidRequest(
            f'Say why, in {SHORTEST_REASON} to {MOST_REASON} characters: `/proctor alias rollback {name} reason="..."`.'
        )
    user, trigger = str(command["user_id"]), str(command["trigger_id"])
    if _is_emergency(typed):
        done = await rollbacks.begin(name, user, reason, trigger, emergency=True)
        return (
            f"Done: `{name}` points at {done.alias.current.place} now. The approvers are called and review it: "
            f"{done.approval.quorum} of them confirm it, or a rejection takes it forward again."
        )
    asked = await rollbacks.begin(name, user, reason, trigger)
    who = ", ".join(group(handle) for handle in asked.approval.approvers)
    return (
        f"Proposed as `{asked.proposal.id}`: back to {asked.returns_to.place}. `{name}` moves by itself once "
        f"{asked.approval.quorum} of {who} have approved it in <#{asked.proposal.channel}>."
    )


def _is_emergency(typed: Typed) -> bool:
    value = typed.given.get("emergency", "no").lower()
    if value not in {"yes", "no"}:
        raise InvalidRequest(f"`emergency={value}` does not work; it is `yes` or `no`.")
    return value == "yes"


def told(moved: Moved) -> str:
    """Return what a wish to move an alias came to, for the person who had it."""
    alias, current = moved.alias, moved.alias.current
    if moved.is_new:
        return f"Done: `{alias.name}` points at {current.place} now. The job's thread and the channel say so."
    return (
        f"Nothing was changed: `{alias.name}` points at {current.place} already. {person(current.by)} moved it "
        f"{moment(current.at)}."
    )


def form(movable: Movable, channel: str) -> Block:
    """Return the form that asks which alias is to point at an approved model, and why.

    Args:
        movable: the approved model, and the aliases that may point at it.
        channel: where the answer goes.
    """
    usual = _choice(movable, movable.usual)
    names = [alias.name for alias in movable.aliases if alias.name != movable.usual]
    choices = [usual, *(_choice(movable, name) for name in names[: MOST_CHOICES - 1])]
    remembered = {
        "job": movable.job.id,
        "task": movable.job.task,
        "channel": channel,
        "seen": {alias.name: alias.version for alias in movable.aliases[:MOST_CHOICES]},
    }
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": json.dumps(remembered),
        "title": plain("Move alias", 24),
        "submit": plain("Move", 24),
        "close": plain("Back", 24),
        "blocks": [
            section(_about(movable)),
            select("Alias", ALIAS, choices, chosen=usual),
            _other(movable),
            text_input(
                "Reason",
                block_id=REASON,
                action_id=REASON,
                hint="Your name, the time and this reason are shown with the move and kept in the audit trail.",
                most=MOST_REASON,
            ),
            context("Whoever reads the alias gets this model from then on. `/proctor alias rollback` takes it back."),
        ],
    }


def _about(movable: Movable) -> str:
    target, settled = movable.target, movable.approval.settled
    assert settled is not None, "what can be moved to is settled"
    approved = people([vote.user for vote in movable.approval.votes_for(settled.choice)])
    lines = [
        f"*Step {target.step}* of `{target.job}`: `{escape(target.model)}`",
        f"Approved by {approved} {moment(settled.at)}.",
    ]
    alias = movable.alias(movable.usual)
    if alias:
        lines.append(f"`{alias.name}` points at {alias.current.place} since {moment(alias.current.at)}.")
        back = was_taken_back(alias, target.model)
        lines += [_taken_back(alias, back)] if back else []
    return "\n".join([*lines, *_against(movable)])


def _taken_back(alias: Alias, move: AliasMove) -> str:
    why = escape(" ".join(move.reason.split()))
    return f"*`{alias.name}` was taken back from this model* by {person(move.by)} {moment(move.at)}: {why}"


def _against(movable: Movable) -> list[str]:
    """Return how the model does against the one that the alias points at, where that was measured."""
    row = movable.evidence.of(movable.target.checkpoint) if movable.evidence else None
    versus = row.versus_alias if row else None
    if movable.evidence is None or versus is None or versus.low is None or versus.high is None:
        return []
    change = (
        f"{versus.mean:+.2f} on {grader_name(escape(movable.job.reward))} (95% {versus.low:+.2f} to {versus.high:+.2f}"
    )
    against = f"Against what `{movable.evidence.alias}` pointed at then: {change}, {versus.items} items)"
    return [f"{against}, {versus.verdict.value}."]


def _choice(movable: Movable, name: str) -> Choice:
    alias = movable.alias(name)
    return Choice(f"{name} ({alias.current.place if alias else 'new'})", name)


def _other(movable: Movable) -> Block:
    return {
        "type": "input",
        "block_id": OTHER,
        "optional": True,
        "label": plain("Or another name", 2000),
        "hint": plain(f"A name of its own, such as canary for {movable.usual.partition('@')[0]}@canary.", 2000),
        "element": {"type": "plain_text_input", "action_id": OTHER, "max_length": 100},
    }
