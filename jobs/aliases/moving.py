"""Pointing an alias at an approved checkpoint: who may, at what, and what becomes of two who do it at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from jobs.aliases.naming import alias_of, read_alias, task_part
from jobs.aliases.pointing import Held, change_of, is_current, left_behind, moved, target_of
from jobs.aliases.records import Alias, AliasMove, MoveKind, Target
from jobs.approvals.records import Approval, Ending
from jobs.core.errors import Conflict, NotAllowed, NotFound
from jobs.core.nearest import nearest
from jobs.core.permissions import Directory
from jobs.core.records import Job
from jobs.evidence.records import Evidence
from jobs.state.change import Versioned
from jobs.state.store import Store, VersionConflict

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
    """Those of the task that exist."""

    @property
    def approval(self) -> Approval:
        """The settled approval."""
        return self.held.value

    def alias(self, name: str) -> Alias | None:
        """Return the alias of the task called so, or None."""
        return next((alias for alias in self.aliases if alias.name == name), None)


@dataclass(frozen=True, slots=True)
class Moved:
    """What a wish to move an alias came to."""

    alias: Alias
    is_new: bool
    """False where it pointed at that model already."""


class Aliases:
    """The aliases of this bot.

    Args:
        store: where they are kept.
        directory: who is an approver.
        clock: unix seconds.
        notifies: whether there is a webhook to call on each move.
    """

    def __init__(self, store: Store, directory: Directory, clock: Callable[[], float], *, notifies: bool) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._notifies = notifies

    async def every(self) -> tuple[Alias, ...]:
        """Return all aliases by name."""
        return tuple(sorted(await self._store.records(Alias), key=lambda alias: alias.name))

    async def named(self, name: str) -> Alias:
        """Return the alias called so; raises NotFound naming the nearest."""
        return (await alias_named(self._store, name)).value

    async def movable(self, job_id: str, user: str) -> Movable:
        """Return the approved model of a job that this person may point an alias at.

        Raises:
            NotFound: there is no such job.
            Conflict: nothing of it is approved, or the evidence for what was has changed.
            NotAllowed: this person is no approver of it, or launched it.
        """
        held, approval = await self._store.record(Job, job_id), await self._store.record(Approval, job_id)
        if held is None:
            raise NotFound(f"There is no job '{job_id}'.")
        job, evidence = held.value, await self._store.record(Evidence, job_id)
        settled = approval.value.settled if approval else None
        if approval is None or settled is None or settled.ending is not Ending.APPROVED:
            raise Conflict(f"No checkpoint of {job_id} is approved now, and an alias points only at what is approved.")
        if not is_current(approval.value, evidence.value if evidence else None):
            raise Conflict(
                f"The evidence for {job_id} has changed since it was approved. It needs approval on the new evidence; "
                "its summary says how far that is."
            )
        await self._require_entitled(approval.value, user)
        own = f"{task_part(job.task)}@"
        return Movable(
            job,
            approval,
            target_of(job, approval.value),
            evidence.value if evidence else None,
            alias_of(job),
            tuple(alias for alias in await self.every() if alias.name.startswith(own)),
        )

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
        while True:
            movable = await self.movable(job_id, user)
            name = read_alias(typed, movable.job.task)
            found = await self._store.record(Alias, name)
            held = Held(found.value, found.version) if found else Held(None, 0)
            if held.alias and held.alias.current.target.model == movable.target.model:
                return Moved(held.alias, is_new=False)
            _require_unmoved(held.alias, seen.get(name, 0))
            alias = self._moved(held, name, movable, user, reason)
            try:
                left = await job_left(self._store, alias)
                change = change_of(held, alias, movable.job, left, notifies=self._notifies)
                # The approval is written with it as it is: where it changed meanwhile, nothing moves.
                await self._store.commit(replace(change, records=(*change.records, movable.held)))
            except VersionConflict:
                continue
            log.info("alias.moved", alias=name, model=alias.model, user=user)
            return Moved(alias, is_new=True)

    def _moved(self, held: Held, name: str, movable: Movable, user: str, reason: str) -> Alias:
        settled = movable.approval.settled
        assert settled is not None, "what can be moved to is settled"
        move = AliasMove(
            number=held.alias.version + 1 if held.alias else 1,
            target=movable.target,
            kind=MoveKind.APPROVED,
            by=user,
            at=self._clock(),
            reason=reason,
            approved_by=tuple(vote.user for vote in movable.approval.votes_for(settled.choice)),
        )
        return moved(held, name, movable.job.task, move)

    async def _require_entitled(self, approval: Approval, user: str) -> None:
        if user in approval.barred:
            raise NotAllowed(
                "You launched this job, so you cannot point an alias at its model; another approver has to."
            )
        if not await self._directory.is_any_of(user, approval.approvers):
            raise NotAllowed("Only approvers of this task can move its aliases, and you are not among them.")


async def alias_named(store: Store, name: str) -> Versioned[Alias]:
    """Return the alias called so with its version; raises NotFound naming the nearest."""
    held = await store.record(Alias, name)
    if held is None:
        known = [alias.name for alias in await store.records(Alias)]
        raise NotFound(f"There is no alias '{name}'; {nearest(name, known)}")
    return held


async def job_left(store: Store, alias: Alias) -> Job | None:
    """Return the job whose checkpoint the newest move of an alias left, where that is another job."""
    before = left_behind(alias)
    held = await store.record(Job, before) if before else None
    return held.value if held else None


def _require_unmoved(alias: Alias | None, seen: int) -> None:
    version = alias.version if alias else 0
    if alias and version != seen:
        last = alias.current
        raise Conflict(
            f"{alias.name} was moved meanwhile: it points at step {last.target.step} of {last.target.job} now. Nothing "
            "was changed; open the form again to move it from there."
        )
