"""What programs are owed is written with the event, leaves in the order of its call, and tells nothing private."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from pbx_bridge.ledger import AuditLine, Ledger, migrate
from pbx_bridge.ledger.access import ClientKey, KeyKind
from pbx_bridge.ledger.postings import DeliveryFilter, Lane, Owed, Posting, Settled
from tests.webhooks.owed import URL, begins, happens, program

from .ledger_calls import KEY, NOON, PEPPER, aborting, birth, change, newborn, put
from .test_ledger_plans import explained, long_walks
from .test_migrations import bare_url, description, within

__all__ = ["bare_url"]

pytest_plugins = ["tests.ledger_plugin"]

SECOND = timedelta(seconds=1)
LANE = Lane("portal")
OWN = "https://calls.portal.example/u-anna"


async def claims(
    ledger: Ledger, at: datetime = NOON + SECOND, *, lane: Lane = LANE, limit: int = 100, settled: Any = ()
) -> list[Posting]:
    return await ledger.deliver(settled, [(lane, limit)], at, owner="me", lease_s=30)


async def shown(ledger: Ledger, **filter_: Any) -> list[tuple[int, str]]:
    page = await ledger.deliveries(DeliveryFilter(**filter_))
    return [(each.sequence, each.state.value) for each in reversed(page.deliveries)]


async def test_an_event_is_owed_with_its_own_transaction_and_to_who_wants_it_alone(ledger: Ledger) -> None:
    await program(ledger)
    await program(ledger, "mute", callback_url=None)
    await program(ledger, "bare", keys=())
    await program(ledger, "gone", callback_disabled_at=NOON)
    await program(ledger, "over", disabled_at=NOON)
    for client in ("portal", "mute", "bare", "gone", "over", "nobody"):
        await begins(ledger, client=client)
    assert list(await ledger.lanes()) == [LANE]
    with pytest.raises(RuntimeError):  # noqa: PT012  what was written before is the point
        async with ledger.transaction() as transaction:
            await transaction.write([birth(newborn("boris"))], NOON)
            raise RuntimeError("something else")
    assert await shown(ledger) == [(1, "waiting")]


async def test_the_first_open_one_of_each_call_is_claimed_and_nobody_elses(ledger: Ledger) -> None:
    await program(ledger)
    anna, _ = await happens(ledger, await begins(ledger, "anna"), 2)
    boris = await begins(ledger, "boris")
    first = await claims(ledger)
    assert [(each.call_id, each.sequence) for each in first] == [(anna.id, 1), (boris.id, 1)]
    assert [each.event and each.event.data["call"]["id"] for each in first] == [anna.id, boris.id]
    assert await claims(ledger) == []
    taken = [Settled(each, Owed.DELIVERED, 204) for each in first]
    assert [each.sequence for each in await claims(ledger, settled=taken)] == [2]


async def test_a_lease_that_runs_out_lets_another_and_its_old_owner_changes_nothing(ledger: Ledger) -> None:
    await program(ledger)
    await begins(ledger)
    (mine,) = await claims(ledger)
    (yours,) = await claims(ledger, NOON + timedelta(seconds=32))
    assert (mine.event_id, mine.attempt, yours.attempt) == (yours.event_id, 1, 2)
    await ledger.deliver([Settled(mine, Owed.DEAD, 500, "late")], [], NOON, owner="me", lease_s=30)
    assert await shown(ledger) == [(1, "claimed")]
    await ledger.deliver([Settled(yours, Owed.DELIVERED, 200)], [], NOON, owner="you", lease_s=30)
    assert await shown(ledger) == [(1, "delivered")]


async def test_what_stands_behind_a_failure_shares_its_time_and_gets_it_back(ledger: Ledger) -> None:
    await program(ledger)
    call, _ = await happens(ledger, await begins(ledger))
    (first,) = await claims(ledger)
    later = NOON + timedelta(hours=5)
    await claims(ledger, settled=[Settled(first, Owed.WAITING, 500, "it answered 500", again_at=later)])
    await happens(ledger, call)
    assert await ledger.lanes() == {LANE: later}
    (again,) = await claims(ledger, later)
    assert [each.sequence for each in await claims(ledger, later, settled=[Settled(again, Owed.DELIVERED, 200)])] == [2]


async def test_pages_are_of_one_program_one_call_or_one_state_and_never_shift(ledger: Ledger) -> None:
    await program(ledger)
    await program(ledger, "kiosk")
    call, _ = await happens(ledger, await begins(ledger), 4)
    await begins(ledger, client="kiosk")
    assert await shown(ledger, client="kiosk") == [(1, "waiting")]
    assert await shown(ledger, call_id=call.id, client="kiosk") == []
    assert await shown(ledger, call_id=call.id, state=Owed.WAITING) == [(n, "waiting") for n in range(1, 6)]
    assert await shown(ledger, state=Owed.DEAD) == []
    seen: list[int] = []
    cursor: str | None = None
    while True:
        page = await ledger.deliveries(DeliveryFilter(client="portal"), before=cursor, limit=2)
        seen += [each.sequence for each in page.deliveries]
        call, _ = await happens(ledger, call)
        if (cursor := page.next_cursor) is None:
            break
    assert seen == [5, 4, 3, 2, 1]


async def test_dead_letters_are_counted_and_owed_anew_all_at_once(ledger: Ledger) -> None:
    await program(ledger)
    for user in ("anna", "boris"):
        await begins(ledger, user)
    dead = [Settled(each, Owed.DEAD, 500, "it answered 500") for each in await claims(ledger)]
    await claims(ledger, settled=dead)
    assert await ledger.dead_letters() == {"portal": 2}
    arrears = await ledger.arrears()
    assert (arrears.waiting, arrears.oldest, arrears.dead) == (0, None, 2)
    assert await ledger.replay_dead("kiosk", NOON) == 0
    assert await ledger.replay_dead("portal", NOON) == 2
    again = await claims(ledger)
    assert [(each.attempt, each.tries) for each in again] == [(2, 1), (2, 1)]
    assert {each.event_id for each in again} == {each.posting.event_id for each in dead}


async def test_an_event_of_before_the_address_can_be_replayed_and_one_under_way_cannot(ledger: Ledger) -> None:
    client = await program(ledger, callback_url=None)
    call = await begins(ledger)
    (event,) = await ledger.events(call.id)
    assert not await ledger.replay(event, NOON)
    await ledger.change_client(replace(client, callback_url=URL))
    assert await ledger.replay(event, NOON)
    (posting,) = await claims(ledger)
    assert posting.event_id == event.id
    assert not await ledger.replay(event, NOON)


async def test_an_address_is_given_up_once_with_a_line_and_never_a_newer_one(ledger: Ledger) -> None:
    await program(ledger)
    line = AuditLine(NOON, "service", "give-up-address", "taken", {"client": "portal"})
    assert not await ledger.give_up_address("portal", "https://elsewhere.example/", line)
    assert await ledger.give_up_address("portal", URL, line)
    assert not await ledger.give_up_address("portal", URL, line)
    assert [each.line.action for each in await ledger.audit()] == ["give-up-address"]
    assert (await ledger.verify_audit()).fault is None


async def test_erasing_a_citizen_leaves_no_address_and_sends_nothing_of_them(ledger: Ledger) -> None:
    await program(ledger)
    for url in (OWN, None):
        call = newborn("anna", callback_url=url)
        await put(ledger, birth(call))
        await put(ledger, change(call, aborting(call), NOON))
    await ledger.erase("portal", "anna", NOON)
    assert await claims(ledger, lane=Lane("portal", "calls.portal.example")) == []
    assert await shown(ledger, state=Owed.DROPPED) == [(1, "dropped"), (2, "dropped")]
    (posting,) = await claims(ledger)
    assert posting.event
    told = posting.event.data["call"]
    assert told["user"]["id"].startswith("erased:")
    assert (told["subject"], told["client_ref"]) == (None, None)


async def test_no_column_of_a_delivery_holds_an_address_or_a_word_of_the_event(ledger: Ledger, ledger_url: str) -> None:
    await program(ledger, callback_hosts=frozenset({"calls.portal.example"}))
    await begins(ledger, "anna", callback_url=OWN)
    (posting,) = await claims(ledger, lane=Lane("portal", "calls.portal.example"))
    assert posting.url == OWN
    assert "anna" not in repr(posting)
    rows = await within(ledger_url, lambda connection: connection.execute(text("SELECT * FROM deliveries")).all())
    assert "anna" not in repr(rows)
    assert len(rows) == 1


async def test_the_way_down_takes_secrets_and_deliveries_and_leaves_the_rest(bare_url: str) -> None:
    await migrate(bare_url, to="0003")
    before = await within(bare_url, description)
    await migrate(bare_url)
    ledger = await Ledger.open(bare_url, [KEY], pepper=PEPPER)
    shared = ClientKey("key_h", KeyKind.HMAC, "c2hhcmVk", NOON)
    client = await program(ledger)
    await ledger.add_key(client.id, shared)
    await begins(ledger)
    await ledger.close()
    await migrate(bare_url, to="0003")
    assert await within(bare_url, description) == before
    kinds = await within(
        bare_url, lambda connection: connection.execute(text("SELECT kind FROM client_keys")).scalars().all()
    )
    assert kinds == ["hmac"]


async def test_no_question_walks_through_what_was_delivered(sqlite_ledger: Ledger) -> None:
    await program(sqlite_ledger)
    call = await begins(sqlite_ledger)
    (event,) = await sqlite_ledger.events(call.id)
    with explained() as plans:
        await happens(sqlite_ledger, call)
        (posting,) = await claims(sqlite_ledger)
        await claims(sqlite_ledger, settled=[Settled(posting, Owed.WAITING, 500, "no", again_at=NOON)])
        await sqlite_ledger.drop_lane(LANE, "no", NOON)
        await sqlite_ledger.replay(event, NOON)
        await sqlite_ledger.replay_dead("portal", NOON)
        await sqlite_ledger.lanes()
        await sqlite_ledger.arrears()
        for filter_ in (
            DeliveryFilter(),
            DeliveryFilter("portal"),
            DeliveryFilter("portal", call.id),
            DeliveryFilter(call_id=call.id),
            DeliveryFilter(state=Owed.DEAD),
            DeliveryFilter("portal", state=Owed.DEAD),
        ):
            await sqlite_ledger.deliveries(filter_, before="evt_z")
    assert [step for step in long_walks(plans) if "deliveries_owed" not in step and "deliveries_dead" not in step] == []
