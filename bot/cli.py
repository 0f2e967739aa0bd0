"""The bot's state, and a gate for continuous integration, from a shell: `python -m bot.cli`, or `bin/proctor`.

    alias list [--json]                            where each alias points
    alias get <alias> [--json | --prompt]          the model id that an alias points at, and nothing else; or all that a
                                                   call to it needs, or the prompt's text to the byte
    eval run task=<task> model=<model or alias> [baseline=<model, alias or eval>] [margin= split= runs= effort= prompt=
             limit= platform= budget= channel= by=] [--wait] [--timeout <seconds>] [--allow-unclear]
                                                   a running bot evaluates it; the exit code is the verdict
    audit export [--format jsonl|csv] [--since 7d] [--about <task, job, alias or person>]
    audit verify [--head <hash>]                   is the audit trail sound; --head: a hash that an earlier run printed
    task import <file or folder> ... [--name <task>]   make a task of what was exported elsewhere
    task export <task> <folder>                        write a task as a Promptfoo project

It reads Redis at REDIS_URL, or the bot's own server under PROCTOR_HOME; to verify a trail that was sealed with
AUDIT_KEY, that is needed too; tasks are under PROCTOR_TASKS. Exit codes: 0 all is well, or the model is better, or
loses less than margin=; 1 there is no such alias, task or file, the trail is not sound, or the model is worse; 2
wrong usage; 3 it can't be told whether the model is better or worse (0 with --allow-unclear); 4 the eval ended
without a verdict; 69 Redis does not answer, or no bot is there; 78 a setting is wrong; 124 the time was up, and the
eval goes on; 130 interrupted, and the eval goes on.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TextIO

from bot.eval_gate import EXIT_INTERRUPTED, GateShell, add_commands
from bot.kinds import KINDS
from bot.logs import Redactor, configure_logs
from bot.redis_server.embedded_redis import embedded_redis
from bot.settings import EXIT_CONFIGURATION, StateSettings, audit_key, load_state_settings
from jobs.aliases.records import Alias
from jobs.audit.export import FORMATS, utc
from jobs.audit.query import AuditTrail
from jobs.core.errors import BotError, ConfigurationError, Conflict, NotFound
from jobs.core.nearest import nearest
from jobs.state.store import Store, connected
from jobs.tasks import TaskCatalogue
from jobs.tasks.imports.draft import ImportOptions
from jobs.tasks.imports.given import files_at, given_files
from jobs.tasks.imports.read import import_task
from jobs.tasks.promptfoo_export import CONFIG, export_to_promptfoo
from jobs.trail.verify import Flaw, Verification

EXIT_NO: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNAVAILABLE: Final = 69
"""EX_UNAVAILABLE of sysexits.h."""
FLAWS: Final = {
    Flaw.CHANGED: "the entry of {at} ({id}) was changed, or sealed with another key",
    Flaw.INSERTED: "the entry of {at} ({id}) was put in afterwards",
    Flaw.MISSING: "before the entry of {at} ({id}), others were removed or changed",
    Flaw.CUT: "the newest entries were removed",
    Flaw.NOT_NOTED: "no entry has the hash given with --head",
}


def main(arguments: Sequence[str], out: TextIO, err: TextIO, env: Mapping[str, str] | None = None) -> int:
    """Run one command; return its exit code.

    Args:
        arguments: the words after the program's name.
        out: takes what was asked for.
        err: takes what is wrong; wrong usage is said on the process's own stderr.
        env: where the state is; None takes the process environment.
    """
    try:
        asked = _parser().parse_args(arguments)
    except SystemExit as usage:  # argparse has said what is wrong
        return int(usage.code or 0)
    try:
        settings = load_state_settings(env)
        if asked.about == "task":
            return _task(asked, settings.proctor_tasks, out)
        return asyncio.run(_run(asked, settings, out, err))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except ConfigurationError as problem:
        err.write(f"{problem}\n")
        return EXIT_CONFIGURATION
    except ConnectionError as failure:
        err.write(f"{failure}\n")
        return EXIT_UNAVAILABLE
    except BotError as problem:
        err.write(f"{problem}\n")
        return EXIT_NO if isinstance(problem, NotFound) else EXIT_USAGE


async def _run(asked: argparse.Namespace, settings: StateSettings, out: TextIO, err: TextIO) -> int:
    async with _state(settings) as store:
        match (asked.about, asked.what):
            case ("alias", "list"):
                return await _list(store, out, as_json=asked.json)
            case ("eval", _):
                return await GateShell(store, out, err).run(asked)
            case ("alias", _):
                return await _get(store, asked, out)
            case (_, "export"):
                return await _export(_trail(store, settings), asked, out)
            case _:
                return _told(await _trail(store, settings).verify(asked.head), out)


@asynccontextmanager
async def _state(settings: StateSettings) -> AsyncIterator[Store]:
    """Yield the store that the bot uses, or would use."""
    key = audit_key(settings.audit_key)
    if settings.redis_url:
        async with connected(settings.redis_url, KINDS, key) as store:
            yield store
        return
    if not (settings.proctor_home / "redis").is_dir():
        raise ConfigurationError(f"REDIS_URL is not set, and PROCTOR_HOME {settings.proctor_home} holds no state")
    async with embedded_redis(settings.proctor_home) as url, connected(url, KINDS, key) as store:
        yield store


def _trail(store: Store, settings: StateSettings) -> AuditTrail:
    return AuditTrail(store, audit_key(settings.audit_key), time.time)


async def _list(store: Store, out: TextIO, *, as_json: bool) -> int:
    aliases = sorted(await store.records(Alias), key=lambda each: each.name)
    lines = (
        json.dumps(dict(each.as_json(each.current))) if as_json else f"{each.name}\t{each.model}" for each in aliases
    )
    out.writelines(f"{line}\n" for line in lines)
    return 0


async def _get(store: Store, asked: argparse.Namespace, out: TextIO) -> int:
    name = str(asked.alias)
    held = await store.record(Alias, name)
    if held is None:
        known = await store.ids(Alias)
        raise NotFound(f"There is no alias '{name}'; {nearest(name, known)}")
    alias, call = held.value, held.value.current.target.call
    if asked.prompt and call.prompt_text is None:
        raise NotFound(f"The prompt that {name} was trained with is not known{_why_unknown(alias)}.")
    if asked.prompt:
        out.write(str(call.prompt_text))  # without a line's end: its SHA-256 is the one that --json says
    else:
        out.write(f"{json.dumps(alias.as_json(alias.current)) if asked.json else alias.model}\n")
    return 0


def _why_unknown(alias: Alias) -> str:
    call = alias.current.target.call
    if call.is_unchanged:
        return ": its rows bring their own messages"
    return f": prompt {call.prompt} or the response format was changed since" if call.prompt else ""


async def _export(trail: AuditTrail, asked: argparse.Namespace, out: TextIO) -> int:
    async for line in trail.lines(trail.question(asked.word, asked.since), asked.format):
        out.write(line)
    return 0


def _task(asked: argparse.Namespace, tasks: Path, out: TextIO) -> int:
    if not tasks.is_dir():
        raise ConfigurationError(f"PROCTOR_TASKS: there is no folder {tasks}")
    return _import_task(asked, tasks, out) if asked.what == "import" else _export_task(asked, tasks, out)


def _import_task(asked: argparse.Namespace, tasks: Path, out: TextIO) -> int:
    """Make a task of exported files, and print what was carried over and what was not."""
    options = ImportOptions(asked.name, asked.input, asked.reward, asked.pick, asked.judge, asked.split)
    made = import_task(tasks, given_files(files_at(asked.paths)), options)
    out.write(f"{made.title}\n{made.sentence}\n")
    _list_notes("Carried over in another form", made.changed, out)
    _list_notes("Not carried over", made.left_out, out)
    out.write(f"\nIn Slack, /proctor check {made.task} looks at it.\n")
    return 0


def _export_task(asked: argparse.Namespace, tasks: Path, out: TextIO) -> int:
    """Write a task as a Promptfoo project into a new folder, and print what is not in it."""
    catalogue, folder = TaskCatalogue(tasks), Path(asked.folder)
    made = export_to_promptfoo(catalogue, catalogue.load(asked.task), asked.split, asked.model)
    if folder.exists():
        raise Conflict(f"{folder} is there already; name a folder that is not.")
    for name, content in made.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    out.write(f"{folder} is {asked.task} for Promptfoo: promptfoo eval -c {folder / CONFIG}\n")
    _list_notes("Not carried over", made.left_out, out)
    return 0


def _list_notes(title: str, said: Sequence[str], out: TextIO) -> None:
    if said:
        out.write(f"\n{title}:\n" + "".join(f"  {each}\n" for each in said))


def _told(found: Verification, out: TextIO) -> int:
    """Print what a walk over the trail found; return the exit code."""
    if found.flaw:
        entry = found.entry
        words = FLAWS[found.flaw].format(at=utc(entry.written_at) if entry else "", id=entry.id if entry else "")
        out.write(f"not sound: {words}\n")
    out.write(f"{'sound entries before it' if found.entry else 'entries'}: {found.count}\n")
    if found.unkeyed:
        out.write(f"of these without a seal by AUDIT_KEY, at the beginning: {found.unkeyed}\n")
    newest = f" {utc(found.newest_at)}" if found.newest_at else ""
    out.write(f"newest hash: {found.newest}{newest}\n")
    return EXIT_NO if found.flaw else 0


def _parser() -> argparse.ArgumentParser:
    opening, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="proctor", description=opening, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    areas = parser.add_subparsers(dest="about", required=True)
    alias = areas.add_parser("alias", help="where aliases point").add_subparsers(dest="what", required=True)
    listed = alias.add_parser("list", help="where each alias points")
    one = alias.add_parser("get", help="the model id that an alias points at")
    one.add_argument("alias")
    for each in (listed, one):
        each.add_argument("--json", action="store_true", help="with everything that a call needs")
    one.add_argument("--prompt", action="store_true", help="print the prompt that the model was trained with")
    add_commands(areas)
    audit = areas.add_parser("audit", help="the audit trail").add_subparsers(dest="what", required=True)
    export = audit.add_parser("export", help="print the trail, oldest first")
    export.add_argument("--format", choices=FORMATS, default="jsonl")
    export.add_argument("--since", default="", help="7d, 12h or 2026-11-01")
    export.add_argument("--about", dest="word", default="", help="a task, job, alias, or a person's member id")
    verify = audit.add_parser("verify", help="is the trail sound")
    verify.add_argument("--head", help="a hash that an earlier run printed")
    tasks = areas.add_parser("task", help="tasks in and out").add_subparsers(dest="what", required=True)
    imported = tasks.add_parser("import", help="make a task of what was exported elsewhere")
    imported.add_argument("paths", nargs="+", type=Path, metavar="file or folder")
    for option, words in (
        ("name", "what the task is called"),
        ("input", "the field of each item that a model is asked with, where the files do not say it"),
        ("reward", "the grader that counts, where there are several"),
        ("pick", "the eval (name or id) or the prompt (label), where there are several"),
        ("judge", "the model that judges, where the files name none"),
        ("split", "the split that the rows become, where their files' names do not say it"),
    ):
        imported.add_argument(f"--{option}", default="", help=words)
    exported = tasks.add_parser("export", help="write a task as a Promptfoo project")
    exported.add_argument("task")
    exported.add_argument("folder", help="a new one")
    exported.add_argument("--split", default="", help="whose rows become tests; valid by default")
    exported.add_argument("--model", default="", help="the provider that is asked, such as openai:chat:gpt-4.1-mini")
    return parser


if __name__ == "__main__":
    configure_logs("console", "WARNING", Redactor())
    sys.exit(main(sys.argv[1:], sys.stdout, sys.stderr))
