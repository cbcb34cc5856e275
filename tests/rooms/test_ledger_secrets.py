"""What citizens told us is in no file in clear, and only our keys open it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

from pbx_bridge.call.model import Device, DeviceKind
from pbx_bridge.ledger import AuditLine, BadKey, Change, Client, Ledger, Refused, Unreadable, new_key, reseal
from pbx_bridge.ledger.access import (
    Authenticator,
    Citizen,
    ClientKey,
    KeyKind,
    NewTry,
    Revocation,
    SigningKey,
    TryKind,
)
from pbx_bridge.ledger.seal import KEY_BYTES, Seal
from pbx_bridge.ledger.tables import metadata
from workshop.postgres import Postgres

from .ledger_calls import KEY, NOON, PEPPER, birth, change, dialling, forget_opened_requests, newborn, put

pytest_plugins = ["tests.ledger_plugin"]

OTHER = bytes(reversed(range(KEY_BYTES)))

#: What the calls of these tests carry, as a file could show it: number, name, address, subject, reference; then what
#: is known of their citizen beside them, and what programs and the service prove themselves with.
PRIVATE = [
    "9161234567", "61234567", "12025550123", "Анна Каренина", "anna-at-home", "Не приходит СМС", "order 4711",
    "11223344595", "112-233-445 95", "anna@example.org", "JBSWY3DPEHPK3PXP", "c2hhcmVkIGtleQ==", "PRIVATE KEY",
]  # fmt: skip
SHARED = ClientKey("key_1", KeyKind.HMAC, "c2hhcmVkIGtleQ==", NOON)
PORTAL = Client("portal", "Портал", frozenset(), NOON, 900, (SHARED,))
OURS = SigningKey("key_2", "token", b"-----BEGIN PRIVATE KEY-----", NOON, NOON, NOON + timedelta(days=1))
ANNA = Citizen(
    "portal",
    "u-leak",
    {"snils": "112-233-445 95", "name": "Анна Каренина"},
    {"snils": "11223344595", "email": "anna@example.org"},
    NOON,
)
APP = Authenticator("portal", "u-leak", "JBSWY3DPEHPK3PXP", NOON)


def shapes(word: str) -> Iterator[bytes]:
    """The ways a word can be written in a file."""
    yield word.encode()
    yield word.encode("utf-16-le")
    yield json.dumps(word)[1:-1].encode()


async def live_a_private_life(ledger: Ledger) -> None:
    call = newborn("u-leak", subject="Не приходит СМС, Анна Каренина", client_ref="order 4711 of Анна Каренина")
    devices = (*call.request.devices, Device(DeviceKind.SIP, address="anna-at-home"))
    call = replace(call, request=replace(call.request, devices=devices))
    await put(ledger, birth(call, key="k"))
    await put(ledger, change(call, dialling(call), NOON))
    assert (await ledger.events(call.id))[1].data["call"]["subject"] == call.request.subject
    await remember_a_private_person(ledger)


async def remember_a_private_person(ledger: Ledger) -> None:
    await ledger.add_client(PORTAL)
    await ledger.add_signing_key(OURS)
    await ledger.keep_citizen(ANNA)
    await ledger.keep_authenticator(APP)
    await ledger.revoke(Revocation("portal", NOON, NOON + timedelta(days=1), citizen="u-hidden"))
    await put(ledger, Change(tries=(NewTry(TryKind.SENT, "portal", "u-hidden", "+79161234567"),)))
    await ledger.note([AuditLine(NOON, "client:portal", "citizen.read", "taken", citizen=("portal", "u-hidden"))])


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def test_no_sqlite_file_shows_what_citizens_told_us(sqlite_url: str, tmp_path: Path) -> None:
    ledger = await Ledger.open(sqlite_url, [KEY], pepper=PEPPER)
    await live_a_private_life(ledger)
    open_files = everything_in(tmp_path)
    await ledger.close()
    for stored in (open_files, everything_in(tmp_path)):
        assert b"u-leak" in stored, "this test would not find anything"
        assert [word for word in [*PRIVATE, "u-hidden"] for shape in shapes(word) if shape in stored] == []


async def test_no_postgres_file_shows_what_citizens_told_us(postgres_url: str, postgres: Postgres) -> None:
    ledger = await Ledger.open(postgres_url, [KEY], pepper=PEPPER)
    await live_a_private_life(ledger)
    await ledger.close()
    postgres.run("postgres", "CHECKPOINT")
    stored = everything_in(postgres.folder / "data")
    assert b"u-leak" in stored, "this test would not find anything"
    assert [word for word in [*PRIVATE, "u-hidden"] for shape in shapes(word) if shape in stored] == []


async def test_a_new_first_key_seals_and_the_old_one_still_opens(ledger: Ledger, ledger_url: str) -> None:
    old = newborn("u-1")
    await put(ledger, birth(old))
    rotated = await Ledger.open(ledger_url, [OTHER, KEY], pepper=PEPPER)
    new = newborn("u-2")
    await put(rotated, birth(new))
    assert await rotated.call(old.id) == old
    assert len(await rotated.events(old.id)) == 1
    await rotated.close()
    with pytest.raises(Unreadable, match="which was not given; add that key"):
        await ledger.call(new.id)


async def test_after_sealing_anew_the_old_key_can_be_forgotten(ledger: Ledger, ledger_url: str) -> None:
    calls = [newborn(f"u-{number}") for number in range(3)]
    await put(ledger, *map(birth, calls))
    rotating = await Ledger.open(ledger_url, [OTHER, KEY], pepper=PEPPER)
    await put(rotating, birth(newborn("u-new")))
    assert await rotating.reseal() == 6
    assert await rotating.reseal() == 0
    await rotating.close()
    rotated = await Ledger.open(ledger_url, [OTHER], pepper=PEPPER)
    for call in calls:
        assert await rotated.call(call.id) == call
        assert (await rotated.events(call.id))[0].data["call"]["subject"] == call.request.subject
    await rotated.close()


async def test_whatever_is_sealed_opens_after_sealing_anew_without_the_old_key(ledger: Ledger, ledger_url: str) -> None:
    await remember_a_private_person(ledger)
    revoked = await ledger.revocations(0, NOON)
    rotating = await Ledger.open(ledger_url, [OTHER, KEY], pepper=PEPPER)
    assert await rotating.reseal() == 5
    assert await rotating.reseal() == 0
    await rotating.close()
    rotated = await Ledger.open(ledger_url, [OTHER], pepper=PEPPER)
    assert await rotated.client("portal") == PORTAL
    assert await rotated.signing_keys("token", NOON) == [OURS]
    assert await rotated.citizen("portal", "u-leak") == replace(ANNA, marks={})
    assert await rotated.authenticator("portal", "u-leak") == APP
    assert await rotated.revocations(0, NOON) == revoked
    assert [each.user for each in await rotated.find_citizens("portal", "snils", "11223344595")] == ["u-leak"]
    await rotated.close()


def test_no_sealed_column_is_left_out_of_sealing_anew() -> None:
    binary = {
        column for table in metadata.tables.values() for column in table.c if isinstance(column.type, LargeBinary)
    }
    assert {kind.sealed for kind in reseal._KINDS} == binary


async def test_sealing_anew_walks_through_more_than_one_batch(
    ledger: Ledger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.ledger.reseal.AT_ONCE", 2)
    await put(ledger, *(birth(newborn(f"u-{number}")) for number in range(5)))
    rotating = await Ledger.open(ledger_url, [OTHER, KEY], pepper=PEPPER)
    assert await rotating.reseal() == 10
    await rotating.close()


async def test_sealing_anew_without_the_old_key_changes_nothing(ledger: Ledger, ledger_url: str) -> None:
    call = newborn()
    await put(ledger, birth(call))
    stranger = await Ledger.open(ledger_url, [OTHER], pepper=PEPPER)
    with pytest.raises(Unreadable):
        await stranger.reseal()
    await stranger.close()
    forget_opened_requests(ledger)
    assert await ledger.call(call.id) == call


async def test_without_the_key_the_ledger_says_which_one_is_missing(ledger: Ledger, ledger_url: str) -> None:
    call = newborn()
    await put(ledger, birth(call))
    stranger = await Ledger.open(ledger_url, [OTHER], pepper=PEPPER)
    with pytest.raises(Unreadable, match=f"of {call.id} was sealed with key"):
        await stranger.call(call.id)
    with pytest.raises(Unreadable, match=r"events\.data 1"):
        await stranger.events(call.id)
    await stranger.close()


async def test_a_request_moved_to_another_call_does_not_open(postgres_url: str, postgres: Postgres) -> None:
    ledger = await Ledger.open(postgres_url, [KEY], pepper=PEPPER)
    anna, boris = newborn("anna"), newborn("boris")
    await put(ledger, birth(anna), birth(boris))
    database = postgres_url.partition("@/")[2].partition("?")[0]
    theft = f"(SELECT sealed_request FROM calls WHERE id = '{anna.id}')"  # noqa: S608
    postgres.run(database, f"UPDATE calls SET sealed_request = {theft} WHERE id = '{boris.id}'")  # noqa: S608
    forget_opened_requests(ledger)
    with pytest.raises(Unreadable, match=f"of {boris.id} was changed after it was sealed"):
        await ledger.call(boris.id)
    await ledger.close()


def test_a_sealed_value_never_looks_the_same_twice() -> None:
    seal = Seal([KEY])
    assert seal.close("call", "here", b"clear") != seal.close("call", "here", b"clear")


@pytest.mark.parametrize(("owner", "place"), [("call", "there"), ("other", "here")])
def test_a_sealed_value_opens_only_in_its_own_place(owner: str, place: str) -> None:
    seal = Seal([KEY])
    sealed = seal.close("call", "here", b"clear")
    assert seal.open("call", "here", sealed) == b"clear"
    with pytest.raises(Unreadable):
        seal.open(owner, place, sealed)


@pytest.mark.parametrize("position", [0, 4, 15, 16, -1])
def test_a_changed_value_does_not_open(position: int) -> None:
    seal = Seal([KEY])
    sealed = bytearray(seal.close("call", "here", b"clear"))
    sealed[position] ^= 1
    with pytest.raises(Unreadable):
        seal.open("call", "here", bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"abc", KEY])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        Seal([KEY]).open("call", "here", sealed)


def test_a_value_too_short_to_be_sealed_does_not_open() -> None:
    seal = Seal([KEY])
    with pytest.raises(Unreadable):
        seal.open("call", "here", seal.first_id + b"short")


@pytest.mark.parametrize("keys", [[], [b"short"], ["not base64!"], ["c2hvcnQ="], [KEY, b""]])
def test_a_bad_key_is_refused_and_not_repeated(keys: list[bytes | str]) -> None:
    with pytest.raises(BadKey) as refusal:
        Seal(keys)
    assert not any(str(key) in str(refusal.value) for key in keys if key)


def test_a_new_key_fits() -> None:
    key = new_key()
    assert Seal([key]).open("a", "b", Seal([key]).close("a", "b", b"c")) == b"c"
    assert key != new_key()


async def test_an_error_of_the_database_shows_no_parameters(ledger: Ledger) -> None:
    impossible = replace(newborn("u-leak"), revision=-1)
    with pytest.raises(Refused) as refusal:
        await put(ledger, Change(call=impossible, wake_at=NOON))
    assert "u-leak" not in "".join(traceback.format_exception(refusal.value))
