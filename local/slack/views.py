"""Modals and App Homes: a stack of at most three modals for each person, and one Home."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from local.slack.changes import Changes
from local.slack.furniture import TEAM_ID, InstalledApp
from local.slack.identity import Identity
from local.slack.inputs import initial_state
from local.slack.journal import Journal
from local.slack.wire import Json, SlackError

_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class View:
    """One modal or Home; `body` is the app's view with completed blocks, `values` what was entered so far."""

    id: str
    user: str
    body: Json
    hash: str
    root_id: str
    previous_id: str | None
    values: dict[str, dict[str, Json]]

    @property
    def blocks(self) -> list[Json]:
        """Its blocks."""
        return list(self.body["blocks"])


@dataclass(slots=True)
class Views:
    """What is open on whose screen."""

    journal: Journal
    identity: Identity
    changes: Changes
    app: InstalledApp
    _stacks: dict[str, list[View]] = field(default_factory=dict)
    _homes: dict[str, View] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in self.journal.table("homes").rows():
            self._homes[row["user"]] = View(**row)

    def stack(self, user: str) -> list[View]:
        """The modals of a person, the one on top last."""
        return list(self._stacks.get(user, []))

    def top(self, user: str) -> View | None:
        """The modal a person sees."""
        return next(reversed(self.stack(user)), None)

    def home(self, user: str) -> View | None:
        """The App Home published for a person."""
        return self._homes.get(user)

    def find(self, view_id: str) -> View | None:
        """The modal or Home of that id."""
        return next((view for view in self._all() if view.id == view_id), None)

    def open(self, user: str, body: Json) -> View:
        """Show a modal on an empty stack; what was open is gone."""
        self._check_external_id(body, replaced=None)
        view = self._new(user, body, previous=None)
        self._stacks[user] = [view]
        self._tell(view)
        return view

    def push(self, user: str, body: Json) -> View:
        """Show a modal above the one on top, three deep at most."""
        stack = self._stacks.get(user, [])
        if len(stack) >= _DEEPEST:
            raise SlackError("push_limit_reached")
        if not stack:
            return self.open(user, body)
        self._check_external_id(body, replaced=None)
        view = self._new(user, body, previous=stack[-1])
        stack.append(view)
        self._tell(view)
        return view

    def update(self, view: View, body: Json, expected_hash: str | None) -> View:
        """Replace a view's content; inputs keep what was entered where block_id, action_id and type stay."""
        self._check_hash(view, expected_hash)
        self._check_external_id(body, replaced=view)
        return self._put(replace(view, body=body, hash=self._hash(), values=initial_state(body["blocks"], view.values)))

    def publish(self, user: str, body: Json, expected_hash: str | None) -> View:
        """Show a Home."""
        current = self._homes.get(user)
        if current is None:
            return self._put(self._new(user, body, previous=None))
        return self.update(current, body, expected_hash)

    def by_external_id(self, external_id: str) -> View | None:
        """The view the app gave that name."""
        return next((view for view in self._all() if view.body.get("external_id") == external_id), None)

    def enter(self, view: View, values: Mapping[str, Mapping[str, Json]]) -> View:
        """Keep what was entered, without a new hash: the content is the same."""
        merged = {block_id: dict(entries) for block_id, entries in view.values.items()}
        for block_id, entries in values.items():
            merged.setdefault(block_id, {}).update(entries)
        return self._put(replace(view, values=merged), quiet=True)

    def close(self, view: View) -> None:
        """Take a modal, and what lies above it, off its stack."""
        stack = self._stacks.get(view.user, [])
        ids = [one.id for one in stack]
        if view.id in ids:
            del stack[ids.index(view.id) :]
            self._tell(view)

    def clear(self, user: str) -> list[View]:
        """Close everything; gives what was open."""
        closed = self._stacks.pop(user, [])
        for view in closed[-1:]:
            self._tell(view)
        return closed

    def reset(self) -> None:
        """Close every modal and forget every Home."""
        self._stacks.clear()
        self._homes.clear()
        self.journal.table("homes").clear()

    def _all(self) -> Iterable[View]:
        yield from (view for stack in self._stacks.values() for view in stack)
        yield from self._homes.values()

    def _new(self, user: str, body: Json, previous: View | None) -> View:
        view_id = self.identity.make("V")
        root_id = previous.root_id if previous else view_id
        values = initial_state(body["blocks"], {})
        return View(view_id, user, body, self._hash(), root_id, previous.id if previous else None, values)

    def _put(self, view: View, *, quiet: bool = False) -> View:
        if view.body["type"] == "home":
            self._homes[view.user] = view
            self.journal.table("homes").put(view.user, asdict(view))
        else:
            stack = self._stacks.get(view.user, [])
            stack[:] = [view if one.id == view.id else one for one in stack]
        if not quiet:
            self._tell(view)
        return view

    def _tell(self, view: View) -> None:
        self.changes.tell("home" if view.body["type"] == "home" else "view", user=view.user, view_id=view.id)

    def _hash(self) -> str:
        return f"{int(self.identity.now())}.{self.identity.short('h')}"

    def _check_hash(self, view: View, expected: str | None) -> None:
        if expected and expected != view.hash:
            raise SlackError("hash_conflict")

    def _check_external_id(self, body: Json, replaced: View | None) -> None:
        name = body.get("external_id")
        holder = self.by_external_id(name) if name else None
        if holder is not None and (replaced is None or holder.id != replaced.id):
            raise SlackError("duplicate_external_id")


def view_json(view: View, app: InstalledApp) -> Json:
    """A view as Slack shows it, in answers and in payloads."""
    body = view.body
    return {
        "id": view.id,
        "team_id": TEAM_ID,
        "type": body["type"],
        "title": body.get("title"),
        "submit": body.get("submit"),
        "close": body.get("close"),
        "blocks": body["blocks"],
        "private_metadata": body.get("private_metadata", ""),
        "callback_id": body.get("callback_id", ""),
        "external_id": body.get("external_id", ""),
        "state": {"values": view.values},
        "hash": view.hash,
        "clear_on_close": body.get("clear_on_close", False),
        "notify_on_close": body.get("notify_on_close", False),
        "submit_disabled": body.get("submit_disabled", False),
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "app_id": app.id,
        "app_installed_team_id": TEAM_ID,
        "bot_id": app.bot_id,
    }
