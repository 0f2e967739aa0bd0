"""Aliases: the button that moves one, its form, and the answers to `/proctor alias`."""

import json
from dataclasses import replace
from typing import Any, Final

from slack_bolt.async_app import AsyncAck

from charts.wording import counted
from handlers.aliases.messages import alias_details, alias_list
from handlers.approvals.messages import MOVE_ALIAS, comparison_numbers, groups
from handlers.slack.blocks import Block, context, escape, quoted, section
from handlers.slack.commands import Typed
from handlers.slack.forms import (
    MOST_REASON,
    REASON,
    REASON_MISSING,
    SHORTEST_REASON,
    Choice,
    modal,
    read_reason,
    reason_input,
    select,
    text_input,
)
from handlers.slack.listeners import Listeners
from handlers.slack.replies import Answers, Asker
from handlers.slack.wording import moment, people, person
from jobs.aliases.move import Aliases, Movable, Moved
from jobs.aliases.records import Alias, read_alias, undone_by_rollback, was_taken_back
from jobs.aliases.rollback import Rollbacks
from jobs.core.errors import Conflict, InvalidRequest
from jobs.views.checkpoint import evidence_view

FORM: Final = "alias_move"
ROLL_BACK: Final = "roll_back_alias"
"""The button on what says that an alias's model has become worse."""
ROLLBACK_FORM: Final = "alias_rollback"
HOW: Final = "how"
ALIAS: Final = "alias"
OTHER: Final = "other"
PROPOSE: Final = Choice("Propose it: it moves once it is approved", "propose")
EMERGENCY: Final = Choice("At once, as an approver: reviewed afterwards", "emergency")
MOST_CHOICES: Final = 40


def register(listeners: Listeners) -> None:
    """Listen to the buttons that move an alias or roll it back, and to their forms."""
    listeners.opens_form(MOVE_ALIAS, ask_where)
    listeners.form(FORM, take_move)
    listeners.opens_form(ROLL_BACK, ask_why)
    listeners.form(ROLLBACK_FORM, take_rollback)


async def ask_where(asker: Asker, action: dict[str, Any], aliases: Aliases) -> Block:
    """Return the form for whoever may move an alias to what was approved; tell everybody else why they may not."""
    return form(await aliases.movable(str(action["value"]), asker.user), asker.channel)


async def take_move(
    ack: AsyncAck, view: dict[str, Any], asker: Asker, answers: Answers, aliases: Aliases, took_effect: bool
) -> None:
    """Move the alias, and tell the person who asked the result."""
    values = view["state"]["values"]
    remembered = json.loads(str(view["private_metadata"]))
    reason = read_reason(values)
    other = str(values[OTHER][OTHER]["value"] or "").strip()
    wrong = {} if reason else {REASON: REASON_MISSING}
    if other and not wrong:
        try:
            read_alias(other, str(remembered["task"]))
        except InvalidRequest as problem:
            wrong = {OTHER: str(problem)}
    if wrong:
        await ack(response_action="errors", errors=wrong)
        return
    await ack()
    name = other or str(values[ALIAS][ALIAS]["selected_option"]["value"])
    moved = await aliases.move(remembered["job"], name, asker.user, reason, seen=remembered["seen"])
    await answers.tell(asker.user, asker.channel, _result(replace(moved, is_new=moved.is_new or took_effect)))


async def ask_why(asker: Asker, action: dict[str, Any], aliases: Aliases) -> Block:
    """Return the form that rolls an alias back; raises Conflict where there is nothing before its model."""
    asked = json.loads(str(action["value"]))
    return rollback_form(await aliases.named(asked["alias"]), asked["reason"], asker.channel)


async def take_rollback(
    ack: AsyncAck,
    view: dict[str, Any],
    asker: Asker,
    answers: Answers,
    aliases: Aliases,
    rollbacks: Rollbacks,
    took_effect: bool,
) -> None:
    """Propose the rollback, or do it in an emergency, and tell the person who asked the result."""
    values, remembered = view["state"]["values"], json.loads(str(view["private_metadata"]))
    reason = read_reason(values)
    if not reason:
        await ack(response_action="errors", errors={REASON: REASON_MISSING})
        return
    await ack()
    alias = await aliases.named(remembered["alias"])
    if alias.version != remembered["version"] and not took_effect:
        raise Conflict(
            f"{alias.name} was moved meanwhile: it points at {alias.current.place} now. Nothing was changed."
        )
    emergency = values[HOW][HOW]["selected_option"]["value"] == EMERGENCY.value
    done = await _begun(alias.name, reason, asker, rollbacks, emergency=emergency)
    await answers.tell(asker.user, asker.channel, done)


async def answer_alias(typed: Typed, asker: Asker, aliases: Aliases, rollbacks: Rollbacks) -> str:
    """Show one alias, or all of them; or take one back."""
    first, second, *_ = (*typed.words, "", "")
    if first.lower() == "rollback":
        return await _roll_back(typed, second, asker, rollbacks)
    if typed.given or second:
        raise InvalidRequest(
            "`/proctor alias` takes an alias, or `rollback <alias> reason=...`; on its own it lists all."
        )
    if not first:
        return alias_list(await aliases.every())
    alias = await aliases.named(first)
    return alias_details(alias, await rollbacks.find(alias.proposal) if alias.proposal else None)


async def _roll_back(typed: Typed, name: str, asker: Asker, rollbacks: Rollbacks) -> str:
    """Propose a rollback, or do it in an emergency; return the sentence that confirms it."""
    if not name:
        raise InvalidRequest('Say which: `/proctor alias rollback <alias> reason="..."`.')
    reason = " ".join(typed.given.get("reason", "").split())
    if not SHORTEST_REASON <= len(reason) <= MOST_REASON:
        raise InvalidRequest(
            f'Say why, in {SHORTEST_REASON} to {MOST_REASON} characters: `/proctor alias rollback {name} reason="..."`.'
        )
    emergency = typed.given.get("emergency", "no").lower()
    if emergency not in {"yes", "no"}:
        raise InvalidRequest(f"`emergency={emergency}` does not work; it is `yes` or `no`.")
    return await _begun(name, reason, asker, rollbacks, emergency=emergency == "yes")


async def _begun(name: str, reason: str, asker: Asker, rollbacks: Rollbacks, *, emergency: bool) -> str:
    if emergency:
        done = await rollbacks.begin(name, asker.user, reason, asker.trigger, emergency=True)
        return (
            f"Done: `{name}` points at {done.alias.current.place} now. The approvers are called and review it: "
            f"{done.approval.quorum} of them confirm it, or a rejection takes it forward again."
        )
    asked = await rollbacks.begin(name, asker.user, reason, asker.trigger)
    return (
        f"Proposed as `{asked.proposal.id}`: back to {asked.returns_to.place}. `{name}` moves automatically once "
        f"{asked.approval.quorum} of {groups(asked.approval)} have approved it in <#{asked.proposal.channel}>."
    )


def _result(moved: Moved) -> str:
    alias, current = moved.alias, moved.alias.current
    if moved.is_new:
        return f"Done: `{alias.name}` points at {current.place} now. The job's thread and the channel say so."
    return (
        f"Nothing was changed: `{alias.name}` points at {current.place} already. {person(current.mover)} moved it "
        f"{moment(current.at)}."
    )


# -- the forms --------------------------------------------------------------------------------------------------------


def form(movable: Movable, channel: str) -> Block:
    """Return the form that asks which alias is to point at an approved model, and why.

    Args:
        movable: the approved model, and the aliases that may point at it.
        channel: where the answer goes.
    """
    names = [movable.usual, *(alias.name for alias in movable.aliases if alias.name != movable.usual)]
    choices = [_choice(movable, name) for name in names[:MOST_CHOICES]]
    remembered = {
        "job": movable.job.id,
        "task": movable.job.task,
        "channel": channel,
        "seen": {alias.name: alias.version for alias in movable.aliases[:MOST_CHOICES]},
    }
    task = movable.usual.partition("@")[0]
    blocks = [
        section(_about(movable)),
        select("Alias", ALIAS, choices, chosen=choices[0]),
        text_input(
            "Or another name", OTHER, f"A name of its own, such as canary for {task}@canary.", 100, optional=True
        ),
        reason_input("Your name, the time and this reason are shown with the move and kept in the audit trail."),
        context("Whoever reads the alias gets this model from then on. `/proctor alias rollback` takes it back."),
    ]
    return modal(FORM, "Move alias", "Move", blocks, json.dumps(remembered))


def rollback_form(alias: Alias, reason: str, channel: str) -> Block:
    """Return the form that asks why an alias is to be rolled back, and whether at once.

    Args:
        alias: as it is now.
        reason: what stands in the form already.
        channel: where the answer goes.

    Raises:
        Conflict: there is no approved model before the one it points at.
    """
    before = undone_by_rollback(alias)
    if before is None:
        raise Conflict(f"{alias.name} points at {alias.current.place}, and there is no approved model before that.")
    blocks = [
        section(f"`{alias.name}` goes back from {alias.current.place} to *{before.place}*."),
        select("How", HOW, (PROPOSE, EMERGENCY), chosen=PROPOSE),
        reason_input("It is shown with your name and kept in the audit trail.", reason),
    ]
    remembered = {"alias": alias.name, "version": alias.version, "channel": channel}
    return modal(ROLLBACK_FORM, "Roll back", "Roll back", blocks, json.dumps(remembered))


def _about(movable: Movable) -> str:
    target, settled = movable.target, movable.approval.settled
    assert settled is not None, "only what is settled can be moved to"
    approved = people(vote.user for vote in movable.approval.votes_for(settled.choice))
    lines = [
        f"*Step {target.step}* of `{target.job}`: `{escape(target.model)}`",
        f"Approved by {approved} {moment(settled.at)}.",
    ]
    if alias := movable.alias(movable.usual):
        lines.append(f"`{alias.name}` points at {alias.current.place} since {moment(alias.current.at)}.")
        if back := was_taken_back(alias, target.model):
            why = f"by {person(back.mover)} {moment(back.at)}: {quoted(back.reason)}"
            lines.append(f"*`{alias.name}` was taken back from this model* {why}")
    return "\n".join([*lines, *_against(movable)])


def _against(movable: Movable) -> list[str]:
    """Return how the model compares with the one that the alias points at, if that was measured."""
    evidence = evidence_view(movable.job, movable.evidence) if movable.evidence else None
    row = evidence.of(movable.target.checkpoint) if evidence else None
    if evidence is None or row is None or row.against_alias is None:
        return []
    compared = row.against_alias
    on = f"{escape(evidence.reward)}, {counted(compared.versus.items, 'item')}"
    return [f"Against what `{evidence.alias}` pointed at then ({on}): {comparison_numbers(compared)}."]


def _choice(movable: Movable, name: str) -> Choice:
    alias = movable.alias(name)
    return Choice(f"{name} ({alias.current.place if alias else 'new'})", name)
