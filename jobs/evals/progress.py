"""How far an eval is: which answers are still to be asked, what those on file come to, what the budget still allows."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from jobs.evals.records import Answer, Eval, Progress


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer to be asked: the item at a place of the split (from 0), an arm (from 0), a run (from 1)."""

    place: int
    arm: int
    run: int


class Cells:
    """The answers of an eval, and which of them are on file: one bit each.

    They are asked run by run, item by item, arm by arm, so that whatever is there when an eval ends early is the same
    items for every arm.

    Args:
        evaluation: says how many there are.
    """

    def __init__(self, evaluation: Eval) -> None:
        self._items, self._arms, self._runs = evaluation.items, len(evaluation.arms), evaluation.runs
        self._names = {arm.name: place for place, arm in enumerate(evaluation.arms)}
        self._on_file = bytearray((evaluation.total + 7) // 8)

    def mark(self, answer: Answer, place: int) -> None:
        """Note that an answer to the item at `place` is on file."""
        number = self._number(Cell(place, self._names[answer.arm], answer.run))
        self._on_file[number >> 3] |= 1 << (number & 7)

    def missing(self) -> Iterator[Cell]:
        """Yield what is not on file, in the order in which it is asked."""
        for run in range(1, self._runs + 1):
            for place in range(self._items):
                for arm in range(self._arms):
                    cell = Cell(place, arm, run)
                    number = self._number(cell)
                    if not self._on_file[number >> 3] >> (number & 7) & 1:
                        yield cell

    def _number(self, cell: Cell) -> int:
        return ((cell.run - 1) * self._items + cell.place) * self._arms + cell.arm


class Tally:
    """Counts answers as they come.

    Args:
        reward: name of the reward grader.
    """

    def __init__(self, reward: str) -> None:
        self._reward = reward
        self._failures: Counter[str] = Counter()
        self._rewards: dict[str, tuple[float, int]] = {}
        self.answered = 0
        self.tokens = 0

    def add(self, answer: Answer) -> None:
        """Count an answer that is on file."""
        self.answered += 1
        self.tokens += (answer.input_tokens or 0) + (answer.output_tokens or 0)
        if answer.failure is not None:
            self._failures[answer.failure] += 1
        reward = answer.scores.get(self._reward)
        if reward is not None:
            total, count = self._rewards.get(answer.arm, (0.0, 0))
            self._rewards[answer.arm] = (total + reward, count + 1)

    def progress(self) -> Progress:
        """Return how far the eval is by now."""
        return Progress(
            answered=self.answered,
            failures=dict(self._failures.most_common()),
            tokens=self.tokens,
            rewards={arm: total / count for arm, (total, count) in self._rewards.items()},
        )


class Budget:
    """Keeps an eval within its tokens: what is under way counts with what the answers so far have cost on average.

    Args:
        limit: most tokens, input and output together; None for no limit.
        spent: what the answers on file have cost.
        answers: how many those are.
    """

    def __init__(self, limit: int | None, spent: int = 0, answers: int = 0) -> None:
        self._limit = limit
        self._spent: float = spent
        self._answers = answers
        self._open = 0
        self._set_aside = 0.0
        self._settled = asyncio.Event()

    async def take(self, guess: float) -> float | None:
        """Set tokens aside for one more answer and return how many, as soon as what is under way leaves room for it.

        None where there is no room and nothing is under way.

        Args:
            guess: what the answer may cost, as long as none has come.
        """
        while self._limit is not None and self._spent + self._set_aside + self._cost(guess) > self._limit:
            if not self._open:
                return None
            await self._settled.wait()
        cost = self._cost(guess)
        self._open += 1
        self._set_aside += cost
        return cost

    def settle(self, taken: float, cost: float | None) -> None:
        """Replace what was set aside by what the answer cost; None, where that is not known, leaves it as guessed."""
        self._open -= 1
        self._set_aside = self._set_aside - taken if self._open else 0.0
        self._spent += taken if cost is None else cost
        self._answers += 1
        self._settled.set()
        self._settled = asyncio.Event()

    def _cost(self, guess: float) -> float:
        return self._spent / self._answers if self._answers and self._spent else guess
