"""What others are told of an alias, in the one form that the page, the shell and the webhook share."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from jobs.aliases.records import Alias, AliasMove


def shown(alias: Alias) -> Mapping[str, object]:
    """Return what production is told of an alias: alias, model, platform, job, step, since (ISO 8601, UTC), version."""
    return _told(alias, alias.current)


def body_of(alias: Alias, move: AliasMove) -> bytes:
    """Return the JSON that tells of a move, the same bytes each time: as `shown` was then, with `was` and `kind`."""
    before = alias.move(move.number - 1) if move.number > 1 else None
    plain = {**_told(alias, move), "was": before.target.model if before else None, "kind": move.kind.value}
    return json.dumps(plain, separators=(",", ":")).encode()


def _told(alias: Alias, move: AliasMove) -> Mapping[str, object]:
    return {
        "alias": alias.name,
        "model": move.target.model,
        "platform": move.target.platform,
        "job": move.target.job,
        "step": move.target.step,
        "since": _iso(move.at),
        "version": move.number,
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")
