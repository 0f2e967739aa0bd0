"""Modals and App Homes: a stack of at most three modals for each person, and one Home."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from local.slack.change_stream import ChangeStream
from local.slack.errors import Json, SlackError
from local.slack.ids import Ids
from local.slack.input_state import initial_state
from local.slack.seed_data import TEAM_ID, InstalledApp
from local.slack.storage import Storage

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


class Views:
    """What is open on whose screen."""

    def __init__(self, storage: Storage, ids: Ids, changes: ChangeStream) -> None:
        self._homes = storage.table("homes", View)
        self._stacks: dict[str, list[View]] = {}
        self._ids = ids
        self._changes = changes

    def stack(self, user: str) -> list[View]:
        """The modals of a person, the one on top last."""
        return list(self._stacks.get(user, []))

    def top(self, user: str) -> View | None:
        """The modal a person sees."""
        return next(reversed(self.stack(user)), None)

    def home(self, user: str) -> View | None:
        """The App Home published for a person."""
        return self._homes.rows.get(user)

    def find(self, view_id: str = "", external_id: str = "") -> View | None:
        """The modal or Home of that id, or the one that the app gave that name."""
        every = [*(view for stack in self._stacks.values() for view in stack), *self._homes.rows.values()]
        if view_id:
            return next((view for view in every if view.id == view_id), None)
        return next((view for view in every if view.body.get("external_id") == external_id), None)

    def open(self, user: str, body: Json) -> View:
        """Show a modal on an empty stack; what was open is gone."""
        self._check_external_id(body)
        self._stacks.pop(user, None)
        return self.push(user, body)

    def push(self, user: str, body: Json) -> View:
        """Show a modal above the one on top, three deep at most."""
        stack = self._stacks.setdefault(user, [])
        if len(stack) >= _DEEPEST:
            raise SlackError("push_limit_reached")
        view = self._new(user, body, stack[-1] if stack else None)
        stack.append(view)
        self._tell(view)
        return view

    def update(self, view: View, body: Json, expected_hash: str = "") -> View:
        """Replace a view's content; inputs keep what was entered where block_id, action_id and type stay."""
        if expected_hash and expected_hash != view.hash:
            raise SlackError("hash_conflict")
        self._check_external_id(body, view.id)
        values = initial_state(body["blocks"], view.values)
        view = self._put(replace(view, body=body, hash=self._hash(), values=values))
        self._tell(view)
        return view

    def publish(self, user: str, body: Json, expected_hash: str) -> View:
        """Show a Home."""
        current = self._homes.rows.get(user)
        if current is not None:
            return self.update(current, body, expected_hash)
        view = self._put(self._new(user, body))
        self._tell(view)
        return view

    def enter(self, view: View, values: Mapping[str, Mapping[str, Json]]) -> View:
        """Keep what was entered, without a new hash: the content is the same."""
        block_ids = {**view.values, **values}
        merged = {block_id: {**view.values.get(block_id, {}), **values.get(block_id, {})} for block_id in block_ids}
        return self._put(replace(view, values=merged))

    def close(self, view: View) -> None:
        """Take a modal, and what lies above it, off its stack."""
        stack = self._stacks.get(view.user, [])
        ids = [one.id for one in stack]
        if view.id in ids:
            del stack[ids.index(view.id) :]
            self._tell(view)

    def reset(self) -> None:
        """Close every modal and forget every Home."""
        self._stacks.clear()
        self._homes.clear()

    def _new(self, user: str, body: Json, previous: View | None = None) -> View:
        self._check_external_id(body)
        view_id = self._ids.make("V")
        root_id, previous_id = (previous.root_id, previous.id) if previous else (view_id, None)
        return View(view_id, user, body, self._hash(), root_id, previous_id, initial_state(body["blocks"], {}))

    def _put(self, view: View) -> View:
        if view.body["type"] == "home":
            self._homes.put(view.user, view)
        else:
            stack = self._stacks.get(view.user, [])
            stack[:] = [view if one.id == view.id else one for one in stack]
        return view

    def _tell(self, view: View) -> None:
        self._changes.tell("home" if view.body["type"] == "home" else "view", user=view.user, view_id=view.id)

    def _hash(self) -> str:
        return f"{int(self._ids.now())}.{self._ids.short('h')}"

    def _check_external_id(self, body: Json, replaced: str = "") -> None:
        name = body.get("external_id")
        holder = self.find(external_id=name) if name else None
        if holder is not None and holder.id != replaced:
            raise SlackError("duplicate_external_id")


def view_json(view: View, app: InstalledApp) -> Json:
    """A view as Slack shows it, in answers and in payloads."""
    texts = {name: view.body.get(name, "") for name in ("private_metadata", "callback_id", "external_id")}
    switches = {name: view.body.get(name, False) for name in ("clear_on_close", "notify_on_close", "submit_disabled")}
    return {
        "id": view.id,
        "team_id": TEAM_ID,
        "type": view.body["type"],
        "title": view.body.get("title"),
        "submit": view.body.get("submit"),
        "close": view.body.get("close"),
        "blocks": view.body["blocks"],
        **texts,
        "state": {"values": view.values},
        "hash": view.hash,
        **switches,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "app_id": app.id,
        "app_installed_team_id": TEAM_ID,
        "bot_id": app.bot_id,
    }
