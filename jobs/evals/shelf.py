"""Where the reports of evals and their logs stand: each is written when it is wanted, from the answers on file."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Protocol

from jobs.core.errors import NotFound
from jobs.evals.exports import inspect_log_name, write_inspect_log
from jobs.evals.records import Answer, Arm, Eval
from jobs.evals.report import ReportItem, write_report


class Rows(Protocol):
    """What is read of an eval's rows; calls block."""

    def answers(self, eval_id: str, /) -> Iterable[Answer]:
        """Return every answer on file."""
        ...

    def items(self, eval_id: str, /) -> Iterable[ReportItem]:
        """Return the items; raises NotFound where they are not to be had."""
        ...


class ReportShelf:
    """Reports by the eval's id.

    Args:
        folder: holds one folder for each eval; may be lost at any time, the reports are then written anew.
        rows: what they are written from.
        find: returns the eval, or None.
    """

    def __init__(self, folder: Path, rows: Rows, find: Callable[[str], Awaitable[Eval | None]]) -> None:
        self._folder = folder
        self._rows = rows
        self._find = find
        self._writing = asyncio.Lock()

    async def report(self, eval_id: str) -> Path | None:
        """Return the file of an eval's report, with every answer so far; None where there is no such eval.

        That of an eval to which more may happen is written each time; one report is written at a time, in a thread.

        Raises:
            NotFound: the eval's rows are not to be had here.
        """
        evaluation = await self._find(eval_id)
        if evaluation is None:
            return None
        out = self._folder / evaluation.id / ("report.html" if evaluation.state.is_final else "report-so-far.html")
        async with self._writing:
            if not (evaluation.state.is_final and out.exists()):
                await asyncio.to_thread(self._write, evaluation, out)
        return out

    async def inspect_log(self, eval_id: str, name: str) -> Path | None:
        """Return the Inspect log of one arm, with every answer so far; None where there is no such eval.

        Args:
            eval_id: the eval.
            name: as `inspect_log_name` gives it.

        Raises:
            NotFound: the eval has no arm whose log is called so, or its rows are not to be had here.
        """
        evaluation = await self._find(eval_id)
        if evaluation is None:
            return None
        arm = next((arm for arm in evaluation.arms if inspect_log_name(evaluation, arm) == name), None)
        if arm is None:
            raise NotFound(f"{eval_id} has no log called {name}.")
        out = self._folder / evaluation.id / name
        async with self._writing:
            await asyncio.to_thread(self._write_log, evaluation, arm, out)
        return out

    def _write_log(self, evaluation: Eval, arm: Arm, out: Path) -> None:
        out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        items, answers = self._rows.items(evaluation.id), self._rows.answers(evaluation.id)
        write_inspect_log(evaluation, arm, items, answers, out)

    def _write(self, evaluation: Eval, out: Path) -> None:
        out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_report(evaluation, self._rows.items(evaluation.id), self._rows.answers(evaluation.id), out)
