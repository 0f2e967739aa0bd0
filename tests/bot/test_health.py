import asyncio
import json

import aiohttp
import pytest

from bot.health import Check, Condition, ask_health, health_app, serving
from jobs.core.errors import ConfigurationError


async def get(port: int, page: str) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{page}") as response:
        body: dict[str, object] = json.loads(await response.text())
        return response.status, body


async def fine() -> Condition:
    return Condition(ok=True, detail="0.2 s ago")


async def broken() -> Condition:
    raise ConnectionError("redis://user:secret@host is away")


async def stuck() -> Condition:
    await asyncio.Event().wait()
    raise AssertionError("never")


async def test_ready_when_every_check_is_fine() -> None:
    async with serving(health_app([Check("redis", fine), Check("slack", fine)]), "127.0.0.1", 0) as port:
        assert await get(port, "/readyz") == (
            200,
            {
                "status": "ready",
                "checks": {
                    "redis": {"ok": True, "detail": "0.2 s ago"},
                    "slack": {"ok": True, "detail": "0.2 s ago"},
                },
            },
        )


async def test_not_ready_names_what_is_wrong_and_stays_alive() -> None:
    checks = [Check("redis", broken), Check("slack", stuck), Check("tick", fine)]
    async with serving(health_app(checks, seconds=0.05), "127.0.0.1", 0) as port:
        status, body = await get(port, "/readyz")

        assert status == 503
        assert body == {
            "status": "not ready",
            "checks": {
                "redis": {"ok": False, "detail": "ConnectionError"},
                "slack": {"ok": False, "detail": "no answer in 0.05 s"},
                "tick": {"ok": True, "detail": "0.2 s ago"},
            },
        }
        assert await get(port, "/healthz") == (200, {"status": "alive"})


async def test_the_health_command_asks_a_running_bot() -> None:
    async with serving(health_app([]), "127.0.0.1", 0) as port:
        assert await ask_health(port) == (True, '{"status": "alive"}')

    alive, said = await ask_health(port)
    assert not alive
    assert said.startswith(f"no answer from 127.0.0.1:{port}")


async def test_a_port_in_use_is_one_line_that_names_the_setting() -> None:
    async with serving(health_app([]), "127.0.0.1", 0) as port:
        with pytest.raises(ConfigurationError) as refused:
            async with serving(health_app([]), "127.0.0.1", port, named="HEALTH_PORT"):
                pass

    assert str(refused.value) == f"HEALTH_PORT: cannot listen on 127.0.0.1:{port}: address already in use"


async def test_a_host_that_is_not_ours_is_one_line() -> None:
    with pytest.raises(ConfigurationError, match=r"^HTTP_PORT: cannot listen on 192\.0\.2\.1:0: [a-z' ]+$"):
        async with serving(health_app([]), "192.0.2.1", 0, named="HTTP_PORT"):
            pass
