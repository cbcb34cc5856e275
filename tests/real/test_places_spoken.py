"""Somebody who waits is told where they stand: over the music, and no longer than until an agent speaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.conductor.ports import Announcement
from tests.contract.real_town import RealPerson, RealTown
from tests.contract.town import QUICK, Ear, listening, waiting
from tests.real.spoken import town_that_speaks
from tests.stage import until
from workshop.prefix import Prefix

PLACE_HZ, LONG_HZ = 900, 1270
PROMPTS = {"place": (PLACE_HZ, 2.0), "long": (LONG_HZ, 12.0)}


@pytest.fixture
async def town(prefix: Prefix, tmp_path: Path) -> AsyncIterator[RealTown]:
    async with town_that_speaks(prefix, tmp_path, PROMPTS) as town:
        yield town


@pytest.fixture
async def ear(town: RealTown) -> AsyncIterator[Ear]:
    async with listening(town) as ear:
        yield ear


async def somebody_waits(town: RealTown, ear: Ear) -> tuple[RealPerson, str]:
    """In a queue whose only agent pauses."""
    anna, _ = await town.citizen(), await town.agent("ann")
    await town.exchange.pause("ann", True, "lunch", QUICK)
    return anna, await waiting(town, ear, anna)


async def voices(town: RealTown) -> str:
    return await town.server.cli("core show channels concise")


async def test_who_waits_hears_their_place_and_keeps_it(town: RealTown, ear: Ear) -> None:
    anna, leg = await somebody_waits(town, ear)
    await town.exchange.announce(Announcement(leg, ("place",), "ru"))
    await anna.hears(PLACE_HZ)
    shown = await town.server.cli(f"queue show {QUICK}")
    assert "1. PJSIP/" in shown
    assert "paused:lunch" in shown
    await until(lambda: voices(town), lambda shown: "tell-place" not in shown, "the voice to end", 10)
    assert not [fact for fact in ear.heard if isinstance(fact, e.QueueLeft)]


async def test_an_agent_who_answers_is_not_talked_over(town: RealTown, ear: Ear) -> None:
    anna, leg = await somebody_waits(town, ear)
    await town.exchange.announce(Announcement(leg, ("long",), "ru"))
    await anna.hears(LONG_HZ)
    await town.exchange.hush(leg)
    await until(lambda: voices(town), lambda shown: "tell-place" not in shown, "silence", 2)


async def test_a_voice_without_an_ear_falls_silent(town: RealTown, ear: Ear) -> None:
    await town.exchange.hush("pb.call_9999.1")
    await town.exchange.announce(Announcement("pb.call_9999.1", ("long",), "ru"))
    await until(lambda: voices(town), lambda shown: "tell-place" not in shown, "silence", 2)
