"""The shell's view of the state: what is printed where, and the exit codes."""

import asyncio
import csv
import hashlib
import io
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from redis.asyncio import Redis

from bot.cli import main
from bot.kinds import KINDS
from jobs.aliases.call import Call
from jobs.core.records import Job
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.jobs.aliases.team import PRODUCTION, Team

ROOT = Path(__file__).parents[2]


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """Where commands are run."""

    redis: str
    folder: Path

    def settings(self, **env: str) -> dict[str, str]:
        given = {"REDIS_URL": self.redis, "PROCTOR_HOME": str(self.folder / "home"), **env}
        return {name: value for name, value in given.items() if value}

    async def run(self, *words: str, **env: str) -> Said:
        """Run a command in this process; it brings an event loop of its own."""
        out, err = io.StringIO(newline=""), io.StringIO()
        code = await asyncio.to_thread(main, words, out, err, self.settings(**env))
        return Said(code, out.getvalue(), err.getvalue())

    def run_apart(self, *words: str, **env: str) -> Said:
        """Run `bin/proctor` as anybody would, from another folder."""
        clean = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "AUDIT_KEY"}}
        command = (str(ROOT / "bin" / "proctor"), *words)
        given = clean | self.settings(**env)
        done = subprocess.run(command, cwd=self.folder, env=given, capture_output=True, text=True, check=False)
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def shell(redis_server: str, tmp_path: Path) -> Shell:
    return Shell(redis_server, tmp_path)


@pytest.fixture
async def team(redis: Redis) -> Team:
    return Team(Store(Connection(redis), KINDS, b"sealed"))


async def test_an_alias_is_printed_as_its_model_and_nothing_else(team: Team, shell: Shell) -> None:
    await team.moved("rft-first", "rft-second")
    assert shell.run_apart("alias", "get", PRODUCTION) == (0, "ft:rft-second:20\n", "")
    plain = json.loads((await shell.run("alias", "get", PRODUCTION, "--json")).out)
    assert (plain["step"], plain["version"]) == (20, 2)
    assert (await shell.run("alias", "list")).out == f"{PRODUCTION}\tft:rft-second:20\n"
    assert json.loads((await shell.run("alias", "list", "--json")).out) == plain
    said = f"There is no alias 'acts@prodution'; did you mean '{PRODUCTION}'?\n"
    assert await shell.run("alias", "get", "acts@prodution") == (1, "", said)


async def test_the_prompt_of_training_is_printed_to_the_byte(team: Team, shell: Shell) -> None:
    async def call_of(job: Job) -> Call:
        return Call(prompt="v2", prompt_text="Name it.\nNo prose.", is_unchanged=job.id == "rft-first")

    team.call_of = call_of
    await team.moved("rft-first")
    assert await shell.run("alias", "get", PRODUCTION, "--prompt") == (0, "Name it.\nNo prose.", "")
    plain = json.loads((await shell.run("alias", "get", PRODUCTION, "--json")).out)
    assert plain["prompt_sha256"] == hashlib.sha256(b"Name it.\nNo prose.").hexdigest()


async def test_a_prompt_that_was_changed_since_is_not_printed(team: Team, shell: Shell) -> None:
    await team.moved("rft-first")
    code, out, err = await shell.run("alias", "get", PRODUCTION, "--prompt")
    assert (code, out) == (1, "")
    assert err.endswith("is not known: prompt v1 or the response format was changed since.\n")


async def test_the_trail_is_verified(team: Team, shell: Shell, redis: Redis) -> None:
    await team.moved("rft-first", "rft-second")
    head = (await team.store.trail())[-1].hash
    sound = await shell.run("audit", "verify", "--head", head, AUDIT_KEY="sealed")
    assert sound.code == 0
    assert sound.out.startswith(f"entries: 2\nnewest hash: {head} 20")
    wrong = await shell.run("audit", "verify", AUDIT_KEY="another")
    assert wrong.code == 1
    assert "was changed, or sealed with another key\nsound entries before it: 0\n" in wrong.out

    await redis.xdel("{proctor}:audit", (await team.store.trail())[-1].id)
    cut = await shell.run("audit", "verify", "--head", head, AUDIT_KEY="sealed")
    assert (cut.code, cut.out.splitlines()[0]) == (1, "not sound: the newest entries were removed")


async def test_a_key_set_later_is_told_of(team: Team, shell: Shell) -> None:
    await Team(Store(Connection(team.store._redis), KINDS)).moved("rft-first")
    found = await shell.run("audit", "verify", AUDIT_KEY="sealed")
    assert (found.code, found.out.splitlines()[1]) == (0, "of these without a seal by AUDIT_KEY, at the beginning: 1")


async def test_the_trail_is_exported(team: Team, shell: Shell) -> None:
    await team.moved("rft-first", "rft-second")
    lines = [json.loads(line) for line in (await shell.run("audit", "export")).out.splitlines()]
    assert [line["entry"]["details"]["job"] for line in lines] == ["rft-first", "rft-second"]
    table = (await shell.run("audit", "export", "--format", "csv", "--about", "rft-second")).out
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [row["subject"] for row in rows] == [PRODUCTION]
    assert (await shell.run("audit", "export", "--since", "last week")).code == 2
    assert (await shell.run("audit", "export", "--since", "1h")).out.count("\n") == 2


async def test_wrong_words_and_settings_have_their_own_exit_codes(shell: Shell) -> None:
    assert (await shell.run("alias")).code == 2
    assert (await shell.run("alias", "get")).code == 2
    assert (await shell.run("--help")).code == 0
    away = await shell.run("alias", "list", REDIS_URL="redis://127.0.0.1:1")
    assert away == (69, "", "Redis does not answer (ConnectionError)\n")
    assert (await shell.run("alias", "list", REDIS_URL="http://nowhere")).code == 78
    said = f"REDIS_URL is not set, and PROCTOR_HOME {shell.folder / 'home'} holds no state\n"
    assert await shell.run("alias", "list", REDIS_URL="") == (78, "", said)


def test_without_an_address_the_bots_own_server_is_asked(shell: Shell) -> None:
    (shell.folder / "home" / "redis").mkdir(parents=True)
    assert shell.run_apart("alias", "list", REDIS_URL="") == (0, "", "")


async def test_exported_files_become_a_task_and_a_task_goes_out_as_a_promptfoo_project(shell: Shell) -> None:
    tasks, given = shell.folder / "tasks", shell.folder / "export"
    for folder in (tasks, given):
        folder.mkdir()
    item = {"text_input": "Moo", "reference_answer": "cow"}
    (given / "animals_val.jsonl").write_text(json.dumps({"item": item}) + "\n")
    check = {"type": "string_check", "input": "{{sample.output_text}}", "reference": "{{item.reference_answer}}"}
    (given / "exact.json").write_text(json.dumps({**check, "operation": "eq"}))
    (given / "notes.pdf").write_bytes(b"x")
    where = {"PROCTOR_TASKS": str(tasks), "REDIS_URL": ""}
    said = shell.run_apart("task", "import", "export", "--name", "animals", **where)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("New task animals\nanimals is made from exported files: valid 1 row, 1 grader")
    assert "Not carried over:\n  notes.pdf: it is nothing that an import reads" in said.out
    assert (await shell.run("task", "import", str(given / "gone"), **where)).code == 1
    assert (await shell.run("task", "import", str(given / "notes.pdf"), **where)).code == 2

    out = str(shell.folder / "out")
    assert (await shell.run("task", "export", "animals", out, **where)).code == 0
    assert (shell.folder / "out" / "promptfooconfig.yaml").is_file()
    again = await shell.run("task", "export", "animals", out, **where)
    assert (again.code, again.err) == (2, f"{out} is there already; name a folder that is not.\n")
    assert (await shell.run("task", "export", "animal", f"{out}2", **where)).err.endswith("did you mean 'animals'?\n")
    missing = await shell.run("task", "import", str(given), PROCTOR_TASKS=str(shell.folder / "none"))
    assert (missing.code, "there is no folder" in missing.err) == (78, True)
