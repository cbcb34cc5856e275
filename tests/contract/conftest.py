"""The two towns. Every sentence of this folder is said of both: `town` is fake, then real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.contract.fake_town import FakeTown
from tests.contract.real_town import RealTown
from tests.contract.town import Ear, Town, listening
from tests.virtual_time import VirtualLoop, VirtualTime


@pytest.fixture(params=["fake", "real"])
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """A town of each kind: virtual time for the fake one, real time for the real one."""
    if request.param == "fake":
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.become_virtual()
        yield FakeTown(VirtualTime(loop))
        loop.become_real()
        return
    async with AsyncExitStack() as stack:
        real = RealTown(request.getfixturevalue("prefix"), tmp_path, stack)
        await real.open()
        yield real


@pytest.fixture
async def ear(town: Town) -> AsyncIterator[Ear]:
    """A line to the town's exchange."""
    async with listening(town) as ear:
        yield ear
