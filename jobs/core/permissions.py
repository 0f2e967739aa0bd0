"""Who may do what to a job, an eval or a schedule of evals.

                              who launched it    an approver of its task    anybody else
    pause                     yes                yes                        yes
    resume                    yes                yes                        no
    cancel                    yes                yes                        no
    evaluate again            yes                yes                        no
    say which task it is of   yes                yes                        no
    end (a schedule)          yes                yes                        no

A pause can be taken back and saves money, so it is everybody's. A cancelled job is paid for and lost, and what resumes
or is evaluated again costs more. Small teams open all of it to everybody.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Final, Protocol

from jobs.core.errors import NotAllowed
from jobs.core.ids import SHELL
from jobs.core.records import Job

ApproversOf = Callable[[str], Awaitable[tuple[str, ...]]]
"""A task's approvers (Slack user-group handles or ids) by its name, also of a task that is no more."""


class Directory(Protocol):
    """Knows who belongs to which group."""

    async def is_any_of(self, user: str, approvers: tuple[str, ...]) -> bool:
        """Tell whether the user is named in `approvers` or a member of a group named there; may be a minute old."""

    async def still(self, users: Collection[str], approvers: tuple[str, ...]) -> frozenset[str]:
        """Return those of the users who are named in `approvers`, or members of a group named there, right now."""


class Permission(StrEnum):
    """What is done to a job or an eval; an `Action` and the permission of the same value are one."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    EVALUATE_AGAIN = "evaluate_again"
    """Its checkpoints, which costs model calls and ends the votes so far."""
    GIVE_TASK = "give_task"
    """To a job launched elsewhere: whose graders, approvers and guardrails hold for it."""
    END = "end"
    """A schedule of evals."""


EVERYBODYS: Final = frozenset({Permission.PAUSE})
DEEDS: Final[Mapping[Permission, str]] = {
    Permission.EVALUATE_AGAIN: "have the checkpoints of {} evaluated again",
    Permission.GIVE_TASK: "say which task {} is of",
}
"""What is done to a job, if its name does not say it."""
REASONS: Final[Mapping[Permission, str]] = {
    Permission.PAUSE: "It can be resumed.",
    Permission.RESUME: "Resumed, it costs money again.",
    Permission.CANCEL: "A cancelled job cannot be resumed, and its cost is not refunded.",
    Permission.EVALUATE_AGAIN: "It costs model calls, and the votes so far would no longer count.",
    Permission.GIVE_TASK: "The task decides who approves its checkpoints, and what they are measured by.",
}
"""Why not everybody may."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a person may not do it: only `owner` and the approvers may."""

    permission: Permission
    owner: str


class NotPermitted(NotAllowed):
    """Others may do this; its text mentions them the way Slack does, such as `<@U0ALICE>`."""


def may(
    permission: Permission, *, user: str, owner: str, is_approver: bool, open_control: bool = False
) -> Refusal | None:
    """Return None where a person may do it, else why not.

    `owner` launched or started it, or asked to watch what was launched elsewhere.
    """
    permitted = permission in EVERYBODYS or open_control or user == owner or is_approver
    return None if permitted else Refusal(permission, owner)


@dataclass(frozen=True, slots=True)
class Permissions:
    """Refuses, in words, what a person may not do."""

    directory: Directory
    approvers_of: ApproversOf
    """For what does not keep its own approvers."""
    _: KW_ONLY
    open_control: bool = False
    """Whether everybody may do everything."""

    async def require_for_job(self, permission: Permission, job: Job, user: str, *, pausable: bool = False) -> None:
        """Raise NotPermitted, naming who may, where a person may not do this to a job.

        `pausable` tells whether it could be paused now, which they may.
        """
        owner = job.request.requested_by
        refusal = await self._refusal(permission, user, owner, job.approvers)
        if refusal:
            owns = "asked to watch" if job.imported else "launched"
            stops = pausable and permission is Permission.CANCEL
            instead = f" Anybody may pause it meanwhile: `/rft pause {job.id}`." if stops else ""
            raise NotPermitted(f"{_who(refusal, owns, job.id, job.approvers)} {REASONS[permission]}{instead}")

    async def require_for_eval(self, eval_id: str, user: str, *, owner: str, task: str) -> None:
        """Raise NotPermitted, naming who may, if a person may not cancel an eval that `owner` started on a task."""
        approvers = () if user == owner else await self.approvers_of(task)
        refusal = await self._refusal(Permission.CANCEL, user, owner, approvers)
        if refusal:
            raise NotPermitted(
                f"{_who(refusal, 'started', eval_id, approvers)} A cancelled eval cannot be resumed, "
                "and what it cost is spent."
            )

    async def require_for_schedule(
        self, permission: Permission, schedule: str, user: str, *, owner: str, task: str
    ) -> None:
        """Raise NotPermitted, naming who may, if a person may not do this to a schedule of evals."""
        approvers = () if user == owner else await self.approvers_of(task)
        refusal = await self._refusal(permission, user, owner, approvers)
        if refusal:
            raise NotPermitted(f"{_who(refusal, 'made', schedule, approvers)} Anybody may pause it.")

    async def _refusal(
        self, permission: Permission, user: str, owner: str, approvers: tuple[str, ...]
    ) -> Refusal | None:
        """Decide; who is an approver is asked only where it matters."""
        refused = may(permission, user=user, owner=owner, is_approver=False, open_control=self.open_control)
        if refused is None:
            return None
        is_approver = await self.directory.is_any_of(user, approvers)
        return may(permission, user=user, owner=owner, is_approver=is_approver, open_control=self.open_control)


def _who(refusal: Refusal, owns: str, subject: str, approvers: tuple[str, ...]) -> str:
    groups = ", ".join(_named(each) for each in approvers)
    others = f" and its approvers ({groups})" if groups else ""
    what = DEEDS.get(refusal.permission, f"{refusal.permission.value} {{}}").format(subject)
    owner = refusal.owner if refusal.owner.startswith(SHELL) else f"<@{refusal.owner}>"
    return f"Only {owner}, who {owns} it,{others} can {what}."


def _named(approver: str) -> str:
    """Return a group's handle, or a mention of a person named by id."""
    return f"<@{approver}>" if approver[:1] in "UW" and approver.isupper() else f"@{approver.lstrip('@')}"
