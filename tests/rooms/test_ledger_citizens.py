"""Identity data and authenticator apps: found by those who may, replaced whole, and blind to everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from pbx_bridge.ledger import Change, Ledger, Refused, Unreadable
from pbx_bridge.ledger.access import Authenticator, Citizen

from .ledger_calls import NOON, put

pytest_plugins = ["tests.ledger_plugin"]

SNILS = "11223344595"
DATA: Mapping[str, Any] = {"snils": {"value": SNILS, "verified": True}, "name": "Анна Каренина", "children": 2}
ANNA = Citizen("portal", "u-1", DATA, {"snils": SNILS, "email": "anna@example.org"}, NOON)
APP = Authenticator("portal", "u-1", "JBSWY3DPEHPK3PXP", NOON, recovery=("hash-1", "hash-2"))


async def column_of(ledger: Ledger, table: str, column: str, user: str) -> Any:
    statement = text(f"SELECT {column} FROM {table} WHERE user_id = :user").bindparams(user=user)  # noqa: S608
    return await ledger._read(lambda connection: connection.execute(statement).scalars().all())


# ── identity data ────────────────────────────────────────────────────────────────────────────────────────
async def test_a_citizen_comes_back_without_marks(ledger: Ledger) -> None:
    await ledger.keep_citizen(ANNA)
    assert await ledger.citizen("portal", "u-1") == replace(ANNA, marks={})
    assert await ledger.citizen("portal", "u-2") is None
    assert await ledger.citizen("kiosk", "u-1") is None


async def test_a_citizen_is_found_by_each_mark_and_by_its_own_kind_only(ledger: Ledger) -> None:
    await ledger.keep_citizen(ANNA)
    for kind, value in ANNA.marks.items():
        assert await ledger.find_citizens("portal", kind, value) == [replace(ANNA, marks={})]
    assert await ledger.find_citizens("portal", "email", SNILS) == []
    assert await ledger.find_citizens("portal", "snils", SNILS[:-1]) == []


async def test_no_program_finds_anothers_citizens(ledger: Ledger) -> None:
    await ledger.keep_citizen(ANNA)
    await ledger.keep_citizen(replace(ANNA, client="kiosk", user="k-1"))
    assert [each.user for each in await ledger.find_citizens("kiosk", "snils", SNILS)] == ["k-1"]
    assert await ledger.find_citizens("third", "snils", SNILS) == []


async def test_two_accounts_of_one_person_are_both_found(ledger: Ledger) -> None:
    await ledger.keep_citizen(replace(ANNA, user="u-2"))
    await ledger.keep_citizen(ANNA)
    assert [each.user for each in await ledger.find_citizens("portal", "snils", SNILS)] == ["u-1", "u-2"]


async def test_what_is_kept_replaces_what_was_known_marks_and_all(ledger: Ledger) -> None:
    await ledger.keep_citizen(ANNA)
    later = Citizen("portal", "u-1", {"name": "Анна"}, {"email": "new@example.org"}, NOON + timedelta(days=1))
    await ledger.keep_citizen(later)
    assert await ledger.citizen("portal", "u-1") == replace(later, marks={})
    assert await ledger.find_citizens("portal", "snils", SNILS) == []
    assert await ledger.find_citizens("portal", "email", "new@example.org") == [replace(later, marks={})]


async def test_marks_of_the_same_value_tell_nothing_of_each_other(ledger: Ledger) -> None:
    await ledger.keep_citizen(replace(ANNA, marks={"snils": SNILS, "inn": SNILS}))
    await ledger.keep_citizen(replace(ANNA, client="kiosk", marks={"snils": SNILS}))
    marks = await column_of(ledger, "citizen_marks", "mark", "u-1")
    assert len(set(marks)) == len(marks) == 3
    assert all(len(mark) == 32 and SNILS not in mark for mark in marks)


async def test_data_moved_to_another_citizen_does_not_open(ledger: Ledger) -> None:
    await ledger.keep_citizen(ANNA)
    await ledger.keep_citizen(replace(ANNA, user="u-2"))
    theft = "UPDATE citizens SET data = (SELECT data FROM citizens WHERE user_id = 'u-1') WHERE user_id = 'u-2'"
    async with ledger._store.writing() as desk:
        await desk.run(lambda connection: connection.execute(text(theft)))
    with pytest.raises(Unreadable, match=r"citizens\.data of citizen .* was changed") as refusal:
        await ledger.citizen("portal", "u-2")
    assert "u-2" not in str(refusal.value)


# ── authenticator apps ───────────────────────────────────────────────────────────────────────────────────
async def test_an_authenticator_comes_back_as_it_was_kept(ledger: Ledger) -> None:
    assert await ledger.authenticator("portal", "u-1") is None
    await ledger.keep_authenticator(APP)
    assert await ledger.authenticator("portal", "u-1") == APP
    assert await ledger.authenticator("kiosk", "u-1") is None


async def test_a_new_authenticator_takes_the_place_of_the_old_one(ledger: Ledger) -> None:
    await ledger.keep_authenticator(APP)
    fresh = replace(APP, secret="KRSXG5CTMVRXEZLU", confirmed_at=NOON, last_step=58_000_000, recovery=())
    await ledger.keep_authenticator(fresh)
    assert await ledger.authenticator("portal", "u-1") == fresh


async def test_a_dropped_authenticator_is_gone(ledger: Ledger) -> None:
    await ledger.keep_authenticator(APP)
    await ledger.keep_authenticator(replace(APP, user="u-2"))
    assert await ledger.drop_authenticator("portal", "u-1")
    assert not await ledger.drop_authenticator("portal", "u-1")
    assert await ledger.authenticator("portal", "u-1") is None
    assert await ledger.authenticator("portal", "u-2") is not None


async def test_a_used_step_is_kept_together_with_the_change_it_belongs_to(ledger: Ledger) -> None:
    await ledger.keep_authenticator(APP)
    async with ledger.transaction() as transaction:
        found = await transaction.authenticators([("portal", "u-1"), ("portal", "u-2"), ("portal", "u-1")])
        assert found == {("portal", "u-1"): APP}
        await transaction.write([Change(authenticator=replace(APP, last_step=7))], NOON)
    assert await ledger.authenticator("portal", "u-1") == replace(APP, last_step=7)


async def test_nothing_of_a_change_that_fails_is_kept(ledger: Ledger) -> None:
    await ledger.keep_authenticator(APP)
    with pytest.raises(Refused, match="last_step"):
        await put(ledger, Change(authenticator=replace(APP, last_step=-1)))
    assert await ledger.authenticator("portal", "u-1") == APP


async def test_only_those_asked_for_come_though_others_share_client_or_id(ledger: Ledger) -> None:
    for client, user in (("portal", "a"), ("portal", "b"), ("kiosk", "a"), ("kiosk", "b")):
        await ledger.keep_authenticator(replace(APP, client=client, user=user))
    async with ledger.transaction() as transaction:
        assert set(await transaction.authenticators([("portal", "a"), ("kiosk", "b")])) == {
            ("portal", "a"),
            ("kiosk", "b"),
        }


async def test_asking_for_nobodys_authenticator_asks_nothing(ledger: Ledger) -> None:
    async with ledger.transaction() as transaction:
        assert await transaction.authenticators([]) == {}
