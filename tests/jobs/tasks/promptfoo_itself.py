"""Promptfoo's own command, for tests that ask it; they are skipped where it is not installed."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

COMMAND = shlex.split(os.environ.get("PROMPTFOO", "")) or [shutil.which("promptfoo") or ""]
"""PROMPTFOO may name it, as in `node .../promptfoo/dist/src/entrypoint.js`; it takes node 22 or newer."""

with_promptfoo = pytest.mark.skipif(not COMMAND[0], reason="Promptfoo is not installed, and PROMPTFOO names no command")


def answer_with(project: Path, answer: str) -> None:
    """Write `answers.js`, a provider whose answers are those of a JavaScript function of a test's variables."""
    (project / "answers.js").write_text(
        f"const answer = {answer};\n"
        "module.exports = class {\n  id() { return 'answers'; }\n"
        "  async callApi(prompt, context) { return { output: answer(context.vars) }; }\n};\n"
    )


def run_promptfoo(project: Path, *words: str) -> None:
    """Run a command of Promptfoo's in a folder; tests that fail in it are no failure."""
    quiet = {"DISABLE_TELEMETRY": "1", "DISABLE_UPDATE": "1", "CONFIG_DIR": str(project / "state")}
    env = {**os.environ, **{f"PROMPTFOO_{name}": value for name, value in quiet.items()}}
    done = subprocess.run([*COMMAND, *words], cwd=project, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 100}, done.stdout + done.stderr


def evaluated(project: Path, config: str) -> list[dict[str, Any]]:
    """Have Promptfoo evaluate a config, and return its results in the order of tests."""
    run_promptfoo(project, "eval", "-c", config, "--no-cache", "--no-table", "-o", "results.json")
    results: list[dict[str, Any]] = json.loads((project / "results.json").read_text())["results"]["results"]
    return sorted(results, key=lambda result: (result["promptIdx"], result["testIdx"]))
