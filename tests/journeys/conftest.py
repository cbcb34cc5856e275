"""The whole service behind its front door: HTTP, the loop, a real ledger, and people on a fake exchange."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.house import House
from tests.journeys.door import Door


@pytest.fixture
async def door(service: House) -> AsyncIterator[Door]:
    """The front door, open, and a portal that has a token."""
    door = Door(service)
    await door.open()
    yield door
    await door.leave()
