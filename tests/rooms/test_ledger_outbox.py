"""Wishes leave once, in order, and nobody forgets whether one may have been carried out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from pbx_bridge.call.commands import Command, Dial, HangUp, Redirect, SendCode
from pbx_bridge.call.model import Call
from pbx_bridge.ledger import Ledger, Wish, Written

from .ledger_calls import KEY, NOON, PEPPER, birth, newborn

pytest_plugins = ["tests.ledger_plugin"]

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=30)


async def wish(ledger: Ledger, call: Call, *commands: Command, owner: str | None = None) -> Written:
    """Store the call if it is new, and wishes of it."""
    known = await ledger.call(call.id)
    changed = replace(birth(call), wishes=commands)
    if known:
        changed = replace(changed, before_revision=known.revision, events=())
    async with ledger.transaction() as transaction:
        return await transaction.write([changed], NOON, owner=owner, lease_until=owner and NOON + LEASE)  # type: ignore[arg-type]


async def claimed(ledger: Ledger, owner: str = "me", at: timedelta = SECOND, **more: object) -> list[Wish]:
    return await ledger.claim(owner, NOON + at, LEASE.total_seconds(), **more)  # type: ignore[arg-type]


async def test_every_command_comes_back_as_it_was_wished(ledger: Ledger) -> None:
    commands = [SendCode(), Dial("pb.c.1", 2), HangUp("pb.c.1"), Redirect("pb.c.1", "tax")]
    call = newborn()
    await wish(ledger, call, *commands)
    for command in commands:
        (each,) = await claimed(ledger)
        assert each.command == command
        assert (each.call_id, each.owner, each.attempts, each.maybe_done) == (call.id, "me", 1, False)
        await ledger.finish([each])
    assert await claimed(ledger) == []


async def test_a_wish_waits_for_the_one_before_it(ledger: Ledger) -> None:
    anna, boris = newborn("anna"), newborn("boris")
    await wish(ledger, anna, Dial("pb.a.1", 0), HangUp("pb.a.1"))
    await wish(ledger, boris, Dial("pb.b.1", 0))
    first, of_boris = await claimed(ledger)
    assert [first.call_id, of_boris.call_id] == [anna.id, boris.id]
    assert await claimed(ledger) == []
    await ledger.finish([first])
    assert [each.command for each in await claimed(ledger)] == [HangUp("pb.a.1")]


async def test_two_claimants_never_get_the_same_wish(ledger: Ledger, ledger_url: str) -> None:
    other = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    for number in range(40):
        await wish(ledger, newborn(f"u-{number}"), SendCode())
    hauls = await asyncio.gather(
        *(claimed(who, name, limit=3) for who, name in ((ledger, "a"), (other, "b")) for _ in range(8))
    )
    await other.close()
    ids = [(each.call_id, each.number) for haul in hauls for each in haul]
    assert len(ids) == len(set(ids))
    assert max(map(len, hauls)) == 3
    assert len(ids) + len(await claimed(ledger, "c")) == 40


async def test_a_wish_born_claimed_is_nobody_elses(ledger: Ledger) -> None:
    written = await wish(ledger, newborn(), SendCode(), owner="me")
    (mine,) = written.wishes
    assert (mine.owner, mine.maybe_done, mine.lease_until) == ("me", False, NOON + LEASE)
    assert written.waiting == frozenset()
    assert await claimed(ledger, "you") == []
    await ledger.finish([mine])
    assert await ledger.open_wishes() == []


async def test_a_wish_is_not_born_claimed_while_an_earlier_one_is_open(ledger: Ledger) -> None:
    call = newborn()
    written = await wish(ledger, call, Dial("pb.c.1", 0), Redirect("pb.c.1", "tax"), owner="me")
    assert [each.command for each in written.wishes] == [Dial("pb.c.1", 0)]
    assert written.waiting == {call.id}
    later = await wish(ledger, call, HangUp("pb.c.1"), owner="me")
    assert (later.wishes, later.waiting) == ((), {call.id})
    for command in (Dial("pb.c.1", 0), Redirect("pb.c.1", "tax"), HangUp("pb.c.1")):
        (present,) = written.wishes or await claimed(ledger)
        assert present.command == command
        await ledger.finish([present])
        written = Written()


async def test_a_finish_in_the_same_transaction_frees_the_next_wish(ledger: Ledger) -> None:
    call = newborn()
    (dial,) = (await wish(ledger, call, Dial("pb.c.1", 0), owner="me")).wishes
    async with ledger.transaction() as transaction:
        await transaction.finish([dial])
        again = replace(birth(call), before_revision=1, events=(), wishes=(HangUp("pb.c.1"),))
        written = await transaction.write([again], NOON, owner="me", lease_until=NOON + LEASE)
    assert [each.command for each in written.wishes] == [HangUp("pb.c.1")]


async def test_when_a_lease_runs_out_the_next_one_is_told_that_it_may_be_done(ledger: Ledger) -> None:
    await wish(ledger, newborn(), SendCode(), owner="dead")
    assert await claimed(ledger, "me", LEASE - SECOND) == []
    (mine,) = await claimed(ledger, "me", LEASE)
    assert mine.maybe_done
    assert mine.attempts == 2


async def test_who_knows_that_the_others_are_dead_takes_over_at_once(ledger: Ledger) -> None:
    await wish(ledger, newborn(), SendCode(), owner="dead")
    (mine,) = await claimed(ledger, "me", take_over=True)
    assert mine.maybe_done
    assert await claimed(ledger, "me", take_over=True) == []


async def test_a_wish_given_back_waits_its_time_and_remembers_that_it_was_tried(ledger: Ledger) -> None:
    (mine,) = (await wish(ledger, newborn(), SendCode(), owner="me")).wishes
    await ledger.retry(mine, NOON + 5 * SECOND, "no answer")
    assert await ledger.next_wish() == NOON + 5 * SECOND
    assert await claimed(ledger, at=4 * SECOND) == []
    (again,) = await claimed(ledger, at=5 * SECOND)
    assert (again.attempts, again.maybe_done) == (2, True)


async def test_a_wish_that_surely_was_not_carried_out_is_like_new(ledger: Ledger) -> None:
    (mine,) = (await wish(ledger, newborn(), SendCode(), owner="me")).wishes
    await ledger.retry(mine, NOON, "refused before it was sent", surely_undone=True)
    (seen,) = await ledger.open_wishes()
    assert not seen.maybe_done
    (again,) = await claimed(ledger)
    assert (again.attempts, again.maybe_done) == (2, False)
    await ledger.retry(again, NOON, "no answer")
    (third,) = await claimed(ledger)
    assert third.maybe_done


async def test_a_dropped_wish_lets_the_next_one_go(ledger: Ledger) -> None:
    call = newborn()
    await wish(ledger, call, SendCode(), HangUp("pb.c.1"))
    (first,) = await claimed(ledger)
    await ledger.drop(first, "the citizen has gone")
    (second,) = await claimed(ledger)
    assert second.command == HangUp("pb.c.1")


async def test_who_was_too_slow_cannot_give_back_what_another_has_now(ledger: Ledger) -> None:
    (slow,) = (await wish(ledger, newborn(), SendCode(), owner="slow")).wishes
    (quick,) = await claimed(ledger, "quick", LEASE)
    await ledger.retry(slow, NOON, "late")
    await ledger.drop(slow, "late")
    assert [each.owner for each in await ledger.open_wishes()] == ["quick"]
    await ledger.finish([quick])
    assert await ledger.open_wishes() == []


async def test_after_a_crash_one_sees_what_may_have_been_carried_out(ledger: Ledger) -> None:
    begun, untouched = newborn("u-1"), newborn("u-2")
    await wish(ledger, begun, Dial("pb.b.1", 0), owner="dead")
    await wish(ledger, untouched, Dial("pb.u.1", 0))
    assert [(each.call_id, each.maybe_done) for each in await ledger.open_wishes()] == [
        (begun.id, True),
        (untouched.id, False),
    ]


async def test_the_outbox_says_when_to_look_again(ledger: Ledger) -> None:
    assert await ledger.next_wish() is None
    call = newborn()
    await wish(ledger, call, SendCode(), HangUp("pb.c.1"), owner="me")
    # The second cannot be claimed however long it waits: the first one's lease decides.
    assert await ledger.next_wish() == NOON + LEASE


async def test_finishing_many_is_one_transaction(ledger: Ledger) -> None:
    for number in range(5):
        await wish(ledger, newborn(f"u-{number}"), SendCode())
    await ledger.finish(await claimed(ledger))
    await ledger.finish([])
    assert await ledger.open_wishes() == []
