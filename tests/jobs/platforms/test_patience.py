"""How long a platform that cannot be used now is waited for, and when it is asked again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.core.errors import BotError, InvalidRequest, PlatformRejected, PlatformUnavailable
from jobs.platforms.patience import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PATIENCE,
    QUESTION_PATIENCE,
    SPREAD,
    answered,
    given_up,
    wait_for,
)

NOW = 1_000_000_000.0
AWAY = PlatformUnavailable("Platform is away.")


def test_how_long_is_waited_is_in_the_documentation() -> None:
    told = " ".join((Path(__file__).parents[3] / "docs" / "running.md").read_text("utf-8").split())
    assert f"for {PATIENCE / 3600:.0f} hours from the first failure" in told
    assert f"after {FIRST_PAUSE:.0f} s, then more and more rarely" in told


def test_pauses_grow_with_the_time_waited_and_end_when_patience_does() -> None:
    since, now, pauses = None, NOW, []
    while wait := wait_for(AWAY, since, now):
        pauses.append(wait.pause)
        since, now = wait.since, now + wait.pause
    assert since == NOW
    assert FIRST_PAUSE <= pauses[0] <= FIRST_PAUSE * SPREAD
    assert max(pauses) <= LONGEST_PAUSE * SPREAD
    assert sum(pauses) == pytest.approx(PATIENCE), "the last attempt is made when patience runs out"
    assert sum(pauses[:8]) < 120.0 < sum(pauses[:20]), "often at first, then once a minute"


def test_a_platform_is_never_asked_sooner_than_it_asks_for_and_not_by_all_at_once() -> None:
    waits = [wait_for(PlatformUnavailable("Busy.", retry_after=40.0), None, NOW) for _ in range(50)]
    pauses = {wait.pause for wait in waits if wait}
    assert len(pauses) == 50
    assert min(pauses) >= 40.0
    assert max(pauses) <= 40.0 * SPREAD


def test_a_platform_that_asks_for_more_than_patience_is_given_up_at_once() -> None:
    assert wait_for(PlatformUnavailable("Closed.", retry_after=PATIENCE + 1), None, NOW) is None


@pytest.mark.parametrize("failure", [PlatformRejected("No."), InvalidRequest("No key."), BotError("Something.")])
def test_what_no_waiting_mends_is_not_waited_for(failure: BotError) -> None:
    assert wait_for(failure, None, NOW) is None
    assert given_up(failure, None, NOW) == given_up(failure, NOW - 60, NOW) == str(failure)


def test_what_is_waited_for_is_said_with_its_end() -> None:
    wait = wait_for(AWAY, NOW - 60, NOW)
    assert wait is not None
    assert wait.sentence == "Platform is away. I keep trying until 2001-09-09 07:45 UTC."
    tried = "Platform is away. I tried for 1 min 05 s; ask again when the platform answers."
    assert given_up(AWAY, NOW - 65, NOW) == tried


@dataclass
class Shop:
    """Somebody who asks a platform that fails as it is told, and is told about it; time passes in pauses alone."""

    answers: Iterator[Exception | str]
    told: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    async def ask(self) -> str:
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def tell(self, text: str) -> None:
        self.told.append(text)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def answer(self) -> str:
        return await answered(self.ask, self.tell, clock=lambda: sum(self.pauses), sleep=self.sleep)


async def test_a_question_is_asked_again_and_that_is_said_once() -> None:
    shop = Shop(iter([AWAY, PlatformUnavailable("Busy.", retry_after=5.0), "here"]))
    assert await shop.answer() == "here"
    assert shop.told == ["Platform is away. I ask again for up to 30 s."]
    assert shop.pauses[1] >= 5.0


async def test_a_question_that_is_answered_or_refused_at_once_says_nothing_more() -> None:
    assert await (shop := Shop(iter(["here"]))).answer() == "here"
    with pytest.raises(PlatformRejected):
        await (refused := Shop(iter([PlatformRejected("No.")]))).answer()
    assert shop.told == refused.told == []


async def test_a_question_is_given_up_after_half_a_minute() -> None:
    shop = Shop(iter([AWAY] * 100))
    with pytest.raises(PlatformUnavailable, match="I tried for 30 s; ask again when the platform answers"):
        await shop.answer()
    assert sum(shop.pauses) == pytest.approx(QUESTION_PATIENCE)
    assert len(shop.told) == 1
