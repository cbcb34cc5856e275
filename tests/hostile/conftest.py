"""A fort to attack and somebody who attacks it; see fort.py and attacker.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.hostile.attacker import Attacker
from tests.hostile.fort import Fort, settings_for, standing
from tests.hostile.trap import Trap, listening
from tests.issuer import issuer
from tests.virtual_time import VirtualTime
from workshop.sms import Gateway


@pytest.fixture
def chosen() -> dict[str, Any]:
    """What a module's operator sets otherwise than by default."""
    return {}


@pytest.fixture
async def fort(
    virtual_time: VirtualTime, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, Any]
) -> AsyncIterator[Fort]:
    """The service, with one portal that it knows. After the test it must hold (Fort.hold)."""
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    async with AsyncExitStack() as stack:
        portal, gateway = await stack.enter_async_context(issuer(virtual_time)), Gateway()
        await stack.enter_async_context(gateway)
        logs = stack.enter_context(capture_logs())
        settings = settings_for(file, portal, gateway, **chosen)
        fort = Fort(file, virtual_time, portal, gateway, logs, settings)
        yield await stack.enter_async_context(standing(fort, monkeypatch))


@pytest.fixture
def attacker(fort: Fort) -> Attacker:
    """Knows what everybody may know."""
    return Attacker(fort)


@pytest.fixture
async def trap(fort: Fort) -> AsyncIterator[Trap]:
    """A server that nobody may be lured to."""
    async with listening() as trap:
        yield trap
