"""Two who want the same: the database decides, and the loser learns which call stands in the way."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import permutations

import pytest

from pbx_bridge.call import events as e
from pbx_bridge.call.machine import advance
from pbx_bridge.call.model import Call
from pbx_bridge.call.states import State
from pbx_bridge.ledger import AlreadyScheduled, CitizenBusy, Conflict, KeyUsed, Ledger, Stale, TicketTaken

from .ledger_calls import CLOSED, KEY, NOON, PEPPER, aborting, birth, change, newborn, put, scheduling

pytest_plugins = ["tests.ledger_plugin"]

CITIZEN = "citizen-4711"


@pytest.fixture
async def other(ledger: Ledger, ledger_url: str) -> AsyncIterator[Ledger]:
    """Another process, as far as the database can tell."""
    opened = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    yield opened
    await opened.close()


async def scheduled(ledger: Ledger, user: str = "u-1") -> Call:
    call = newborn(user)
    await put(ledger, birth(call))
    step = scheduling(call)
    await put(ledger, change(call, step, NOON))
    return step.call


async def test_a_citizen_has_one_active_call(ledger: Ledger) -> None:
    first, second = newborn(), newborn()
    await put(ledger, birth(first))
    with pytest.raises(CitizenBusy) as refusal:
        await put(ledger, birth(second))
    assert refusal.value.call_id == first.id
    assert refusal.value.refused == second.id
    assert await ledger.call(second.id) is None


async def test_of_two_processes_that_open_at_once_one_is_told_of_the_other(ledger: Ledger, other: Ledger) -> None:
    tries = [(who, newborn(f"u-{number}")) for number in range(15) for who in (ledger, other)]
    outcomes = await asyncio.gather(*(put(who, birth(call)) for who, call in tries), return_exceptions=True)
    winners = {call.request.user: call.id for (_, call), end in zip(tries, outcomes, strict=True) if end is None}
    losers = [(call, end) for (_, call), end in zip(tries, outcomes, strict=True) if end is not None]
    assert len(winners) == len(losers) == 15
    for call, end in losers:
        assert isinstance(end, CitizenBusy)
        assert end.call_id == winners[call.request.user]
    assert {call.id for call in await ledger.unfinished()} == set(winners.values())


async def test_of_two_processes_that_schedule_at_once_one_is_told_of_the_other(ledger: Ledger, other: Ledger) -> None:
    tries = [(who, newborn(f"u-{number}")) for number in range(10) for who in (ledger, other)]

    async def schedule(who: Ledger, call: Call) -> None:
        async with who.transaction() as transaction:
            step = scheduling(call)
            await transaction.write([birth(step.call)], NOON)

    outcomes = await asyncio.gather(*(schedule(who, call) for who, call in tries), return_exceptions=True)
    assert sum(end is None for end in outcomes) == 10
    assert sum(isinstance(end, AlreadyScheduled) for end in outcomes) == 10


async def test_two_processes_change_a_call_one_after_the_other(ledger: Ledger, other: Ledger) -> None:
    call = newborn()
    await put(ledger, birth(call))

    async def bump(who: Ledger) -> None:
        async with who.transaction() as transaction:
            present = (await transaction.load([call.id]))[call.id]
            await asyncio.sleep(0)
            moved = scheduling(present) if present.state is State.REQUESTED else aborting(present)
            await transaction.write([change(present, moved, NOON)], NOON)

    await asyncio.gather(bump(ledger), bump(other))
    history = await ledger.events(call.id)
    assert [each.type for each in history] == ["call.accepted", "call.scheduled", "call.ended"]


async def test_groups_that_overlap_in_any_order_never_lock_each_other_up(ledger: Ledger, other: Ledger) -> None:
    calls = [newborn(f"u-{number}") for number in range(6)]
    await put(ledger, *map(birth, calls))
    ids = [call.id for call in calls]

    async def touch(who: Ledger, order: list[str]) -> None:
        async with who.transaction() as transaction:
            await transaction.load(order)
            await asyncio.sleep(0.001)

    await asyncio.wait_for(
        asyncio.gather(*(touch(who, order) for _ in range(8) for who, order in ((ledger, ids), (other, ids[::-1])))),
        20,
    )


async def test_a_citizen_may_have_one_scheduled_call_for_each_service_beside_an_active_one(ledger: Ledger) -> None:
    waiting = await scheduled(ledger)
    active = newborn()
    elsewhere = scheduling(newborn(service="tax")).call
    await put(ledger, birth(elsewhere))
    await put(ledger, birth(active))
    with pytest.raises(AlreadyScheduled) as refusal:
        await put(ledger, change(active, advance(active, e.Admitted(CLOSED), NOON), NOON))
    assert refusal.value.call_id == waiting.id


async def test_a_scheduled_call_cannot_start_while_the_citizen_talks(ledger: Ledger) -> None:
    waiting = await scheduled(ledger)
    active = newborn()
    await put(ledger, birth(active))
    with pytest.raises(CitizenBusy) as refusal:
        await put(ledger, change(waiting, advance(waiting, e.Due(), NOON), NOON))
    assert (refusal.value.refused, refusal.value.call_id) == (waiting.id, active.id)


@pytest.mark.parametrize("order", list(permutations(range(2))))
async def test_the_place_of_a_call_that_ends_is_free_in_the_same_write(ledger: Ledger, order: tuple[int, int]) -> None:
    active, waiting = newborn(), await scheduled(ledger)
    await put(ledger, birth(active))
    changes = [
        change(active, aborting(active), NOON),
        change(waiting, advance(waiting, e.Due(), NOON), NOON),
    ]
    await put(ledger, *(changes[index] for index in order))
    assert [call.id for call in await ledger.unfinished()] == [waiting.id]


async def test_citizens_of_two_portals_are_not_confused(ledger: Ledger) -> None:
    await put(ledger, birth(newborn(client="portal")))
    await put(ledger, birth(newborn(client="kiosk")))
    assert len(await ledger.unfinished()) == 2


async def test_a_ticket_is_drawn_once(ledger: Ledger) -> None:
    first = newborn("u-1")
    await put(ledger, birth(first))
    with pytest.raises(TicketTaken) as refusal:
        await put(ledger, birth(replace(newborn("u-2"), ticket=first.ticket)))
    assert refusal.value.call_id == first.id


async def test_a_repeated_request_learns_of_its_key_not_of_the_busy_citizen(ledger: Ledger) -> None:
    first = newborn()
    await put(ledger, birth(first, key="k"))
    with pytest.raises(KeyUsed) as refusal:
        await put(ledger, birth(newborn(), key="k"))
    assert (refusal.value.call_id, refusal.value.fingerprint) == (first.id, "print of k")
    assert await ledger.idempotent("portal", "k") == ("print of k", first.id)
    assert await ledger.idempotent("kiosk", "k") is None
    async with ledger.transaction() as transaction:
        used = await transaction.idempotent([("portal", "k"), ("portal", "other")])
    assert used == {("portal", "k"): ("print of k", first.id)}


async def test_a_call_is_born_once(ledger: Ledger) -> None:
    call = newborn()
    await put(ledger, birth(call))
    with pytest.raises(Stale, match=call.id):
        await put(ledger, birth(call))


async def test_a_key_belongs_to_one_client(ledger: Ledger) -> None:
    await put(ledger, birth(newborn(client="portal"), key="k"))
    await put(ledger, birth(newborn(client="kiosk"), key="k"))


async def test_of_one_group_the_guilty_is_named_and_nothing_is_kept(ledger: Ledger) -> None:
    calls = [newborn("u-1"), newborn("u-2"), newborn("u-1")]
    with pytest.raises(CitizenBusy) as refusal:
        await put(ledger, *map(birth, calls))
    assert (refusal.value.refused, refusal.value.call_id) == (calls[2].id, calls[0].id)
    assert await ledger.unfinished() == []
    await put(ledger, *map(birth, calls[:2]))


async def test_a_conflict_says_what_to_do_and_shows_no_citizen(ledger: Ledger) -> None:
    first = newborn(CITIZEN)
    await put(ledger, birth(first))
    with pytest.raises(Conflict, match=f"has call {first.id} going on; end it first") as refusal:
        await put(ledger, birth(newborn(CITIZEN)))
    assert CITIZEN not in "".join(traceback.format_exception(refusal.value))
