"""Whatever a receiver does, it gets every event of a call at least once and in order, and no other waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from pbx_bridge.ledger import Ledger, LedgerUnavailable
from pbx_bridge.ledger.postings import DeliveryFilter, Lane, Owed
from pbx_bridge.webhooks.answer import Heard
from pbx_bridge.webhooks.courier import LEASE_S, Courier
from tests.rooms.ledger_calls import NOON
from tests.virtual_time import VirtualTime

from .owed import URL, begins, happens, program
from .receivers import Manner, Receivers

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

HOUR, DAY = 3600.0, 86400.0
OTHER = "https://kiosk.example/hook"


@asynccontextmanager
async def running(
    ledger: Ledger, receivers: Receivers, time: VirtualTime, name: str = "me", look_s: float = 5.0
) -> AsyncIterator[Courier]:
    """A courier at work. Where days pass it looks seldom: all it must know it was told."""
    courier = Courier(ledger, receivers, time, name, "pbx-1", look_s=look_s, chance=lambda: 0.5)
    task = asyncio.create_task(courier.run(), name=name)
    try:
        yield courier
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def states(ledger: Ledger, client: str | None = None) -> list[str]:
    """Of all deliveries, oldest first."""
    page = await ledger.deliveries(DeliveryFilter(client=client), limit=1000)
    return [each.state.value for each in reversed(page.deliveries)]


async def test_every_event_is_told_once_and_in_order(sqlite_ledger: Ledger, virtual_time: VirtualTime) -> None:
    await program(sqlite_ledger)
    receivers = Receivers()
    async with running(sqlite_ledger, receivers, virtual_time):
        call, _ = await happens(sqlite_ledger, await begins(sqlite_ledger), 4)
        await virtual_time.advance(10)
    assert receivers.order(call.id) == [1, 2, 3, 4, 5]
    assert await states(sqlite_ledger) == ["delivered"] * 5


async def test_what_is_committed_is_sent_at_once(sqlite_ledger: Ledger, virtual_time: VirtualTime) -> None:
    await program(sqlite_ledger)
    receivers = Receivers()
    async with running(sqlite_ledger, receivers, virtual_time) as courier:
        await virtual_time.advance(1)
        await begins(sqlite_ledger)
        courier.wake([("portal", "")])
        await virtual_time.advance(0.1)
        assert len(receivers.taken) == 1


def down_until(hours: float) -> Manner:
    return lambda message: 204 if message.at >= NOON + timedelta(hours=hours) else 503


MISBEHAVIOURS: dict[str, Manner] = {
    "is down for a minute": down_until(1 / 60),
    "is down for two days": down_until(48),
    "answers 500 every other time": lambda message: 500 if message.number % 2 else 204,
    "answers 301": lambda message: 301 if message.number < 4 else 204,
    "answers 429": lambda message: Heard(429, asked_s=1000) if message.number == 1 else 204,
    "answers garbage": lambda message: Heard(None, "its answer is not HTTP") if message.number < 3 else 204,
    "does not answer": lambda message: Heard(None, "it did not answer") if message.number < 3 else 204,
    "chokes on the third event": lambda message: 500 if message.sequence == 3 and message.number < 5 else 204,
}


@pytest.mark.parametrize("manner", MISBEHAVIOURS.values(), ids=MISBEHAVIOURS.keys())
async def test_nothing_is_lost_or_overtaken_at_a_receiver_that(
    manner: Manner, sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    await program(sqlite_ledger)
    receivers = Receivers({URL: manner})
    async with running(sqlite_ledger, receivers, virtual_time, look_s=HOUR):
        calls = [(await happens(sqlite_ledger, await begins(sqlite_ledger, user), 3))[0] for user in ("anna", "boris")]
        await virtual_time.advance(4 * DAY)
    for call in calls:
        assert receivers.order(call.id) == [1, 2, 3, 4]
    ids = {(each.call_id, each.sequence): each.event_id for each in receivers.messages}
    assert len(set(ids.values())) == 8
    assert all(ids[each.call_id, each.sequence] == each.event_id for each in receivers.messages)


async def test_tries_follow_the_schedule_and_end_as_a_dead_letter_that_lets_the_next_go(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    await program(sqlite_ledger)
    receivers = Receivers({URL: lambda message: 500 if message.sequence == 1 else 204})
    async with running(sqlite_ledger, receivers, virtual_time, look_s=HOUR):
        call, _ = await happens(sqlite_ledger, await begins(sqlite_ledger))
        await virtual_time.advance(5 * DAY)
    tries = [each.at for each in receivers.messages if each.sequence == 1]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(tries)]
    expected = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert len(tries) == 10
    # Half of the jitter, and the time to notice and to probe.
    for pause, least in zip(pauses, expected, strict=True):
        assert 1.05 * least <= pause <= 1.05 * least + 10
    assert await states(sqlite_ledger) == ["dead", "delivered"]
    assert receivers.order(call.id) == [2]


async def test_a_receiver_that_asks_for_time_gets_it(sqlite_ledger: Ledger, virtual_time: VirtualTime) -> None:
    await program(sqlite_ledger)
    receivers = Receivers({URL: lambda message: Heard(429, asked_s=600) if len(receivers.messages) == 1 else 204})
    async with running(sqlite_ledger, receivers, virtual_time) as courier:
        await begins(sqlite_ledger, "anna")
        courier.wake([("portal", "")])
        await virtual_time.advance(1)
        await begins(sqlite_ledger, "boris")
        await virtual_time.advance(590)
        assert len(receivers.messages) == 1
        await virtual_time.advance(20)
    assert len(receivers.taken) == 2


async def test_an_address_that_is_gone_is_given_up_until_somebody_says_it_is_there_again(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    client = await program(sqlite_ledger)
    gone = [True]
    receivers = Receivers({URL: lambda message: 410 if gone[0] else 204})
    async with running(sqlite_ledger, receivers, virtual_time, look_s=HOUR) as courier:
        call, _ = await happens(sqlite_ledger, await begins(sqlite_ledger), 2)
        await virtual_time.advance(DAY)
        assert len(receivers.messages) == 1
        assert (await sqlite_ledger.client("portal")).callback_disabled_at is not None  # type: ignore[union-attr]
        assert [line.line.action for line in await sqlite_ledger.audit()].count("give-up-address") == 1
        assert courier.tally.gone["portal"] == 1
        unseen, _ = await happens(sqlite_ledger, call)
        page = await sqlite_ledger.deliveries(DeliveryFilter())
        assert [(each.state, each.tries) for each in page.deliveries] == [(Owed.WAITING, 0)] * 3
        gone[0] = False
        await sqlite_ledger.change_client(client)
        courier.wake([("portal", "")])
        await virtual_time.advance(30)
        await happens(sqlite_ledger, unseen)
        courier.wake([("portal", "")])
        await virtual_time.advance(30)
    assert receivers.order(call.id) == [1, 2, 3, 5]


async def test_one_receiver_that_is_slow_or_down_delays_no_other(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    bad = [f"https://bad{number}.example/" for number in range(12)]
    for number, url in enumerate(bad):
        await program(sqlite_ledger, f"bad{number}", callback_url=url)
    await program(sqlite_ledger, "kiosk", callback_url=OTHER)
    timeout = Heard(None, "it did not answer")
    receivers = Receivers(dict.fromkeys(bad, lambda message: timeout), dict.fromkeys(bad, 15.0))
    async with running(sqlite_ledger, receivers, virtual_time) as courier:
        for number in range(len(bad)):
            for user in range(6):
                await begins(sqlite_ledger, f"u{user}", client=f"bad{number}")
        await virtual_time.advance(60)
        asked = virtual_time.elapsed
        good = await begins(sqlite_ledger, "anna", client="kiosk")
        courier.wake([("kiosk", "")])
        await virtual_time.advance(0.2)
        assert receivers.order(good.id) == [1]
        assert virtual_time.elapsed - asked < 1
        assert all(receivers.most_under_way[url] <= 4 for url in bad)
        receivers.most_under_way.clear()
        await virtual_time.advance(600)
    assert {receivers.most_under_way[url] for url in bad} == {1}, "who keeps failing is probed by one at a time"


async def test_a_thousand_that_wait_for_a_receiver_come_quickly_when_it_is_back(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    await program(sqlite_ledger)
    receivers = Receivers({URL: down_until(1)})
    for number in range(60):
        await happens(sqlite_ledger, await begins(sqlite_ledger, f"u{number}"), 1)
    async with running(sqlite_ledger, receivers, virtual_time, look_s=HOUR):
        await virtual_time.advance(3600 + 2 * 3600 * 1.1)
    assert len(receivers.taken) == 120
    assert len(receivers.messages) < 400


async def test_what_is_replayed_has_the_same_id_and_a_schedule_of_its_own(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    await program(sqlite_ledger)
    well = [False]
    receivers = Receivers({URL: lambda message: 204 if well[0] else 500})
    async with running(sqlite_ledger, receivers, virtual_time, look_s=HOUR):
        call = await begins(sqlite_ledger)
        await virtual_time.advance(5 * DAY)
        assert await states(sqlite_ledger) == ["dead"]
        well[0] = True
        (event,) = await sqlite_ledger.events(call.id)
        assert await sqlite_ledger.replay(event, virtual_time())
        await virtual_time.advance(2 * HOUR)
    assert [each.event_id for each in receivers.taken] == [event.id]
    assert await states(sqlite_ledger) == ["delivered"]


async def test_two_couriers_share_the_work_and_neither_sends_what_the_other_has(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    await program(sqlite_ledger)
    receivers = Receivers(slow_s={URL: 2.0})
    async with (
        running(sqlite_ledger, receivers, virtual_time, "a"),
        running(sqlite_ledger, receivers, virtual_time, "b"),
    ):
        calls = [(await happens(sqlite_ledger, await begins(sqlite_ledger, f"u{number}"), 2))[0] for number in range(8)]
        await virtual_time.advance(120)
    assert len(receivers.messages) == 24
    assert all(receivers.order(call.id) == [1, 2, 3] for call in calls)


async def test_a_database_that_is_away_for_a_moment_costs_no_message_a_second_try(
    sqlite_ledger: Ledger, virtual_time: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await program(sqlite_ledger)
    receivers, deliver, away = Receivers(), sqlite_ledger.deliver, [False]

    async def maybe(*arguments: Any, **options: Any) -> Any:
        if away[0]:
            raise LedgerUnavailable("the database does not answer", retryable=True)
        return await deliver(*arguments, **options)

    monkeypatch.setattr(sqlite_ledger, "deliver", maybe)
    async with running(sqlite_ledger, receivers, virtual_time) as courier:
        call, _ = await happens(sqlite_ledger, await begins(sqlite_ledger), 2)
        courier.wake([("portal", "")])
        while not receivers.messages:
            await virtual_time.advance(0.001)
        away[0] = True
        await virtual_time.advance(20)
        assert len(receivers.messages) == 1
        away[0] = False
        await virtual_time.advance(20)
    assert receivers.order(call.id) == [1, 2, 3]
    assert len(receivers.messages) == 3


async def test_the_next_life_of_a_node_takes_back_what_it_had_in_hand_and_nobody_elses(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    await program(sqlite_ledger)
    calls = [await begins(sqlite_ledger, user) for user in ("anna", "boris")]
    for owner in ("pbx-1-4711-0badcafe", "pbx-1-b-4712-0badcafe"):
        assert await sqlite_ledger.deliver([], [(Lane("portal"), 1)], NOON, owner=owner, lease_s=LEASE_S)
    receivers = Receivers()
    async with running(sqlite_ledger, receivers, virtual_time, "pbx-1-4713-0badcafe"):
        await virtual_time.advance(LEASE_S - 1)
        assert [each.call_id for each in receivers.taken] == [calls[0].id]
        await virtual_time.advance(10)
    assert [each.call_id for each in receivers.taken] == [call.id for call in calls]
    tries = {each.call_id: each.tries for each in (await sqlite_ledger.deliveries(DeliveryFilter())).deliveries}
    assert [tries[call.id] for call in calls] == [1, 2]


async def test_a_courier_that_stops_gives_back_what_it_had_under_way(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    await program(sqlite_ledger)
    receivers = Receivers(slow_s={URL: 10.0})
    call = await begins(sqlite_ledger)
    async with running(sqlite_ledger, receivers, virtual_time):
        await virtual_time.advance(3)
    assert virtual_time.elapsed < 4
    (delivery,) = (await sqlite_ledger.deliveries(DeliveryFilter())).deliveries
    assert (delivery.state, delivery.tries) == (Owed.WAITING, 0)
    receivers.slow_s.clear()
    async with running(sqlite_ledger, receivers, virtual_time):
        await virtual_time.advance(3)
    assert [(each.number, each.sequence) for each in receivers.taken] == [(2, 1)]
    assert receivers.order(call.id) == [1]
