import asyncio
import os
import sys
from pathlib import Path

import pytest

from local.platform.__main__ import DEFAULT_PACE, read_pace
from local.platform.server import serve

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("text", "seconds"), [("", DEFAULT_PACE), (" ", DEFAULT_PACE), ("0", 0.0), ("1.5", 1.5)])
def test_pace_is_seconds_a_step(text: str, seconds: float) -> None:
    assert read_pace(text) == seconds


async def command(home: Path, *arguments: str, pace: str = "0") -> tuple[int | None, str]:
    """Runs the command to its end; its exit code and what it said on stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.platform", "--home", str(home), *arguments),
        cwd=ROOT,
        env={"PATH": os.defpath, "PACE": pace},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize("text", ["fast", "-1", "nan", "inf"])
def test_a_malformed_pace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        read_pace(text)


async def test_a_malformed_pace_is_one_line_and_exit_code_78(tmp_path: Path) -> None:
    code, said = await command(tmp_path, pace="-1")

    assert code == 78
    assert said == "PACE must be a number of seconds of at least 0, such as 0.6.\n"


async def test_a_home_or_a_port_in_use_is_said_in_a_line(tmp_path: Path) -> None:
    async with serve(tmp_path / "taken") as platform:
        home = await command(tmp_path / "taken")
        port = await command(tmp_path / "other", "--port", platform.url.split(":")[2].removesuffix("/v1"))

    assert home == (1, f"Another local platform works in {tmp_path / 'taken'}; stop it first.\n")
    assert port[0] == 1
    assert "address already in use" in port[1]
    assert len(port[1].splitlines()) == 1
