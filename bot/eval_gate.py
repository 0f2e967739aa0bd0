"""The shell's side of the gate: `proctor eval run`, whose exit code is the verdict.

It writes down what it wants and reads what becomes of it; a running bot does the work. So whoever reaches the state may
start evals, as they may read it; the audit trail names them as `shell:<name>`, a name that is given and not proven.
"""

import argparse
import asyncio
import json
import shlex
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from getpass import getuser
from secrets import token_hex
from typing import Final, TextIO

from handlers.evals.commands import EVAL_KEYS, read_request
from handlers.slack.commands import Verb, parse
from jobs.core.errors import InvalidRequest
from jobs.core.ids import GATE_PREFIX, SHELL, gate_item, short_id
from jobs.evals.verdict import Verdict
from jobs.gates.records import GateRun, GateState
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict

EXIT_REFUSED: Final = 2
EXIT_NO_VERDICT: Final = 4
EXIT_UNAVAILABLE: Final = 69
EXIT_TIMED_OUT: Final = 124
"""As `timeout` of coreutils."""
EXIT_INTERRUPTED: Final = 130
LOOK: Final = 0.5
"""Seconds between two looks."""
USUAL_TIMEOUT: Final = 3600.0
TAKEN_WITHIN: Final = 60.0
"""Seconds after which a run that no bot has taken is taken back: none is there."""
KEYS: Final = {key: each for key, each in EVAL_KEYS.items() if key != "format"} | {
    "model": "<model or alias>",
    "prompt": "<version>",
    "effort": "low",
    "baseline": "<model, alias or eval>",
    "channel": "<id>",
    "by": "<name>",
}
"""Those of `/eval run`, but for what would ask more than model and baseline."""


async def _say_nothing() -> None:
    """Stand in for a verb's answer: here only its words are read."""


RUN: Final = Verb("run", "an eval with a verdict", _say_nothing, keys=KEYS, needs=("task", "model"))


@dataclass(frozen=True, slots=True)
class GateShell:
    """Asks the gate, and waits for it."""

    store: Store
    out: TextIO
    """Takes one line of JSON."""
    err: TextIO
    """Takes what people read meanwhile."""
    clock: Callable[[], float] = time.monotonic

    async def run(self, asked: argparse.Namespace) -> int:
        """Do what was typed; return the exit code.

        Raises:
            InvalidRequest: a word or value does not work; nothing was started.
        """
        run = read_run(asked.words)
        await self.store.commit(Change(records=(Versioned(run, 0),), schedule={gate_item(run.id): 0.0}))
        try:
            run = await self._followed(run, asked)
        except asyncio.CancelledError:
            found = await self._read(run.id)
            self._say(f"Interrupted. {_goes_on(found)}")
            raise
        has_begun = run.eval is not None and not run.state.is_final
        code = 0 if has_begun and not asked.wait else exit_code(run, allow_unclear=asked.allow_unclear)
        self.out.write(json.dumps(as_json(run, code)) + "\n")
        return code

    async def _followed(self, run: GateRun, asked: argparse.Namespace) -> GateRun:
        """Return the run once it is over, or has begun if nobody waits for it, or the time is up."""
        began, told = self.clock(), ""
        while True:
            run = await self._read(run.id)
            if run.eval and (now := f"{run.eval} runs{f': {run.link}' if run.link else '.'}") != told:
                told = now
                self._say(told)
            if run.state.is_final:
                self._say(run.verdict.text if run.verdict else run.note or "")
                return run
            if run.eval and not asked.wait:
                return run
            patience = min(asked.timeout, TAKEN_WITHIN) if run.state is GateState.ASKED else asked.timeout
            if self.clock() - began >= patience:
                return await self._out_of_time(run, patience)
            await asyncio.sleep(LOOK)

    async def _out_of_time(self, run: GateRun, seconds: float) -> GateRun:
        """Take back what no bot has begun; what runs goes on."""
        if run.state is GateState.ASKED:
            held = await self.store.record(GateRun, run.id)
            assert held is not None, "it was written by this shell"
            taken_back = replace(held.value, state=GateState.WITHDRAWN, note=f"No bot took it within {seconds:g} s.")
            try:
                await self.store.commit(Change(records=(Versioned(taken_back, held.version),)))
            except VersionConflict:
                return await self._out_of_time(await self._read(run.id), seconds)
            self._say(f"{taken_back.note} It was taken back: nothing runs. Is a bot running on this state?")
            return taken_back
        self._say(f"No verdict within {seconds:g} s. {_goes_on(run)}")
        return run

    async def _read(self, run_id: str) -> GateRun:
        held = await self.store.record(GateRun, run_id)
        assert held is not None, "it was written by this shell"
        return held.value

    def _say(self, text: str) -> None:
        self.err.write(f"{text}\n")
        self.err.flush()


def read_run(words: list[str]) -> GateRun:
    """Return what was typed as `key=value`; raises InvalidRequest naming the wrong word."""
    typed = parse("proctor eval", shlex.join(["run", *words]), (RUN,))
    given, run_id = typed.given, short_id(GATE_PREFIX, token_hex(16))
    request = read_request(typed, f"{SHELL}{given.get('by') or getuser()}", given.get("channel", ""), run_id)
    if len(request.models) != 1 or len(request.efforts) > 1 or request.prompts:
        raise InvalidRequest("The gate compares one model, at one effort and with one prompt, with its baseline.")
    return GateRun(run_id, request, given.get("baseline", ""), time.time())


def exit_code(run: GateRun, *, allow_unclear: bool) -> int:
    """Return the exit code that stands for a run.

    0 if the model is better, or is shown to lose less than the margin; with `allow_unclear` also if it can't be told.
    """
    match run.state:
        case GateState.REFUSED:
            return EXIT_REFUSED
        case GateState.WITHDRAWN:
            return EXIT_UNAVAILABLE
        case GateState.RUNNING | GateState.ASKED:
            return EXIT_TIMED_OUT
        case GateState.DONE if run.verdict is None:
            return EXIT_NO_VERDICT
        case GateState.DONE:
            found = run.verdict
            is_passed = found.is_as_good or (allow_unclear and found.verdict is Verdict.CANT_TELL)
            return 0 if is_passed else found.verdict.exit_code


def as_json(run: GateRun, code: int) -> dict[str, object]:
    """Return what is printed of a run."""
    found = run.verdict
    return {
        "gate": run.id,
        "state": run.state.value,
        "exit": code,
        "eval": run.eval,
        "link": run.link,
        "task": run.request.task,
        "model": run.request.models[0],
        "baseline": run.baseline or None,
        "verdict": found.verdict.value if found else None,
        "figures": {key: each for key, each in asdict(found).items() if key not in {"verdict", "text"}}
        if found
        else None,
        "text": found.text if found else run.note,
    }


def _goes_on(run: GateRun) -> str:
    if run.eval is None:
        return f"{run.id} waits for a bot and begins once one is there."
    return f"{run.eval} goes on; `/eval show {run.eval}` will have its result, `/eval cancel {run.eval}` stops it."


def add_commands(areas: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `eval run` to the parser of the shell's commands."""
    evals = areas.add_parser("eval", help="a gate for continuous integration").add_subparsers(
        dest="what", required=True
    )
    run = evals.add_parser("run", help="an eval whose exit code is its verdict")
    run.add_argument("words", nargs="+", metavar="key=value", help=", ".join(f"{key}={KEYS[key]}" for key in KEYS))
    run.add_argument("--wait", action="store_true", help="for the verdict; otherwise only until the eval has started")
    run.add_argument("--timeout", type=float, default=USUAL_TIMEOUT, help="seconds to wait for at most (3600)")
    run.add_argument("--allow-unclear", action="store_true", help="exit with 0 also if it can't be told")
