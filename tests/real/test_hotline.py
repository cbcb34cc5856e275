"""The public number when the service is dead, frozen or hostile: the caller is brought to the queue, or told the hours.

What happens while it lives is said of the fake and the real exchange alike in tests/contract/test_hotline.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from pbx_bridge.asterisk.mirror import keep, wanted
from pbx_bridge.call import events as e
from pbx_bridge.conductor.ports import Incoming, Reception
from pbx_bridge.directory.service import Directory, Service
from pbx_bridge.hours.schedule import ALWAYS, Observed, Override, Schedule
from tests.contract.real_town import RealTown
from tests.contract.town import HOTLINE, QUICK, listening
from workshop.prefix import Prefix


@pytest.fixture
async def town(prefix: Prefix, tmp_path: Path) -> AsyncIterator[RealTown]:
    async with AsyncExitStack() as stack:
        town = RealTown(prefix, tmp_path, stack)
        await town.open()
        yield town


def closed_today(town: RealTown) -> Schedule:
    """Always open, but for the two days around now."""
    today = town.now().date()
    holiday = Override(today - timedelta(days=1), today + timedelta(days=1), (), "сегодня закрыто", "closed today")
    return Schedule("Europe/Moscow", ALWAYS.week, observed=Observed.NOBODY, overrides=(holiday,))


async def written_down(town: RealTown, hours: Schedule = ALWAYS, agi: str = "") -> None:
    """What Asterisk knows; the service that wrote it is dead afterwards, unless it answers at `agi`."""
    directory = Directory({"support": Service("support", QUICK, hours, numbers=(HOTLINE,))})
    async with listening(town):
        await keep(town.ami, wanted(directory, town.now(), days=2, agi=agi))


async def test_in_hours_a_caller_reaches_an_agent_though_the_service_is_dead(town: RealTown) -> None:
    await written_down(town, agi="127.0.0.1:1")
    anna, ann = await town.citizen(), await town.agent("ann")
    await anna.calls(HOTLINE)
    await ann.rings()
    await ann.answers()
    await anna.answered()


async def test_in_hours_a_caller_reaches_an_agent_though_no_service_ever_answered_there(town: RealTown) -> None:
    await written_down(town)
    anna, ann = await town.citizen(), await town.agent("ann")
    await anna.calls(HOTLINE)
    await ann.rings()


async def test_out_of_hours_a_caller_is_told_and_nobody_is_rung(town: RealTown) -> None:
    await written_down(town, closed_today(town))
    anna, ann = await town.citizen(), await town.agent("ann")
    await anna.calls(HOTLINE)
    await anna.answered()
    await anna.hears_the_end()
    assert ann.rung_count == 0
    assert "Playback failed on" in town.server.log_path.read_text()
    assert "pbx-bridge/closed" in town.server.log_path.read_text()


async def test_without_a_word_about_the_hours_nobody_is_turned_away(town: RealTown) -> None:
    await written_down(town, closed_today(town))
    await town.server.cli("database deltree pbx-bridge-hours")
    anna, ann = await town.citizen(), await town.agent("ann")
    await anna.calls(HOTLINE)
    await ann.rings()


async def test_who_came_in_while_nobody_listened_is_found(town: RealTown) -> None:
    await written_down(town)
    anna, ann = await town.citizen(), await town.agent("ann")
    await anna.calls(HOTLINE)
    await ann.rings()
    async with listening(town) as ear:
        legs = (await ear.picture()).legs
        assert [(each.queue, each.came_in and each.came_in.dialled) for each in legs.values()] == [(QUICK, HOTLINE)]
        await anna.hangs_up()
        await ear.hears(e.DeviceGone, next(iter(legs)))
    async with listening(town) as ear:
        trace = (await ear.picture()).traces[next(iter(legs))]
        assert trace.came_in is not None
        assert trace.came_in.dialled == HOTLINE


@pytest.mark.parametrize("number", ["84950000000", "8", "+", "support", "s", "T", "listen", "1"])
async def test_nothing_else_can_be_reached_from_outside(town: RealTown, number: str) -> None:
    await written_down(town)
    anna, ann = await town.citizen(), await town.agent("ann")
    await anna.calls(number)
    await anna.hears_the_end()
    assert anna.last_code in (404, 484)
    assert ann.rung_count == 0


# ── a service that is worse than dead ────────────────────────────────────────────────────────────────────
@asynccontextmanager
async def stranger(answer: bytes, *, hangs_up: bool) -> AsyncIterator[str]:
    """Something else that listens where the service should."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if hangs_up:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


STRANGERS = {
    "it-never-speaks": (b"", False),
    "it-closes-at-once": (b"", True),
    "it-talks-rubbish": (b"rubbish \xff\n" * 50, False),
    "it-speaks-http": (b"HTTP/1.1 400 Bad Request\r\n\r\n", True),
}


@pytest.mark.parametrize(("answer", "hangs_up"), STRANGERS.values(), ids=STRANGERS)
async def test_whatever_answers_there_the_caller_reaches_an_agent(
    town: RealTown, answer: bytes, hangs_up: bool
) -> None:
    async with stranger(answer, hangs_up=hangs_up) as address:
        await written_down(town, agi=address)
        anna, ann = await town.citizen(), await town.agent("ann")
        await anna.calls(HOTLINE)
        await ann.rings()
        await ann.answers()
        await anna.answered()


async def test_a_decision_that_comes_too_late_changes_nothing(town: RealTown) -> None:
    decided = asyncio.Event()

    async def late(_: Incoming) -> Reception | None:
        await decided.wait()
        return Reception("1", "ru", None, 60, 60, opens=("closed",))

    anna, ann = await town.citizen(), await town.agent("ann")
    async with listening(town):
        await town.receives(late)
        await anna.calls(HOTLINE)
        await ann.rings()
        await ann.answers()
        decided.set()
