"""What the start must not wait for, seen without a clock: modules that are not imported until the bot is connected."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("openai", "matplotlib", "PIL", "scipy", "statsmodels", "rapidfuzz", "snowballstemmer", "pyarrow", "local")

PROGRAM = f"""
import asyncio, json, sys
import bot.__main__
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import Profile

def loaded():
    return [name for name in {HEAVY!r} if name in sys.modules]

async def main():
    gateway = Gateway(Profile("any", "http://127.0.0.1:9/v1"), "key")
    before = loaded()
    await gateway._client.sdk()
    print(json.dumps([before, loaded()]))
    await gateway.aclose()

asyncio.run(main())
"""


def test_nothing_heavy_is_imported_before_the_bot_is_connected() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = json.loads(done.stdout)

    assert before == []
    assert after == ["openai"]
