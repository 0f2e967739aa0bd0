"""Pointing an alias at an approved checkpoint: who may, at what, and everything that one move changes."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Final

import structlog

from jobs.aliases.call import CallOf, canonical
from jobs.aliases.records import (
    Alias,
    AliasMove,
    MoveKind,
    Target,
    WebhookCall,
    alias_of,
    read_alias,
    task_part,
)
from jobs.approvals.records import Approval, Ending
from jobs.core.errors import Conflict, NotAllowed, NotFound
from jobs.core.ids import proposal_item, webhook_item
from jobs.core.nearest import nearest
from jobs.core.permissions import Directory
from jobs.core.records import Job, Posting
from jobs.evidence.plan import Production
from jobs.evidence.records import Evidence
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retry_on_conflict
from jobs.trail.entry import Act, AuditEntry
from jobs.training.postings import status, summary_posting

MOST_REASON: Final = 300

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Movable:
    """An approved model, and the aliases that may point at it."""

    job: Job
    held: Versioned[Approval]
    target: Target
    evidence: Evidence | None
    usual: str
    """The alias that the task names for it."""
    aliases: tuple[Alias, ...]
    """The task's aliases that exist."""

    @property
    def approval(self) -> Approval:
        """The settled approval."""
        return self.held.value

    def alias(self, name: str) -> Alias | None:
        """Return the task's alias of this name, or None."""
        return next((alias for alias in self.aliases if alias.name == name), None)


@dataclass(frozen=True, slots=True)
class Moved:
    """The alias after a person asked to move it."""

    alias: Alias
    is_new: bool
    """False if it pointed at that model already."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """The aliases of this bot."""

    store: Store
    directory: Directory
    clock: Callable[[], float]
    """Unix seconds."""
    _: KW_ONLY
    notifies: bool
    """Whether there is a webhook to call on each move."""
    call_of: CallOf
    """Says how a job's models are to be asked."""

    async def every(self) -> tuple[Alias, ...]:
        """Return all aliases by name."""
        return tuple(sorted(await self.store.records(Alias), key=lambda alias: alias.name))

    async def named(self, name: str) -> Alias:
        """Return the alias of this name; raises NotFound naming the nearest."""
        return (await alias_named(self.store, name)).value

    async def movable(self, job_id: str, user: str) -> Movable:
        """Return the approved model of a job that this person may point an alias at.

        Raises:
            NotFound: there is no such job.
            Conflict: nothing of it is approved, or the evidence for what was has changed.
            NotAllowed: this person is no approver of it, or launched it.
        """
        held, approval = await self.store.record(Job, job_id), await self.store.record(Approval, job_id)
        if held is None:
            raise NotFound(f"There is no job '{job_id}'.")
        job, found = held.value, await self.store.record(Evidence, job_id)
        evidence = found.value if found else None
        choice = _approved_choice(approval.value) if approval else None
        if approval is None or choice is None:
            raise Conflict(f"No checkpoint of {job_id} is approved now, and an alias points only at what is approved.")
        if not _is_current(approval.value, choice, evidence):
            raise Conflict(
                f"The evidence for {job_id} has changed since it was approved. It needs approval on the new evidence; "
                "its summary says how far that is."
            )
        if user in approval.value.barred:
            raise NotAllowed(
                "You launched this job, so you cannot point an alias at its model; another approver has to."
            )
        if not await self.directory.is_any_of(user, approval.value.approvers):
            raise NotAllowed("Only approvers of this task can move its aliases, and you are not among them.")
        own = f"{task_part(job.task)}@"
        aliases = tuple(alias for alias in await self.every() if alias.name.startswith(own))
        return Movable(job, approval, target_of(job, approval.value, choice), evidence, alias_of(job), aliases)

    async def move(self, job_id: str, typed: str, user: str, reason: str, *, seen: Mapping[str, int]) -> Moved:
        """Point an alias at the approved checkpoint of a job.

        Args:
            job_id: the job.
            typed: the alias, as `production` or `eurovoc@production`.
            user: Slack user id.
            reason: in their words.
            seen: the version of each alias that the person was shown.

        Raises:
            InvalidRequest: it is not a name for an alias of the job's task.
            Conflict: it was moved since to another model; nothing was changed.
            UserError: as `movable`.
        """
        return await retry_on_conflict(lambda: self._move(job_id, typed, user, reason, seen))

    async def _move(self, job_id: str, typed: str, user: str, reason: str, seen: Mapping[str, int]) -> Moved:
        movable = await self.movable(job_id, user)
        name = read_alias(typed, movable.job.task)
        held = await self.store.record(Alias, name)
        if held and held.value.model == movable.target.model:
            return Moved(held.value, is_new=False)
        if held and held.value.version != seen.get(name, 0):
            raise Conflict(
                f"{name} was moved meanwhile: it points at {held.value.current.place} now. Nothing was changed; open "
                "the form again to move it from there."
            )
        move = AliasMove(
            number=held.value.version + 1 if held else 1,
            target=replace(movable.target, call=await self.call_of(movable.job)),
            kind=MoveKind.APPROVED,
            by=user,
            at=self.clock(),
            reason=reason,
            approved_by=tuple(vote.user for vote in movable.approval.votes_for(movable.target.checkpoint)),
        )
        alias = Alias(name, movable.job.task, (*held.value.moves, move) if held else (move,))
        change = await move_change(self.store, held, alias, notifies=self.notifies)
        # The approval is written with it as it is: if it changed meanwhile, nothing moves.
        await self.store.commit(replace(change, records=(*change.records, movable.held)))
        log.info("alias.moved", alias=name, model=alias.model, user=user)
        return Moved(alias, is_new=True)


async def alias_named(store: Store, name: str) -> Versioned[Alias]:
    """Return the alias of this name with its version; raises NotFound naming the nearest."""
    held = await store.record(Alias, name)
    if held is None:
        known = await store.ids(Alias)
        raise NotFound(f"There is no alias '{name}'; {nearest(name, known)}")
    return held


async def in_production(store: Store, job: Job) -> Production | None:
    """Return what a job's alias points at, or None if it points at nothing yet."""
    held = await store.record(Alias, alias_of(job))
    target = held.value.current.target if held else None
    return Production(alias_of(job), target.model, target.platform, target.step) if target else None


def target_of(job: Job, approval: Approval, choice: str) -> Target:
    """Return the model that the approval of a choice stands for."""
    kept = next((checkpoint for checkpoint in job.checkpoints if checkpoint.id == choice), None)
    return Target(
        model=approval.models.get(choice) or (kept.model_id if kept else choice),
        platform=job.platform,
        job=job.id,
        checkpoint=choice,
        step=kept.step if kept else 0,
        approval=approval.subject,
        evidence=approval.evidence.get(choice, ""),
    )


def _approved_choice(approval: Approval) -> str | None:
    settled = approval.settled
    return settled.choice if settled and settled.ending is Ending.APPROVED else None


def _is_current(approval: Approval, choice: str, evidence: Evidence | None) -> bool:
    """Tell whether the evidence for what was approved is still what it was approved on."""
    if evidence is None:
        return choice not in approval.evidence
    candidate = evidence.of(choice)
    return candidate is not None and candidate.digest == approval.evidence.get(choice, "")


# -- what one move changes -----------------------------------------------------------------------------------------


async def move_change(store: Store, held: Versioned[Alias] | None, alias: Alias, *, notifies: bool) -> Change:
    """Return everything that the newest move of an alias changes: the key that production reads, messages, the trail.

    Args:
        store: has the jobs whose checkpoints it points at, and pointed at before.
        held: the alias as it was read; None if it is new.
        alias: the alias after the move.
        notifies: whether there is a webhook to call.
    """
    move, before = alias.current, alias.before(alias.current)
    jobs = dict.fromkeys((move.target.job, before.target.job if before else move.target.job))
    found = [each.value for job in jobs if (each := await store.record(Job, job))]
    assert found[0].id == move.target.job, "an alias points at models of jobs"
    call = WebhookCall(f"{alias.name}:{move.number}", alias.name, move.number, move.at)
    waiting = held.value.proposal if held else None
    return Change(
        records=(Versioned(alias, held.version if held else 0), *([Versioned(call, 0)] if notifies else [])),
        plain={f"model:{alias.name}": alias.model, f"call:{alias.name}": canonical(alias.as_json(move))},
        schedule={
            **({webhook_item(call.id): 0.0} if notifies else {}),
            **({proposal_item(waiting): 0.0} if waiting else {}),
        },
        postings=(_moved_posting(alias, found[0]), *(summary_posting(each, urgent=True) for each in found)),
        audit=(_moved_entry(alias, where=found[0].request.channel),),
    )


def _moved_posting(alias: Alias, job: Job) -> Posting:
    """Return the line that tells a job's thread, and the channel, what an alias points at now."""
    move = alias.current
    line = status(job, _moved_text(alias, move), by=move.by if move.kind is MoveKind.APPROVED else None)
    return replace(line, id=f"alias:{alias.name}:{move.number}", broadcast=True)


def _moved_text(alias: Alias, move: AliasMove) -> str:
    before = alias.before(move)
    points = f"now points at {move.place} ({f'was {before.place}' if before else 'it is new'})"
    why = " ".join(move.reason.split()).rstrip(".")[:MOST_REASON]
    match move.kind:
        case MoveKind.APPROVED:
            return f"moved {alias.name}: it {points}. Reason: {why}"
        case MoveKind.ROLLBACK:
            return f"Rolled back, as approved: {alias.name} {points}. Reason: {why}."
        case MoveKind.EMERGENCY:
            return f"Emergency rollback: {alias.name} {points}. Reason: {why}."
        case MoveKind.RESTORED:
            return f"The review rejected the emergency rollback: {alias.name} {points}. Reason: {why}."


def _moved_entry(alias: Alias, *, where: str) -> AuditEntry:
    move, before = alias.current, alias.before(alias.current)
    details = {
        "alias": alias.name,
        "version": str(move.number),
        "model": move.target.model,
        "platform": move.target.platform,
        "job": move.target.job,
        "step": str(move.target.step),
        "was": before.target.model if before else "",
        "kind": move.kind.value,
        "proposed_by": move.by if move.kind is MoveKind.ROLLBACK else "",
        "approval": move.target.approval,
        "approved_by": " ".join(move.approved_by),
        "evidence": move.target.evidence,
        "proposal": move.proposal or "",
    }
    return AuditEntry(
        at=move.at,
        who=move.mover,
        act=Act.EMERGENCY_ROLLBACK if move.kind is MoveKind.EMERGENCY else Act.ALIAS_MOVED,
        task=alias.task,
        subject=alias.name,
        why=move.reason,
        where=where,
        details={name: value for name, value in details.items() if value},
    )
