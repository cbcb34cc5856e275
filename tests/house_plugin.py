"""The loop at work: `service`, started, with no people yet. See tests/house.py.

pytest_plugins = ("tests.house_plugin",)
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pbx_bridge.asterisk.fake import FakeExchange
from pbx_bridge.ledger import Ledger
from tests.house import House
from tests.rooms.ledger_calls import PEPPER
from tests.virtual_time import VirtualTime

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

#: Real seconds: how long a locked database is waited for.
PATIENCE_S = 0.02
KEY = bytes(range(32))


@pytest.fixture
async def service(virtual_time: VirtualTime, sqlite_url: str) -> AsyncIterator[House]:
    """A service that hears its exchange."""
    ledger = await Ledger.open(sqlite_url, [KEY], pepper=PEPPER, patience_s=PATIENCE_S)
    fake = FakeExchange(virtual_time)
    # Slow enough that every state is committed by itself and can be seen.
    fake.step_s = 0.2
    house = House(ledger, Path(sqlite_url.removeprefix("sqlite:///")), fake, virtual_time)
    await house.start()
    yield house
    await house.stop()
    await ledger.close()
