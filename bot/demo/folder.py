"""What the demo keeps under PROCTOR_HOME besides the parts' own folders: one lock, the ports, small files."""

import contextlib
import json
import os
import random
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bot.redis_server.subprocesses import lock_within
from jobs.core.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
USUAL_PAGE_PORT = 8750
QUIET_PORTS: Final = range(20_000, 32_768)
PORTS_TRIED: Final = 50
LEAVING_SECONDS = 15.0
"""How long the parts of a killed demo may take to leave."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen; the same over restarts of a part and, where they are free, over runs."""

    page: int
    platform: int
    health: tuple[int, ...]


@contextlib.asynccontextmanager
async def locked(home: Path) -> AsyncIterator[int]:
    """Hold the lock of this PROCTOR_HOME; yield its descriptor, which every part inherits.

    So it is free again only when the last part has gone, also after the demo itself was killed.

    Raises:
        ConfigurationError: a demo runs on this folder.
    """
    file = home / "demo.lock"
    lock = await lock_within(file, LEAVING_SECONDS, give_up=lambda: _runs(file.read_text()))
    if lock is None:
        page = read_json(home / "run.json").get("page")
        whose = f"process {file.read_text().strip() or 'unknown'}" + (f", its page is {page}" if page else "")
        raise ConfigurationError(
            f"a demo already runs on {home} ({whose}): stop it, or set PROCTOR_HOME to another folder"
        )
    try:
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:  # somebody else's process, so it runs
        return True
    except (ValueError, ProcessLookupError):
        return False
    return True


def choose_ports(home: Path, *, page: int | None, bots: int) -> Ports:
    """Choose where everything listens, and keep it in `home` for the next run.

    Args:
        home: PROCTOR_HOME.
        page: the port asked for; 0 takes a free one, None the last run's or the usual one where free.
        bots: how many there are.

    Raises:
        ConfigurationError: the port asked for is in use.
    """
    file = home / "ports.json"
    last = read_json(file)
    taken: set[int] = set()

    def choose(*wanted: object) -> int:
        for port in (*wanted, 0):
            if isinstance(port, int) and port not in taken and (free := _free_port(port)) is not None:
                taken.add(free)
                return free
        raise ConfigurationError("this machine has no free port")

    if page and _free_port(page) is None:
        raise ConfigurationError(
            f"PORT={page} is in use by another program: choose another, for instance make demo PORT={_free_port(0)}"
        )
    health = last.get("health")
    before = health[:bots] if isinstance(health, list) else []
    ports = Ports(
        page=choose(last.get("page"), USUAL_PAGE_PORT) if page is None else choose(page),
        platform=choose(last.get("platform")),
        health=tuple(choose(port) for port in before + [None] * (bots - len(before))),
    )
    write_file(file, json.dumps(asdict(ports)) + "\n")
    return ports


def _free_port(port: int) -> int | None:
    """Return `port` if it can be listened on, any free one if it is 0, None if it is in use.

    A free one is looked for below the range that systems hand out by themselves (32768 and up on Linux): a part that is
    started again must find its port as it left it, not taken by somebody's outgoing connection.
    """
    if port == 0:
        tried = (_bindable(candidate) for candidate in random.sample(QUIET_PORTS, PORTS_TRIED))
        return next((found for found in tried if found), None) or _bindable(0)
    return _bindable(port)


def _bindable(port: int) -> int | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return None
        bound: int = probe.getsockname()[1]
        return bound


def read_json(path: Path) -> Mapping[str, object]:
    """Return the object in a file of ours; empty where the file is missing or damaged."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_file(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by this user only."""
    new = path.with_name(path.name + ".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - mode at birth
        file.write(text)
    new.replace(path)
