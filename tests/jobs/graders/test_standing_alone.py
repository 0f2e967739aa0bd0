"""The graders run in other interpreters too, where little but the project's own code is installed."""

import asyncio
import json
import sys
from pathlib import Path

from tests.jobs.graders.definitions import check, multi, python, similarity

REPOSITORY = Path(__file__).parents[3]
SCRIPT = """
import asyncio, importlib, json, pkgutil, sys
before = set(sys.modules)
for name in ("pydantic", "redis", "openai", "slack_sdk", "matplotlib", "aiohttp"):
    sys.modules[name] = None
import jobs.graders
for module in pkgutil.walk_packages(jobs.graders.__path__, "jobs.graders."):
    importlib.import_module(module.name)
from jobs.graders import GraderRuntime, Sample, parse_grader

async def main():
    item = {"reference": "law", "reference_answer": ["law"]}
    async with GraderRuntime() as runtime:
        for definition in json.loads(sys.argv[1]):
            (grade,) = await runtime.grade(parse_grader(definition), [(Sample("law"), item)])
            print(json.dumps([grade.reward, grade.detail]))
    new = {name: module for name, module in sys.modules.items() if module is not None and name not in before}
    installed = {name for name, module in new.items() if "site-packages" in str(getattr(module, "__file__", ""))}
    ours = {name for name in new if name.startswith(("jobs.", "bot", "handlers", "charts", "local", "tests"))}
    print(json.dumps([sorted({name.partition(".")[0] for name in installed}), sorted(ours)]))

asyncio.run(main())
"""
ALLOWED = {"numpy", "rapidfuzz", "snowballstemmer", "jsonschema"}


async def test_every_module_is_imported_and_every_kind_grades_without_the_libraries_of_the_bot() -> None:
    kinds = [python("def grade(sample, item):\n    return 0.5"), check(), similarity("rouge_l"), similarity("meteor")]
    definitions = json.dumps([*kinds, multi()])
    ran = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, definitions, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await ran.communicate()
    *grades, (installed, ours) = [json.loads(line) for line in said.splitlines()]
    assert grades == [[0.5, None], [1.0, None], [1.0, None], [0.5, None], [0.0, None]]
    assert set(installed) <= ALLOWED
    assert {name for name in ours if not name.startswith("jobs.graders")} <= {
        "jobs.core.errors",
        "jobs.core",
    }
