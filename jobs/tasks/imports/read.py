"""Tells what the given files are, and makes a task of them.

Blocks; callers on the event loop use `asyncio.to_thread`.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from charts.wording import counted
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import quoted
from jobs.core.validation import read_yaml_value
from jobs.tasks.datasets.versions import SCHEMA_FILE, publish, split_file, title_of
from jobs.tasks.files import parsed
from jobs.tasks.imports.draft import Draft, ImportOptions, Json, Notes, with_ids
from jobs.tasks.imports.given import GivenFiles
from jobs.tasks.imports.openai_evals import read_openai_export
from jobs.tasks.imports.promptfoo import config_of_results, is_promptfoo, read_promptfoo

_NAMES = ("promptfooconfig.yaml", "promptfooconfig.yml", "promptfooconfig.json")


@dataclass(frozen=True, slots=True)
class Imported:
    """The task that an import became."""

    task: str
    source: str
    rows: Mapping[str, int]
    graders: tuple[str, ...]
    reward: str
    changed: tuple[str, ...]
    """What was carried over in another form, one sentence each."""
    left_out: tuple[str, ...]
    """What was not carried over, and why."""
    wanted: str
    """The name that it would have if that were free."""
    is_new: bool = True
    """False where the very same task was there already."""

    @property
    def title(self) -> str:
        """The task's name, and whether it is new."""
        return title_of(self.task, is_new=self.is_new)

    @property
    def sentence(self) -> str:
        """What was made, in words."""
        another = f" The name {self.wanted} is taken by another task." if self.task != self.wanted else ""
        rows = ", ".join(f"{split} {counted(number, 'row')}" for split, number in self.rows.items())
        graders = counted(len(self.graders), "grader")
        return f"{self.task} is made from {self.source}: {rows}, {graders}, reward {self.reward}.{another}"


def import_task(root: Path, given: GivenFiles, options: ImportOptions) -> Imported:
    """Make a task of exported files, next to those in the folder `root`; nothing there is overwritten.

    Raises:
        Conflict: a task of the name that was asked for is there, and is another one.
        UserError: the files are no task, or cannot be read; one sentence.
    """
    if not given.contents:
        raise InvalidRequest("There is no file to import.")
    notes = Notes()
    try:
        found = _promptfoo_config(given)
        draft = read_promptfoo(*found, given, options, notes) if found else read_openai_export(given, options, notes)
        content = _content(draft, notes)
    except RecursionError as error:
        raise InvalidRequest("The files are nested too deeply to be read.") from error
    version = publish(root, draft.name, content, may_number=not options.name)
    return Imported(
        version.name,
        draft.source,
        {split: len(rows) for split, rows in draft.rows.items()},
        tuple(draft.graders),
        draft.reward,
        tuple(notes.changed),
        tuple(notes.left_out),
        draft.name,
        version.is_new,
    )


def _promptfoo_config(given: GivenFiles) -> tuple[Json, str] | None:
    """Return the one Promptfoo config among the files, with its file's name; None if there is none."""
    values = {name: _document(name, given) for name in given.contents}
    configs = {
        name: config_of_results(value) or (value if is_promptfoo(value) else None) for name, value in values.items()
    }
    found = {name: config for name, config in configs.items() if isinstance(config, dict)}
    usual = [name for name in found if name.rpartition("/")[2] in _NAMES]
    chosen = usual if len(usual) == 1 else list(found)
    if len(chosen) > 1:
        raise InvalidRequest(
            f"There are {len(chosen)} Promptfoo configs: {', '.join(map(quoted, chosen[:6]))}; give one."
        )
    return (found[chosen[0]], chosen[0]) if chosen else None


def _document(name: str, given: GivenFiles) -> object:
    """Return what a YAML or JSON file holds as a whole; None for JSON lines, and for any other file."""
    match name.rpartition(".")[2].lower():
        case "yaml" | "yml":
            return read_yaml_value(given.text(name), name)
        case "json":
            with suppress(InvalidRequest):
                return parsed(given.text(name), name)
    return None


def _content(draft: Draft, notes: Notes) -> dict[str, bytes]:
    content = {f"prompts/{version}.md": f"{text}\n".encode() for version, text in draft.prompts.items()}
    files = _files(draft.graders)
    content |= {f"graders/{files[name]}.json": _json(grader) for name, grader in draft.graders.items()}
    content |= {split_file(split): b"".join(map(_line, with_ids(rows, notes))) for split, rows in draft.rows.items()}
    if draft.response_format is not None:
        content[SCHEMA_FILE] = _json(draft.response_format)
    manifest: dict[str, object] = {"title": draft.title, "description": f"Imported from {draft.source}."}
    if draft.prompts:
        manifest["prompt"] = next(iter(draft.prompts))
    manifest["reward"] = draft.reward
    if draft.hyperparameters:
        manifest["defaults"] = {"hyperparameters": dict(draft.hyperparameters)}
    content["task.yaml"] = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True).encode()
    content["README.md"] = _readme(draft, notes).encode()
    return content


def _readme(draft: Draft, notes: Notes) -> str:
    parts = [f"# {draft.title}", f"Imported from {draft.source}."]
    for title, said in (("Carried over in another form", notes.changed), ("Not carried over", notes.left_out)):
        if said:
            parts += [f"## {title}", "\n".join(f"- {each}" for each in said)]
    return "\n\n".join(parts) + "\n"


def _files(names: Iterable[str]) -> dict[str, str]:
    """Return each name as that of a file, no two alike, also where capitals make no difference."""
    files: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in name)[:80]
        file, again = plain, 2
        while file.lower() in taken:
            file, again = f"{plain}-{again}", again + 1
        taken.add(file.lower())
        files[name] = file
    return files


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _line(item: Mapping[str, object]) -> bytes:
    return (json.dumps({"item": item}, ensure_ascii=False) + "\n").encode()
