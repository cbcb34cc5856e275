"""What limits count: whose it was, of which number, and since when."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from pbx_bridge.ledger import Change, Ledger, Refused
from pbx_bridge.ledger.access import Authenticator, NewTry, Try, TryKind

from .ledger_calls import KEY, NOON, PEPPER, birth, newborn, put
from .test_ledger_calls import counted_statements

pytest_plugins = ["tests.ledger_plugin"]

MINUTE = timedelta(minutes=1)
ANNAS, BORIS = "+79161234567", "+74951234567"
ANNA = ("portal", "anna", ANNAS)


def sent(user: str = "anna", number: str | None = ANNAS, client: str = "portal") -> NewTry:
    return NewTry(TryKind.SENT, client, user, number)


async def count(ledger: Ledger, *tries: NewTry, at: datetime = NOON) -> None:
    async with ledger.transaction() as transaction:
        await transaction.write([Change(tries=tries)], at)


async def recent(ledger: Ledger, *whose: tuple[str, str, str | None], since: datetime = NOON) -> list[list[Try]]:
    async with ledger.transaction() as transaction:
        found = await transaction.recent(whose, since)
    assert set(found) == set(whose)
    return [found[each] for each in whose]


async def test_what_is_counted_with_a_call_is_found_after_it(ledger: Ledger) -> None:
    call = newborn("anna")
    await put(ledger, replace(birth(call), tries=(NewTry(TryKind.OPENED, "portal", "anna", ANNAS), sent())))
    opened, code = (await recent(ledger, ANNA))[0]
    assert opened == Try(TryKind.OPENED, NOON, same_citizen=True, same_number=True)
    assert code.kind is TryKind.SENT


async def test_the_same_number_counts_for_another_citizen_and_the_same_citizen_for_another_number(
    ledger: Ledger,
) -> None:
    await count(ledger, sent())
    same, other_citizen, other_number, nobody = await recent(
        ledger, ANNA, ("portal", "boris", ANNAS), ("portal", "anna", BORIS), ("portal", "boris", BORIS)
    )
    assert [(each.same_citizen, each.same_number) for each in same] == [(True, True)]
    assert [(each.same_citizen, each.same_number) for each in other_citizen] == [(False, True)]
    assert [(each.same_citizen, each.same_number) for each in other_number] == [(True, False)]
    assert nobody == []


async def test_without_a_number_only_the_citizen_counts(ledger: Ledger) -> None:
    await count(ledger, sent(number=None), sent("boris", None))
    (found,) = await recent(ledger, ("portal", "anna", None))
    assert [(each.same_citizen, each.same_number) for each in found] == [(True, False)]


async def test_a_citizen_of_another_portal_is_another_citizen(ledger: Ledger) -> None:
    await count(ledger, sent(client="kiosk", number=None))
    assert await recent(ledger, ("portal", "anna", None)) == [[]]


async def test_the_oldest_comes_first_and_what_is_too_old_not_at_all(ledger: Ledger) -> None:
    for minutes in (3, 1, 2, 0):
        await count(ledger, sent(), at=NOON + minutes * MINUTE)
    (found,) = await recent(ledger, ANNA, since=NOON + MINUTE)
    assert [(each.at - NOON) / MINUTE for each in found] == [1, 2, 3]


async def test_a_batch_is_asked_in_one_statement(ledger: Ledger) -> None:
    await count(ledger, sent(), sent("boris", BORIS))
    whose = [("portal", f"u-{number}", ANNAS) for number in range(20)]
    async with ledger.transaction() as transaction:
        await transaction.load(["call_none"])
        with counted_statements() as statements:
            found = await transaction.recent(whose, NOON)
            assert await transaction.recent([], NOON) == {}
    assert len(statements) == 1
    assert [len(found[each]) for each in whose] == [1] * 20


async def test_nothing_is_counted_of_a_change_that_fails(ledger: Ledger) -> None:
    call = newborn("anna")
    with pytest.raises(Refused):
        await put(ledger, replace(birth(replace(call, revision=-1)), tries=(sent(),)))
    assert await recent(ledger, ANNA) == [[]]


async def test_after_a_day_it_is_forgotten(ledger: Ledger) -> None:
    await count(ledger, sent(), at=NOON)
    await count(ledger, sent(), at=NOON + MINUTE)
    assert await ledger.forget_old(NOON + timedelta(days=1)) == 1
    assert [each.at for each in (await recent(ledger, ANNA))[0]] == [NOON + MINUTE]


async def test_neither_number_nor_citizen_can_be_read(ledger: Ledger) -> None:
    await count(ledger, sent())
    rows = await ledger._read(lambda connection: connection.execute(text("SELECT citizen, number FROM tries")).all())
    assert [len(each) for each in rows[0]] == [32, 32]


async def test_of_two_processes_that_use_one_step_the_second_sees_the_first(ledger: Ledger, ledger_url: str) -> None:
    other = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    await ledger.keep_authenticator(Authenticator("portal", "anna", "SECRET", NOON))

    async def use(who: Ledger) -> int:
        async with who.transaction() as transaction:
            found = (await transaction.authenticators([("portal", "anna")]))["portal", "anna"]
            await asyncio.sleep(0)
            await transaction.write([Change(authenticator=replace(found, last_step=found.last_step + 1))], NOON)
            return found.last_step

    assert sorted(await asyncio.gather(*(use(who) for who in (ledger, other) for _ in range(5)))) == list(range(10))
    await other.close()
