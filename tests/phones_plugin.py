"""Telephones and a trunk for tests. Ask for it by `pytest_plugins = ("tests.phones_plugin",)`.

    async def test_they_hear_each_other(phones: MakePhone) -> None:
        ann, bob = await phones("ann"), await phones("bob")
        await ann.call(bob.address)
        await bob.hears(ann.tone_hz)

Everything made here is gone after the test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from workshop.phone import Phone
from workshop.prefix import Prefix
from workshop.trunk import Trunk

MakePhone = Callable[..., Awaitable[Phone]]

# One for each phone of a test. Away from the tones of the network (425 Hz) and of the keys (697-1633 Hz),
# and none is a multiple of another.
TONES_HZ = (500, 610, 735, 815, 900, 1040, 1120, 1270, 1400, 1560)


@pytest.fixture
async def phones() -> AsyncIterator[MakePhone]:
    """Makes and starts phones from Phone's keywords, each with a tone of its own (0.1 s each)."""
    made: list[Phone] = []

    async def make(name: str, **keywords: Any) -> Phone:
        phone = Phone(name, **{"tone_hz": TONES_HZ[len(made)], **keywords})
        made.append(phone)
        await phone.start()
        return phone

    yield make
    # All at once: a registrar that is gone already costs each a second.
    await asyncio.gather(*(phone.stop() for phone in made))


@pytest.fixture
async def trunk(prefix: Prefix, tmp_path: Path) -> AsyncIterator[Trunk]:
    """An operator whose numbers behave as workshop.trunk.SANDBOX says."""
    async with Trunk(prefix, tmp_path / "trunk") as running:
        yield running
