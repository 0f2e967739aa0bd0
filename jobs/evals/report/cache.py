"""The files of evals' reports and logs: written on request, from the answers on file."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from jobs.core.errors import NotFound
from jobs.evals.answer_store import AnswerReader
from jobs.evals.export import inspect_log_name, write_inspect_log
from jobs.evals.records import Eval
from jobs.evals.report.page import write_report
from jobs.evals.reviews import TaskReviews


@dataclass(frozen=True, slots=True)
class ReportCache:
    """Reports and logs by the eval's id. One file is written at a time, in a thread."""

    folder: Path
    """Holds one folder for each eval; may be lost at any time, the files are then written again."""
    reader: AnswerReader
    find: Callable[[str], Awaitable[Eval | None]]
    """Returns the eval, or None."""
    reviews_of: Callable[[str], Awaitable[TaskReviews]]
    """Returns what people say of a task's grades."""
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def report(self, eval_id: str) -> Path | None:
        """Return the file of an eval's report, with every answer so far; None if the eval does not exist.

        While the eval runs, each call writes a new one.

        Raises:
            NotFound: the eval's answers are not available here.
        """
        evaluation = await self.find(eval_id)
        if evaluation is None:
            return None
        is_final = evaluation.state.is_final
        reviews = await self.reviews_of(evaluation.task)
        edition = f".{reviews.edition}" if reviews.grades else ""
        out = self.folder / evaluation.id / (f"report{edition}.html" if is_final else "report-so-far.html")

        def write(page: TextIO) -> None:
            items, answers = self.reader.items(evaluation.id), self.reader.answers(evaluation.id)
            write_report(page, evaluation, items, answers, reviews)
            for older in out.parent.glob("report.*.html"):
                older.unlink(missing_ok=True)

        async with self._writing:
            if not (is_final and out.exists()):
                await asyncio.to_thread(write_whole, out, write)
        return out

    async def inspect_log(self, eval_id: str, name: str) -> Path | None:
        """Return the Inspect log of one arm, with every answer so far; None if the eval does not exist.

        Args:
            eval_id: the eval.
            name: as `inspect_log_name` gives it.

        Raises:
            NotFound: the eval has no log of that name, or its answers are not available here.
        """
        evaluation = await self.find(eval_id)
        if evaluation is None:
            return None
        arm = next((arm for arm in evaluation.arms if inspect_log_name(evaluation, arm) == name), None)
        if arm is None:
            raise NotFound(f"{eval_id} has no log called {name}.")

        reviews = await self.reviews_of(evaluation.task)

        def write(log: TextIO) -> None:
            write_inspect_log(log, evaluation, arm, self.reader.items(eval_id), self.reader.answers(eval_id), reviews)

        out = self.folder / evaluation.id / name
        async with self._writing:
            await asyncio.to_thread(write_whole, out, write)
        return out


def write_whole(out: Path, write: Callable[[TextIO], None]) -> None:
    """Write a text file, all or nothing: a reader sees the old file or the new one. Blocks."""
    out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = out.with_name(f".{out.name}.{uuid4().hex}")
    try:
        # Half a surrogate pair, which a model can say, becomes a question mark: Inspect's loader refuses the whole log.
        with unfinished.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            write(file)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
