"""A portal's program, a relay that can misbehave, and the site behind it: what the tests of the client share.

pytest_plugins = ("tests.rooms.client_fixtures",)
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pbx_bridge.client import Bridge

from .client_relay import Relay, bridge, house_of_today, relay
from .portal_house import House, Site, serve


@pytest.fixture
def house() -> House:
    return house_of_today()


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    async with serve(house) as running:
        yield running


@pytest_asyncio.fixture
async def between(site: Site) -> AsyncIterator[Relay]:
    async with relay(site) as running:
        yield running


@pytest_asyncio.fixture
async def portal(site: Site, between: Relay) -> AsyncIterator[Bridge]:
    async with bridge(site, between.port) as asking:
        yield asking
