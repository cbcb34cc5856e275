"""A portal that runs, and the house behind it; see portal_house.py for who lives there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .portal_house import House, Site, serve


@pytest.fixture
def house() -> House:
    return House()


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    async with serve(house) as running:
        yield running
