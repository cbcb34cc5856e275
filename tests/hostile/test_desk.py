"""Attacks on profiles, agents and the directory: devices that are somebody else's, text for Asterisk, odd moments."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from yarl import URL

from tests.hostile.asker import Answer, Asker
from tests.hostile.fort import ANNA, BORIS, VERA, Fort

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

NOT_YOURS = (403, "not-your-number")
PORTALS = [{"kind": "sip", "address": "anna"}, {"kind": "mobile", "number": VERA}]
TRICKS = ["ann%0D%0AAction:%20Originate", "..", "%2e%2e", "ann%00", "*", "ann%2Flogin", "a" * 300, "ann%FF", "%D0%B0"]


async def keep(asker: Asker, body: dict[str, Any], user: str = "anna", **headers: str) -> Answer:
    asker.fort.treasure.keep("number", VERA)
    return await asker.ask("PUT", f"/v1/users/{user}/profile", body, **headers)


async def test_what_is_in_a_profile_is_sealed_and_masked(fort: Fort) -> None:
    anna = await fort.citizen("anna", ANNA)
    fort.treasure.keep("name", "Марья Ивановна")
    contacts = [{"name": "Марья Ивановна", "number": BORIS}]
    fort.treasure.keep("number", BORIS)
    assert (await keep(fort.portal, {"devices": PORTALS, "contacts": contacts})).status == 200
    for asker in (anna, fort.portal):
        answer = await asker.ask("GET", "/v1/users/anna/profile")
        assert answer.status == 200
        for number in (VERA, BORIS):
            assert number[2:] not in answer.body.decode()


@pytest.mark.parametrize(
    "device",
    [
        {"kind": "sip", "address": "boris"},
        {"kind": "sip", "address": "ANNA"},
        {"kind": "mobile", "number": BORIS},
        {"kind": "mobile", "number": "+79031112233"},
    ],
    ids=str,
)
async def test_a_thief_with_annas_token_brings_no_telephone_of_their_own(fort: Fort, device: dict[str, Any]) -> None:
    anna = await fort.citizen("anna", ANNA)
    await keep(fort.portal, {"devices": PORTALS, "contacts": [{"name": "b", "number": BORIS}]})
    for devices in ([device], [*PORTALS, device], [device, device]):
        assert (await keep(anna, {"devices": devices})).refused == NOT_YOURS
    body = anna.wish() | {"devices": [device]}
    assert (await anna.ask("POST", "/v1/calls", body, Idempotency_Key="k")).refused == NOT_YOURS
    assert fort.nothing_rang


async def test_a_contacts_number_does_not_become_a_device(fort: Fort) -> None:
    anna = await fort.citizen("anna", ANNA)
    assert (await keep(anna, {"contacts": [{"name": "b", "number": BORIS}]})).status == 200
    masked = (await anna.ask("GET", "/v1/users/anna/profile")).json["profile"]["contacts"][0]["number"]
    answer = await keep(anna, {"devices": [{"kind": "mobile", "number": masked}]})
    assert answer.refused == (422, "validation-failed")


async def test_the_profile_of_another_is_not_read_or_written(fort: Fort) -> None:
    boris, other = await fort.citizen("boris", BORIS), await fort.program()
    await keep(fort.portal, {"devices": PORTALS})
    assert (await boris.ask("GET", "/v1/users/anna/profile")).refused == (404, "unknown-citizen")
    assert (await keep(boris, {})).refused == (404, "unknown-citizen")
    assert (await other.ask("GET", "/v1/users/anna/profile")).json["profile"]["devices"] == []
    await keep(other, {})
    kept = await fort.rooms.ledger.profile(fort.portal.id, "anna")
    assert kept is not None
    assert len(kept.devices) == 2


async def test_an_erased_citizen_has_no_profile(fort: Fort) -> None:
    await keep(fort.portal, {"devices": PORTALS})
    assert (await fort.portal.ask("DELETE", "/v1/users/anna")).status == 200
    assert await fort.rooms.ledger.profile(fort.portal.id, "anna") is None


@pytest.mark.parametrize("trick", TRICKS)
async def test_names_in_paths_reach_nothing(fort: Fort, trick: str) -> None:
    supervisor = await fort.program("supervisor")
    for method, path in (
        ("POST", f"/v1/agents/{trick}/login"),
        ("POST", f"/v1/agents/{trick}/pause"),
        ("GET", f"/v1/queues/{trick}"),
        ("GET", f"/v1/services/{trick}/availability"),
        ("GET", f"/v1/services/{trick}"),
    ):
        headers = {"Authorization": f"Bearer {supervisor.token}", "Content-Type": "application/json"}
        answer = await supervisor.send(method, URL(fort.url + path, encoded=True), headers, b"{}")
        assert answer.status in (400, 404, 405, 422), path
        assert "Originate" not in answer.body.decode()


@pytest.mark.parametrize(
    "query",
    [
        "at=1969-12-31T23:59:59Z",
        "at=0001-01-01T00:00:00%2B14:00",
        "at=9999-12-31T23:59:59-14:00",
        "at=2999-12-31T23:59:59Z",
        "at=2026-02-30T00:00:00Z",
        "time_zone=../../etc/passwd",
        "time_zone=/etc/passwd",
        "time_zone=Factory",
        "at=2998-12-31T23:59:59Z&time_zone=Pacific/Kiritimati",
    ],
)
async def test_moments_and_zones_that_are_odd(fort: Fort, query: str) -> None:
    anna = await fort.citizen("anna", ANNA)
    answer = await anna.ask("GET", f"/v1/services/support/availability?{query}")
    assert answer.status in (200, 422)


async def test_a_million_consents_are_not_kept(fort: Fort) -> None:
    long = {"phone_data": True, "text_version": "x" * 65}
    assert (await keep(fort.portal, {"consent": long})).status == 422
    contacts = [{"name": "x", "number": BORIS}] * 51
    assert (await keep(fort.portal, {"contacts": contacts})).status == 422
    assert (await keep(fort.portal, {}, quote("a\0b", safe=""))).status == 422
