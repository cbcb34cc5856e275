"""What somebody hears who is called back, and that a key may be pressed in the middle of it.

Which key leads where is said of the fake and the real exchange alike in tests/contract/test_callbacks.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.model import WhenFull
from tests.contract.real_town import RealTown
from tests.contract.town import Ear, dialled, listening, waiting
from tests.real.spoken import town_that_speaks
from workshop.prefix import Prefix

#: Prompts that a telephone can tell apart: none is a tone of a key or of another telephone.
HELLO, KEYS, KEPT, TICKET, ONE, TWO, THREE_AND_PAUSE, OFFER = 500, 610, 815, 900, 1040, 1120, 1270, 1560
PROMPTS = {
    "callback-hello": (HELLO, 3.0),
    "callback-keys": (KEYS, 3.0),
    "offer-callback": (OFFER, 3.0),
    "place-kept": (KEPT, 0.5),
    "ticket": (TICKET, 0.5),
    "digit-1": (ONE, 0.5),
    "digit-2": (TWO, 0.5),
    "digit-3-pause": (THREE_AND_PAUSE, 0.5),
}


@pytest.fixture
async def town(prefix: Prefix, tmp_path: Path) -> AsyncIterator[RealTown]:
    async with town_that_speaks(prefix, tmp_path, PROMPTS) as town:
        yield town


@pytest.fixture
async def ear(town: RealTown) -> AsyncIterator[Ear]:
    async with listening(town) as ear:
        yield ear


async def test_who_is_called_back_is_greeted_and_asked(town: RealTown, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    await dialled(town, prove=True)
    await anna.rings()
    await anna.answers()
    await anna.hears(HELLO)
    await anna.hears(KEYS)
    assert ann.rung_count == 0
    await anna.presses("1")
    await ann.rings()


async def test_nobody_has_to_hear_the_greeting_out(town: RealTown, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    leg = await dialled(town, prove=True)
    await anna.rings()
    await anna.answers()
    await anna.hears(HELLO)
    await anna.presses("1")
    await ann.rings()
    await ear.hears(e.AgentRang, leg)


async def test_who_waited_in_vain_hears_the_offer(town: RealTown, ear: Ear) -> None:
    anna, _ = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna, queue_s=1, then=WhenFull.CALLBACK)
    await anna.hears(OFFER)
    await anna.presses("1")
    await ear.hears(e.Chosen, leg, choice=e.Choice.CALLBACK)


async def test_who_keeps_the_place_hears_so_and_the_ticket_digit_by_digit(town: RealTown, ear: Ear) -> None:
    anna, _ = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna, then=WhenFull.CALLBACK)
    await anna.presses("1")
    for part in (KEPT, TICKET, ONE, TWO, THREE_AND_PAUSE):
        await anna.hears(part)
    await anna.hears_the_end()
    await ear.hears(e.DeviceGone, leg)


async def test_a_hang_up_in_the_middle_of_the_words_takes_no_choice_back(town: RealTown, ear: Ear) -> None:
    anna, _ = await town.citizen(), await town.agent("ann")
    leg = await waiting(town, ear, anna, then=WhenFull.CALLBACK)
    await anna.presses("1")
    await anna.hears(KEPT)
    await anna.hangs_up()
    await ear.hears(e.DeviceGone, leg)
    assert next(type(fact) for fact in ear.heard if isinstance(fact, e.Chosen | e.DeviceHungUp)) is e.Chosen
    assert (await ear.trace(leg)).queue_status == "callback"
