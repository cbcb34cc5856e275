"""Profiles, and who is recognised by a telephone number."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import text

from pbx_bridge.call.model import Consent, Device, DeviceKind
from pbx_bridge.ledger import Client, Ledger
from pbx_bridge.ledger.access import Citizen, Contact, GivenConsent, Profile
from pbx_bridge.phone import Phone

from .ledger_calls import KEY, NOON, PEPPER
from .test_ledger_secrets import OTHER

pytest_plugins = ["tests.ledger_plugin"]

NUMBER = Phone("+79161234567")
ANNA = Profile(
    "portal",
    "anna",
    devices=(Device(DeviceKind.BROWSER, address="b-1"), Device(DeviceKind.MOBILE), Device(DeviceKind.MOBILE, NUMBER)),
    time_zone="Asia/Kamchatka",
    locale="en",
    contacts=(Contact("Мама", Phone("+74951234567")),),
    consents=(GivenConsent(Consent(True, False, "2026-01"), NOON),),
    updated_at=NOON,
)


async def test_a_profile_comes_back_as_it_was_kept_and_is_replaced(ledger: Ledger) -> None:
    assert await ledger.profile("portal", "anna") is None
    await ledger.keep_profile(ANNA)
    assert await ledger.profile("portal", "anna") == ANNA
    assert await ledger.profile("kiosk", "anna") is None
    await ledger.keep_profile(replace(ANNA, devices=(), contacts=()))
    assert await ledger.profile("portal", "anna") == replace(ANNA, devices=(), contacts=())


async def test_a_profile_without_its_time_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="give it updated_at"):
        await ledger.keep_profile(replace(ANNA, updated_at=None))


async def test_a_profile_is_sealed_exported_and_erased(ledger: Ledger) -> None:
    await ledger.keep_profile(ANNA)
    await ledger.keep_profile(replace(ANNA, user="boris"))
    data = await ledger._read(lambda connection: connection.scalar(text("SELECT data FROM profiles")))
    assert b"4951234567" not in data
    told = (await ledger.export("portal", "anna"))["profile"]
    assert told["contacts"] == [{"name": "Мама", "phone": "+74951234567"}]
    assert (told["time_zone"], told["updated_at"]) == ("Asia/Kamchatka", "2026-01-12T12:00:00Z")
    assert (await ledger.erase("portal", "anna", NOON)).records == 1
    assert await ledger.profile("portal", "anna") is None
    assert await ledger.profile("portal", "boris") is not None
    assert "Мама" not in json.dumps(await ledger.export("portal", "anna"), ensure_ascii=False)


async def test_a_profile_opens_after_sealing_anew(ledger: Ledger, ledger_url: str) -> None:
    await ledger.keep_profile(ANNA)
    rotating = await Ledger.open(ledger_url, [OTHER, KEY], pepper=PEPPER)
    assert await rotating.reseal() == 1
    await rotating.close()
    rotated = await Ledger.open(ledger_url, [OTHER], pepper=PEPPER)
    assert await rotated.profile("portal", "anna") == ANNA
    await rotated.close()


# ── who calls ────────────────────────────────────────────────────────────────────────────────────────────
async def known(ledger: Ledger, client: str, user: str, verified: tuple[str, ...] = ("phone",)) -> None:
    data = {"phone": NUMBER.e164, "verified": list(verified)}
    await ledger.keep_citizen(Citizen(client, user, data, {"phone": NUMBER.e164}, NOON))


async def test_a_caller_is_found_over_all_programs_that_may_ask(ledger: Ledger) -> None:
    for name in ("portal", "kiosk", "closed"):
        await ledger.add_client(Client(name, name, frozenset(), NOON, 900))
        await known(ledger, name, f"{name}-1")
    await ledger.disable_client("closed", NOON)
    found = await ledger.citizens_by_phone(NUMBER)
    assert [(each.client, each.user) for each in found] == [("kiosk", "kiosk-1"), ("portal", "portal-1")]
    assert await ledger.citizens_by_phone(Phone("+74951234567")) == []


async def test_a_number_that_nobody_verified_recognises_nobody(ledger: Ledger) -> None:
    assert await ledger.citizens_by_phone(NUMBER) == []
    await ledger.add_client(Client("portal", "Portal", frozenset(), NOON, 900))
    await known(ledger, "portal", "u-1", verified=())
    assert await ledger.citizens_by_phone(NUMBER) == []
