"""What the pages for people must not leave out: every command, setting, rule and threshold."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from bot.settings import DemoSettings, Settings
from handlers.evals.commands import EVAL
from handlers.evidence.summary import NEEDS
from handlers.jobs.commands import RFT
from handlers.proctor import PROCTOR
from handlers.slack.commands import Verb, parse
from jobs.aliases.webhook import signature
from jobs.audit.export import Format
from jobs.audit.export import line_of as line_of_export
from jobs.platforms.profiles import load_profiles
from jobs.rules import RULES, Rule, changed_rules
from jobs.tasks.manifest import ALLOWED_FALL, KEYS, Approval, read_manifest
from jobs.trail.chain import FIRST, sealed
from jobs.trail.entry import Act, AuditEntry, SealedEntry

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCS = {page.stem: page.read_text() for page in sorted((ROOT / "docs").glob("*.md"))}
WATCHING, DECIDING = DOCS["watching"], DOCS["deciding"]

COMMANDS = {"/eval": EVAL, "/rft": RFT, "/proctor": PROCTOR}


def commands_block() -> str:
    """Return the block that lists the commands."""
    return re.search(r"# Commands\n\n```\n(.*?)```", DOCS["commands"], re.DOTALL).group(1)  # type: ignore[union-attr] # or it fails here


def lines_of(command: str) -> str:
    """Return the lines of one slash command, its continued lines included."""
    block = re.sub(r"\n +", " ", commands_block())
    return "\n".join(line for line in block.splitlines() if line.startswith(f"{command} "))


def row_of(rule: Rule) -> str:
    """Return the row of a rule in the table of rules."""
    table = WATCHING.partition("## The rules")[2].partition("\n### ")[0]
    rows = [line for line in table.splitlines() if line.startswith(f"| {rule.code} |")]
    assert len(rows) == 1, f"rule {rule.code} has {len(rows)} rows in docs/watching.md"
    return rows[0]


def verbs_of(line: str) -> set[str]:
    """Return the verbs that a line shows, such as both of `/proctor task | check <task>`."""
    found = re.match(r"/\w+ ([a-z]+(?: \| [a-z]+)*)", line)
    assert found, line
    return set(found[1].split(" | "))


def line_of(command: str, verb: Verb) -> str:
    """Return the lines that show one verb, as one."""
    found = [line for line in lines_of(command).splitlines() if verb.name in verbs_of(line)]
    assert found, f"docs/commands.md does not show {command} {verb.name}"
    return " ".join(found)


@pytest.mark.parametrize(
    ("command", "verb"), [pytest.param(c, v, id=f"{c} {v.name}") for c, verbs in COMMANDS.items() for v in verbs]
)
def test_the_page_of_commands_shows_every_verb_with_its_keys_and_words(command: str, verb: Verb) -> None:
    line = line_of(command, verb)
    assert [key for key in verb.keys if f"{key}=" not in line] == []
    assert [word for word in verb.choices if word not in line] == []


def test_the_page_of_commands_shows_no_other_verb() -> None:
    for command, verbs in COMMANDS.items():
        for line in lines_of(command).splitlines():
            assert verbs_of(line) <= {verb.name for verb in verbs}


@pytest.mark.parametrize("name", [*Settings.model_fields])
def test_the_page_of_settings_lists_every_setting(name: str) -> None:
    rows = [line for line in DOCS["settings"].splitlines() if line.startswith(f"| `{name.upper()}` |")]
    assert len(rows) == 1


def test_the_page_of_settings_lists_no_other() -> None:
    listed = re.findall(r"^\| `([A-Z_]+)` \|", DOCS["settings"], re.MULTILINE)
    assert set(listed) <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", [name for name in ("port", "bots", "pace") if name in DemoSettings.model_fields])
def test_the_readme_tells_what_the_demo_can_be_told(name: str) -> None:
    assert f"{name.upper()}=" in README


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_table_of_rules_has_each_with_its_title_level_and_thresholds(rule: Rule) -> None:
    row = row_of(rule)
    assert f"| {rule.title} |" in row
    assert f"| {rule.level} |" in row
    for field in fields(rule):
        value = getattr(rule, field.name)
        assert re.search(rf"`{field.name}` {value:g}(?![\d.])", row), f"{rule.code}.{field.name} {value:g}"


@pytest.mark.parametrize("key", [*KEYS, *Approval.model_fields])
def test_every_key_of_a_task_is_told_somewhere(key: str) -> None:
    assert re.search(rf"\b{key}\b", README + "".join(DOCS.values()))


def test_every_need_and_every_format_of_the_trail_is_told() -> None:
    assert [need for need in NEEDS if need not in DECIDING] == []
    assert [form for form in get_args(Format) if form not in DECIDING] == []


def blocks_of(page: str, language: str) -> list[str]:
    """Return the blocks of a page that are written in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def test_the_terms_shown_for_a_task_are_what_holds_by_itself() -> None:
    (block,) = blocks_of(DECIDING, "yaml")
    shown, _file = read_manifest(block, "docs/deciding.md")
    usual, _file = read_manifest("", "nowhere")
    assert shown.guardrails == {"precision": ALLOWED_FALL}
    for key in ("quorum", "alerts", "held_out_graders", "alias", "evidence"):
        assert getattr(shown, key) == getattr(usual, key), key
    assert shown.approval.policy == usual.approval.policy


def test_the_thresholds_shown_for_a_task_are_taken() -> None:
    (block,) = blocks_of(WATCHING, "yaml")
    shown, _file = read_manifest(block, "docs/watching.md")
    assert {rule.code for rule in RULES} - {rule.code for rule in changed_rules(shown.alerts)} == {"P"}
    assert shown.held_out_graders == ("recall",)


def test_the_platform_shown_is_read(tmp_path: Path) -> None:
    (block,) = blocks_of(DOCS["platforms"], "yaml")
    (tmp_path / "platforms.yaml").write_text(block)
    profile = load_profiles(tmp_path / "platforms.yaml", None)["foundry"]
    assert profile.price_of("ft:anything", "gpt-oss-120b") is not None


def test_the_lines_that_check_a_webhook_take_ours_and_no_other() -> None:
    names: dict[str, Any] = {"hashlib": hashlib, "hmac": hmac, "time": time, "Mapping": Mapping}
    exec(blocks_of(DECIDING, "python")[0], names)  # noqa: S102 - our own page, run as a reader would
    now = int(time.time())
    headers = {"X-Proctor-Timestamp": str(now), "X-Proctor-Signature": f"v1={signature(b'secret', now, b'{}')}"}
    assert names["is_from_proctor"](headers, b"{}", b"secret")
    assert not names["is_from_proctor"](headers, b"{ }", b"secret")
    assert not names["is_from_proctor"](headers | {"X-Proctor-Timestamp": "1"}, b"{}", b"secret")


def test_the_lines_that_verify_an_export_find_what_was_changed(tmp_path: Path) -> None:
    trail = sealed(
        [AuditEntry(1.0, "U1", Act.LAUNCH, "eurovoc", "rft-1"), AuditEntry(2.0, "U1", Act.PAUSE, "", "")], FIRST, b"key"
    )
    lines = [line_of_export(SealedEntry(f"{n}-0", *entry), "jsonl") for n, entry in enumerate(trail)]
    source = blocks_of(DECIDING, "python")[1].replace('"audit.jsonl"', "PATH")
    names: dict[str, Any] = {"json": json, "hashlib": hashlib, "hmac": hmac, "KEY": b"key", "PATH": tmp_path / "trail"}
    names["PATH"].write_text("".join(lines))
    exec(source, names)  # noqa: S102 - as above
    names["PATH"].write_text("".join(lines).replace("rft-1", "rft-2"))
    with pytest.raises(AssertionError):
        exec(source, names)  # noqa: S102 - as above


# -- the way from data to production -----------------------------------------------------------------------------------


STEPS = re.split(r"^## ", DOCS["practice"], flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("step", STEPS, ids=[step.partition("\n")[0] for step in STEPS])
def test_a_step_of_the_way_has_a_command_that_is_understood_an_answer_and_a_picture(step: str) -> None:
    (command,) = re.findall(r"^```\n(.+)\n```$", step, re.MULTILINE)
    slash, _, text = command.partition(" ")
    if slash in COMMANDS:
        parse(slash, text, COMMANDS[slash])
    assert re.search(r"^> \S", step, re.MULTILINE)
    ((alt, picture),) = re.findall(r"!\[(.+)\]\((practice/[0-9]+\.png)\)", step)
    assert alt
    assert (ROOT / "docs" / picture).stat().st_size < 60_000


def test_no_picture_of_the_way_is_left_over() -> None:
    assert len(list((ROOT / "docs" / "practice").iterdir())) == len(STEPS)


PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{name}.md" for name in DOCS))


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that a host of repositories gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    here = ROOT / page
    for target, anchor in re.findall(r"\]\(([^)#:]+)(?:#([^)]*))?\)", here.read_text()):
        assert (here.parent / target).exists(), target
        assert not anchor or anchor in anchors_of(here.parent / target), anchor


@pytest.mark.parametrize("page", PAGES)
def test_paths_in_the_pages_exist(page: str) -> None:
    named = re.findall(
        r"`((?:bot|handlers|jobs|charts|local|tests|tasks|manifest|docs|bin)/[\w./-]+)`", (ROOT / page).read_text()
    )
    assert [path for path in named if "<" not in path and not (ROOT / path).exists()] == []


def test_the_index_names_every_page() -> None:
    named = set(re.findall(r"\]\(([a-z]+)\.md\)", DOCS["index"]))
    assert named == set(DOCS) - {"index"}
