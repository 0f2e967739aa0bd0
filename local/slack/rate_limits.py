"""Slack's rate limits: per method by tier, and for posting per channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Literal, TypeAlias

from local.slack.timing import Clock

Tier: TypeAlias = Literal["tier1", "tier2", "tier3", "tier4", "special", "posting", "workspace_posting"]


@dataclass(frozen=True, slots=True)
class Rate:
    """A sustained rate and how many calls may come at once on top of silence."""

    per_minute: float
    burst: int


# Slack promises "50+ per minute" and allows unspecified bursts; the sustained figures are Slack's published floors.
# Tier 1 is kept above its floor of one, since a supervisor that restarts a few bots opens sockets in a row.
SLACK_RATES: Mapping[Tier, Rate] = {
    "tier1": Rate(6, 20),
    "tier2": Rate(20, 20),
    "tier3": Rate(50, 20),
    "tier4": Rate(100, 40),
    "special": Rate(600, 100),
    "posting": Rate(60, 10),
    "workspace_posting": Rate(300, 60),
}


@dataclass(slots=True)
class RateLimits:
    """Token buckets by tier and key; `rates=None` switches limiting off."""

    clock: Clock
    rates: Mapping[Tier, Rate] | None = field(default_factory=lambda: SLACK_RATES)
    _buckets: dict[tuple[Tier, str], tuple[float, float]] = field(default_factory=dict)
    """How many calls were left, and when."""

    def spend(self, tier: Tier, key: str) -> int:
        """Count one call. Zero when it may pass, else the whole seconds to wait (Retry-After)."""
        if self.rates is None:
            return 0
        rate, now = self.rates[tier], self.clock()
        left, counted_at = self._buckets.get((tier, key), (rate.burst, now))
        left = min(rate.burst, left + max(0.0, now - counted_at) * rate.per_minute / 60)
        seconds = max(1, ceil((1 - left) * 60 / rate.per_minute)) if left < 1 else 0
        self._buckets[tier, key] = (left if seconds else left - 1, now)
        return seconds

    def reset(self) -> None:
        """Forget what was counted."""
        self._buckets.clear()
