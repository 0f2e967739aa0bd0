"""Permissions for tests: who is an approver is a set of ids."""

from collections.abc import Collection

from jobs.core.permissions import Permissions

APPROVERS = ("model-approvers",)


class SmallDirectory:
    """A directory of one group, `model-approvers`."""

    def __init__(self, *members: str) -> None:
        self.members = frozenset(members)

    async def is_any_of(self, user: str, approvers: tuple[str, ...]) -> bool:
        """Tell whether the user is named, or in the group where it is named."""
        return user in await self.still((user,), approvers)

    async def still(self, users: Collection[str], approvers: tuple[str, ...]) -> frozenset[str]:
        """Return those who are named, or in the group where it is named."""
        group = self.members if "model-approvers" in approvers else frozenset()
        return frozenset(users) & (group | set(approvers))


async def approvers_of(_task: str) -> tuple[str, ...]:
    """Return the same for every task."""
    return APPROVERS


def permissions(*approvers: str, open_control: bool = False) -> Permissions:
    """Return permissions under which these people are approvers of every task."""
    return Permissions(SmallDirectory(*approvers), approvers_of, open_control=open_control)


EVERYBODY_MAY = permissions(open_control=True)
