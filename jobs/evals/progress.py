"""How far an eval is: answers still to ask for, totals of those on file, and what the budget still allows."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jobs.evals.records import Answer, Coverage, Eval, Progress


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer to ask for: the item at a place of the split (from 0), an arm (from 0), a run (from 1)."""

    place: int
    arm: int
    run: int


class Cells:
    """The answers of an eval, and which of them are on file.

    They are asked for run by run, item by item, arm by arm, so that an eval that ends early has the same items for
    every arm.
    """

    def __init__(self, evaluation: Eval) -> None:
        self._items = evaluation.items
        self._arms = {arm.name: place for place, arm in enumerate(evaluation.arms)}
        self._on_file = bytearray(evaluation.total)

    def mark(self, answer: Answer, place: int) -> None:
        """Note that an answer to the item at `place` is on file."""
        self._on_file[((answer.run - 1) * self._items + place) * len(self._arms) + self._arms[answer.arm]] = True

    def missing(self) -> Iterator[Cell]:
        """Yield what is not on file, in the order in which it is asked for."""
        number = self._on_file.find(False)
        while number >= 0:
            rest, arm = divmod(number, len(self._arms))
            run, place = divmod(rest, self._items)
            yield Cell(place, arm, run + 1)
            number = self._on_file.find(False, number + 1)


class Tally:
    """Totals of the answers on file.

    Args:
        reward: name of the reward grader.
    """

    def __init__(self, reward: str) -> None:
        self._reward = reward
        self._failures: Counter[str] = Counter()
        self._rewards: dict[str, float] = {}
        self._coverage: dict[str, Coverage] = {}
        self.answered = 0
        self.tokens = 0
        self.judge_tokens = 0

    def add(self, answer: Answer) -> None:
        """Count an answer that is on file."""
        self.answered += 1
        self.judge_tokens += answer.judge_tokens
        self.tokens += (answer.input_tokens or 0) + (answer.output_tokens or 0) + answer.judge_tokens
        if answer.failure is not None:
            self._failures[answer.failure] += 1
        before, reward = self._coverage.get(answer.arm, Coverage(0, 0)), answer.scores.get(self._reward)
        if reward is not None:
            self._rewards[answer.arm] = self._rewards.get(answer.arm, 0.0) + reward
        self._coverage[answer.arm] = Coverage(
            before.asked + 1,
            before.scored + (reward is not None),
            before.ungradable + (self._reward in answer.ungradable),
        )

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return self._failures.total()

    def counting(self, answers: Iterable[Answer]) -> Iterator[Answer]:
        """Yield the answers, each counted."""
        for answer in answers:
            self.add(answer)
            yield answer

    def progress(self) -> Progress:
        """Return how far the eval is by now."""
        return Progress(
            answered=self.answered,
            failures=dict(self._failures.most_common()),
            tokens=self.tokens,
            rewards={arm: total / self._coverage[arm].scored for arm, total in self._rewards.items()},
            coverage=dict(self._coverage),
        )


class Budget:
    """Keeps an eval within its tokens, those of its judges included.

    An answer under way counts with the mean cost of the answers so far, and one that is not judged yet with the mean
    cost of the judgements so far.

    Args:
        limit: most tokens, input and output together; None for no limit.
        spent: tokens of the answers on file and of their judges.
        answers: how many those are.
        judges: models that each answer is graded by.
        judged: tokens of `spent` that were the judges'.
    """

    def __init__(
        self, limit: int | None, spent: int = 0, answers: int = 0, *, judges: int = 0, judged: int = 0
    ) -> None:
        self._limit = limit
        self._judges = judges
        self._answering: float = spent - judged
        self._answers = answers
        self._judging: float = judged
        self._judgements = answers
        self._under_way = 0
        self._ungraded = 0
        self._reserved = 0.0
        self._settled = asyncio.Event()

    async def reserve(self, guess: float) -> float | None:
        """Reserve tokens for one more answer as soon as there is room, and return how many.

        None where there is no room and nothing is under way.

        Args:
            guess: tokens that an answer, or a judgement, may cost as long as none has arrived.
        """
        while self._limit is not None and self._expected(guess) > self._limit:
            if not self._under_way and not self._ungraded:
                return None
            await self._settled.wait()
        cost = self._cost(guess)
        self._under_way += 1
        self._reserved += cost
        return cost

    def settle(self, reserved: float, cost: float | None, *, is_graded: bool = True) -> None:
        """Replace what was reserved by what the answer cost; None, where that is not known, leaves the guess.

        `judged` is to follow where the answer is to be graded.
        """
        self._under_way -= 1
        self._reserved = self._reserved - reserved if self._under_way else 0.0
        self._answering += reserved if cost is None else cost
        self._answers += 1
        self._ungraded += is_graded and self._judges > 0
        self._tell()

    def judged(self, cost: float) -> None:
        """Add what the judges of an answer cost that is settled."""
        self._judging += cost
        self._judgements += 1
        self._ungraded -= self._judges > 0
        self._tell()

    def _tell(self) -> None:
        self._settled.set()
        self._settled = asyncio.Event()

    def _expected(self, guess: float) -> float:
        """Return what there will be spent if one more answer is asked for."""
        judgement = self._judges * guess
        if self._judgements and self._judging:
            judgement = self._judging / self._judgements
        waiting = self._under_way + self._ungraded + 1
        spent = self._answering + self._judging + self._reserved
        return spent + self._cost(guess) + (waiting * judgement if self._judges else 0.0)

    def _cost(self, guess: float) -> float:
        return self._answering / self._answers if self._answers and self._answering else guess
