"""What programs prove themselves with, what the service proves itself with, and which tokens are dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from pbx_bridge.ledger import Ledger, LedgerUnavailable, Refused
from pbx_bridge.ledger.access import ClientKey, KeyKind, Revocation, SigningKey

from .ledger_calls import KEY, NOON, PEPPER
from .test_ledger_clients import NARROW, PORTAL, PUBLIC, SECRET, SHARED

pytest_plugins = ["tests.ledger_plugin"]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
async def other(ledger: Ledger, ledger_url: str) -> AsyncIterator[Ledger]:
    """A second process on the same database."""
    opened = await Ledger.open(ledger_url, [KEY], pepper=PEPPER, patience_s=2)
    yield opened
    await opened.close()


async def keys_of(ledger: Ledger) -> dict[str, ClientKey]:
    client = await ledger.client("portal")
    assert client
    return {key.id: key for key in client.keys}


# ── keys of programs ─────────────────────────────────────────────────────────────────────────────────────
async def test_one_more_key_leaves_the_others_as_they_are(ledger: Ledger) -> None:
    await ledger.add_client(replace(PORTAL, keys=(SECRET,)))
    assert await ledger.add_key("portal", SHARED)
    assert await keys_of(ledger) == {SECRET.id: SECRET, SHARED.id: SHARED}


async def test_a_rotation_lets_only_keys_of_its_kind_expire_and_none_live_longer(ledger: Ledger) -> None:
    soon = ClientKey("soon", KeyKind.SECRET, "h", NOON, NOON + HOUR)
    late = ClientKey("late", KeyKind.SECRET, "h", NOON, NOON + 9 * DAY)
    await ledger.add_client(replace(PORTAL, keys=(SECRET, soon, late, PUBLIC)))
    fresh = ClientKey("fresh", KeyKind.SECRET, "hash", NOON + HOUR)
    assert await ledger.add_key("portal", fresh, others_expire_at=NOON + DAY)
    ends = {id_: key.expires_at for id_, key in (await keys_of(ledger)).items()}
    assert ends == {
        SECRET.id: NOON + DAY, "late": NOON + DAY, "soon": NOON + HOUR, PUBLIC.id: None, "fresh": None
    }  # fmt: skip


async def test_keys_of_another_program_do_not_expire_with_it(ledger: Ledger) -> None:
    await ledger.add_client(replace(PORTAL, keys=(SECRET,)))
    await ledger.add_client(replace(PORTAL, id="kiosk", keys=(SECRET,)))
    await ledger.add_key("kiosk", replace(SECRET, id="fresh"), others_expire_at=NOON)
    assert await keys_of(ledger) == {SECRET.id: SECRET}


async def test_a_key_for_nobody_is_not_kept(ledger: Ledger) -> None:
    assert not await ledger.add_key("stranger", SECRET)


async def test_a_key_id_is_given_once_in_a_program_and_no_other_key_expires_for_it(ledger: Ledger) -> None:
    await ledger.add_client(replace(PORTAL, keys=(SECRET, PUBLIC)))
    with pytest.raises(Refused, match="client_keys"):
        await ledger.add_key("portal", replace(PUBLIC, kind=KeyKind.SECRET), others_expire_at=NOON)
    assert await keys_of(ledger) == {SECRET.id: SECRET, PUBLIC.id: PUBLIC}


async def test_a_dropped_key_counts_no_more_and_is_still_known(ledger: Ledger) -> None:
    await ledger.add_client(NARROW)
    assert await ledger.drop_key("portal", PUBLIC.id, NOON + DAY)
    assert not await ledger.drop_key("portal", PUBLIC.id, NOON + 2 * DAY)
    assert not await ledger.drop_key("portal", "unknown", NOON)
    assert not await ledger.drop_key("stranger", SECRET.id, NOON)
    client = await ledger.client("portal")
    assert client
    assert client.living_keys(KeyKind.PUBLIC, NOON + DAY - HOUR) == (replace(PUBLIC, expires_at=NOON + DAY),)
    assert client.living_keys(KeyKind.PUBLIC, NOON + DAY) == ()
    assert client.living_keys(KeyKind.SECRET, NOON + DAY) == (SECRET,)


# ── keys of ours ─────────────────────────────────────────────────────────────────────────────────────────
def signing_key(id_: str, number: int = 0, **changes: object) -> SigningKey:
    at = NOON + number * DAY
    key = SigningKey(id_, "token", b"-----BEGIN PRIVATE KEY-----", at, at + DAY, at + 2 * DAY)
    return replace(key, **changes)  # type: ignore[arg-type]


async def test_signing_keys_are_believed_until_their_time_newest_first(ledger: Ledger) -> None:
    first, second, third = (signing_key(f"k{number}", number) for number in range(3))
    for key in (second, first, third, signing_key("r", purpose="response")):
        await ledger.add_signing_key(key)
    assert await ledger.signing_keys("token", NOON) == [third, second, first]
    assert await ledger.signing_keys("token", first.valid_until) == [third, second]
    assert [key.id for key in await ledger.signing_keys("response", NOON)] == ["r"]


async def test_a_key_that_would_sign_longer_than_it_is_believed_is_refused(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="ck_signing_keys_times"):
        await ledger.add_signing_key(signing_key("k", signs_until=NOON + 3 * DAY))


async def test_two_processes_do_not_both_make_the_same_key(ledger: Ledger, other: Ledger) -> None:
    await ledger.add_signing_key(signing_key("k"))
    with pytest.raises(Refused):
        await other.add_signing_key(signing_key("k"))


# ── dead tokens ──────────────────────────────────────────────────────────────────────────────────────────
async def test_every_kind_of_revocation_comes_back_with_its_id(ledger: Ledger) -> None:
    wanted = [
        Revocation("portal", NOON, NOON + HOUR, token_id="t-1"),
        Revocation("portal", NOON, NOON + HOUR, citizen="u-1"),
        Revocation("portal", NOON, NOON + HOUR),
    ]
    stored = [await ledger.revoke(each) for each in wanted]
    assert [replace(each, id=0) for each in stored] == wanted
    assert await ledger.revocations(0, NOON) == stored
    assert await ledger.revocations(stored[0].id, NOON) == stored[1:]
    assert await ledger.revocations(0, NOON + HOUR) == []


async def test_ids_are_not_used_again_when_all_were_forgotten(ledger: Ledger) -> None:
    last = await ledger.revoke(Revocation("portal", NOON, NOON + HOUR))
    await ledger.forget_old(NOON + HOUR)
    assert (await ledger.revoke(Revocation("portal", NOON, NOON + HOUR))).id > last.id


async def test_no_later_revocation_is_seen_while_an_earlier_one_is_not_committed(
    ledger: Ledger, other: Ledger, ledger_url: str
) -> None:
    seal, marks = ledger._rows.seal, ledger._rows.marks
    from pbx_bridge.ledger import tokens

    async with ledger._store.writing() as desk:
        await desk.run(lambda connection: tokens.revoke(connection, Revocation("a", NOON, NOON + HOUR), seal, marks))
        later = asyncio.create_task(other.revoke(Revocation("b", NOON, NOON + HOUR)))
        done, _ = await asyncio.wait([later], timeout=0.2)
        assert not done
        assert await other.revocations(0, NOON) == []
    await later
    assert [each.client for each in await ledger.revocations(0, NOON)] == ["a", "b"]


# ── nonces ───────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_nonce_counts_once_for_each_key(ledger: Ledger) -> None:
    pairs = [("k1", "n"), ("k2", "n"), ("k1", "m")]
    assert await ledger.remember_nonces(pairs, NOON, NOON + HOUR) == frozenset()
    assert await ledger.remember_nonces([*pairs, ("k2", "m")], NOON, NOON + HOUR) == set(pairs)
    assert await ledger.remember_nonces([], NOON, NOON + HOUR) == frozenset()


async def test_a_nonce_that_comes_twice_at_once_is_a_replay(ledger: Ledger) -> None:
    assert await ledger.remember_nonces([("k", "n"), ("k", "n"), ("k", "m")], NOON, NOON + HOUR) == {("k", "n")}


async def test_a_nonce_counts_again_when_its_time_is_over(ledger: Ledger) -> None:
    await ledger.remember_nonces([("k", "n")], NOON, NOON + HOUR)
    last_moment = NOON + HOUR - timedelta(microseconds=1)
    assert await ledger.remember_nonces([("k", "n")], last_moment, NOON + DAY) == {("k", "n")}
    assert await ledger.remember_nonces([("k", "n")], NOON + HOUR, NOON + DAY) == frozenset()
    assert await ledger.remember_nonces([("k", "n")], NOON + HOUR, NOON + DAY) == {("k", "n")}


async def test_of_many_who_bring_the_same_nonces_at_once_each_nonce_is_new_to_one(
    ledger: Ledger, other: Ledger
) -> None:
    pairs = [("k", f"n{number}") for number in range(20)]
    orders = [pairs, pairs[::-1], pairs[10:] + pairs[:10]]
    told = await asyncio.gather(
        *(
            who.remember_nonces(order, NOON, NOON + HOUR)
            for _ in range(5)
            for order in orders
            for who in (ledger, other)
        )
    )
    assert [sum(pair not in replays for replays in told) for pair in pairs] == [1] * len(pairs)


# ── forgetting ───────────────────────────────────────────────────────────────────────────────────────────
async def rows_in(ledger: Ledger, table: str) -> int:
    statement = text(f"SELECT count(*) FROM {table}")  # noqa: S608
    return int(await ledger._read(lambda connection: connection.execute(statement).scalar_one()))


async def test_what_is_over_is_forgotten_and_nothing_else(ledger: Ledger) -> None:
    old = replace(SECRET, id="old", expires_at=NOON - timedelta(days=90))
    young = replace(SECRET, id="young", expires_at=NOON - timedelta(days=89))
    await ledger.add_client(replace(PORTAL, keys=(old, young, SECRET)))
    for until in (NOON, NOON + HOUR):
        await ledger.revoke(Revocation("portal", NOON - DAY, until))
        await ledger.remember_nonces([("k", str(until))], NOON - DAY, until)
        await ledger.add_signing_key(signing_key(str(until), signs_until=NOON - DAY, valid_until=until))
    assert await ledger.forget_old(NOON) == 4
    assert await ledger.forget_old(NOON) == 0
    assert set(await keys_of(ledger)) == {"young", SECRET.id}
    assert [await rows_in(ledger, table) for table in ("revocations", "nonces", "signing_keys")] == [1, 1, 1]


async def test_a_locked_database_is_told(sqlite_ledger: Ledger, sqlite_url: str) -> None:
    hasty = await Ledger.open(sqlite_url, [KEY], pepper=PEPPER, patience_s=0.05)
    async with sqlite_ledger._store.writing() as desk:
        await desk.run(lambda connection: None)
        with pytest.raises(LedgerUnavailable, match="locked"):
            await hasty.remember_nonces([("k", "n")], NOON, NOON + HOUR)
    await hasty.close()
