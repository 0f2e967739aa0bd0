"""What the start must not wait for, seen without a clock: modules that are not imported until the bot is connected."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("openai", "matplotlib", "PIL", "scipy", "statsmodels", "rapidfuzz", "snowballstemmer", "pyarrow", "local")

PROGRAM = f"""
import asyncio, json, sys
from bot.__main__ import imported
before_the_bot = [name for name in ("bot.app", "slack_bolt", "redis", "apscheduler") if name in sys.modules]
imported()
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import Profile

def loaded():
    return [name for name in {HEAVY!r} if name in sys.modules]

async def main():
    gateway = Gateway(Profile("any", "http://127.0.0.1:9/v1"), "key")
    before = loaded()
    await gateway._client.sdk()
    print(json.dumps([before_the_bot, before, loaded()]))
    await gateway.aclose()

asyncio.run(main())
"""


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    for_the_health_check, before_the_first_request, after = json.loads(done.stdout)

    assert for_the_health_check == []
    assert before_the_first_request == []
    assert after == ["openai"]
