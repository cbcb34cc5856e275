"""Attacks on what belongs to somebody else: another citizen's call, another portal's, another's number and data."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from tests.hostile.asker import Asker
from tests.hostile.fort import ANNA, BORIS, VERA, Fort
from tests.hostile.guessing import code_for

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

UNKNOWN = (404, "unknown-call")
WAYS = [
    ("GET", "", None),
    ("HEAD", "", None),
    ("GET", "/events", None),
    ("GET", "/events?after=0&limit=1", None),
    ("POST", "/abort", None),
    ("POST", "/move", {"to": "2026-01-12T12:00:00+03:00"}),
    ("POST", "/keep", None),
    ("POST", "/confirm", {"code": "123456"}),
    ("POST", "/confirm", {}),
    ("POST", "/code", {"channel": "sms"}),
    ("POST", "/code", {"channel": "totp"}),
]
NEVER = "call_00000000000000000000000000"


async def thieves(fort: Fort) -> list[Asker]:
    """Another citizen of the portal, another portal, and a citizen of the same id there."""
    other = await fort.program()
    return [await fort.citizen("boris", BORIS), other, await fort.citizen("anna", VERA, program=other)]


@pytest.mark.parametrize(("method", "path", "body"), WAYS)
async def test_the_call_of_another_is_as_if_it_were_not(fort: Fort, method: str, path: str, body: Any) -> None:
    anna = await fort.citizen("anna", ANNA)
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    for thief in await thieves(fort):
        theirs = await thief.ask(
            method, f"/v1/calls/{call}{path}", {"code": code} if body == {"code": "123456"} else body
        )
        never = await thief.ask(method, f"/v1/calls/{NEVER}{path}", body)
        assert theirs.status == 404
        assert method == "HEAD" or theirs.refused == never.refused == UNKNOWN
        assert _without_id(theirs.body) == _without_id(never.body), "whether there is such a call is not told"
    assert await anna.state(call) != "ended"
    assert fort.nothing_rang


def _without_id(body: bytes) -> bytes:
    return body.split(b'"request_id"')[0]


async def test_the_stream_of_anothers_call(fort: Fort) -> None:
    anna = await fort.citizen("anna", ANNA)
    call = await anna.wants_call()
    for thief in await thieves(fort):
        answer = await thief.ask("GET", f"/v1/calls/{call}/events", Accept="text/event-stream")
        assert answer.refused == UNKNOWN


@pytest.mark.parametrize("tag", ["*", '"1"', '"2"', 'W/"2"', '"2", "3"', '"' + "9" * 9 + '"', '""', "2", '"\\"'])
async def test_a_condition_opens_nothing(fort: Fort, tag: str) -> None:
    anna = await fort.citizen("anna", ANNA)
    call = await anna.wants_call()
    for thief in await thieves(fort):
        assert (await thief.aborts(call, If_Match=tag)).refused == UNKNOWN
        assert (await thief.ask("GET", f"/v1/calls/{call}", If_None_Match=tag)).refused == UNKNOWN
    assert await anna.state(call) != "ended"


@pytest.mark.parametrize(
    "trick",
    [
        "{call}%00",
        "{call}/",
        "{call}%2Fabort",
        "{upper}",
        "{call} ",
        "%20{call}",
        "{call}%0A",
        "../calls/{call}",
        "{call}?user=anna",
        "{call};x=1",
    ],
)
async def test_an_id_in_disguise(fort: Fort, trick: str) -> None:
    anna, boris = await fort.citizen("anna", ANNA), await fort.citizen("boris", BORIS)
    call = await anna.wants_call()
    answer = await boris.ask("GET", f"/v1/calls/{trick.format(call=call, upper=call.upper())}")
    assert answer.status in (404, 422)


async def test_a_list_shows_nobody_elses_calls(fort: Fort) -> None:
    anna = await fort.citizen("anna", ANNA)
    call = await anna.wants_call()
    queries = ["", "?user=anna", "?user=boris", "?state=awaiting_code", "?service=support", "?limit=200"]
    for thief in await thieves(fort):
        for query in queries:
            answer = await thief.ask("GET", f"/v1/calls{query}")
            assert answer.status == 200
            assert call not in answer.body.decode()
        assert (await thief.ask("GET", "/v1/calls?user=anna&user=boris")).refused == (422, "validation-failed")
        of_portal = await thief.ask("GET", f"/v1/calls?client={fort.portal.id}")
        assert (of_portal.status, call in of_portal.body.decode()) == (200, False)


async def test_a_page_of_anothers_list(fort: Fort) -> None:
    anna = await fort.citizen("anna", ANNA)
    calls = []
    for _ in range(3):
        calls.append(await anna.wants_call())
        await anna.aborts(calls[-1])
        await fort.time.advance(31)
    cursor = (await anna.ask("GET", "/v1/calls?limit=1")).json["next_cursor"]
    for thief in await thieves(fort):
        answer = await thief.ask("GET", f"/v1/calls?cursor={cursor}")
        assert not any(call in answer.body.decode() for call in calls)


async def test_anothers_idempotency_key_gives_nothing_away(fort: Fort) -> None:
    anna, boris = await fort.citizen("anna", ANNA), await fort.citizen("boris", BORIS)
    first = await anna.initiates(key="the-same")
    assert first.status == 202
    second = await boris.initiates(key="the-same")
    assert second.refused == (422, "idempotency-key-reused")
    assert first.json["call"]["id"] not in second.body.decode()
    other = await fort.program()
    mine = await other.initiates(VERA, user="anna", key="the-same")
    assert mine.status == 202
    assert mine.json["call"]["id"] != first.json["call"]["id"]
    assert fort.nothing_rang


async def test_another_body_under_a_known_key_at_once(fort: Fort) -> None:
    wishes = [fort.portal.initiates(number, user="anna", key="k") for number in (ANNA, BORIS) * 10]
    answers = await asyncio.gather(*wishes)
    assert len({answer.json["call"]["id"] for answer in answers if answer.status == 202}) == 1
    assert {answer.refused for answer in answers} <= {
        (202, ""), (422, "idempotency-key-reused"), (409, "request-in-flight"), (409, "citizen-busy")
    }  # fmt: skip


# ── a citizen's token in a thief's browser ───────────────────────────────────────────────────────────────
NOT_YOURS = (403, "not-your-number")


@pytest.mark.parametrize(
    "changed",
    [
        {"user": {"id": "boris"}},
        {"user": {"id": "anna", "phone": BORIS}},
        {"devices": [{"kind": "mobile", "number": BORIS}]},
        {"devices": [{"kind": "mobile"}, {"kind": "mobile", "number": BORIS}]},
        {"devices": [{"kind": "sip", "address": "boris"}]},
        {"devices": [{"kind": "browser"}, {"kind": "sip", "address": "anna"}]},
    ],
    ids=str,
)
async def test_a_citizens_token_rings_nobody_else(fort: Fort, changed: dict[str, Any]) -> None:
    anna = await fort.citizen("anna", ANNA)
    answer = await anna.ask("POST", "/v1/calls", anna.wish() | changed, Idempotency_Key="k")
    assert answer.refused == NOT_YOURS
    assert not fort.gateway.messages
    assert fort.nothing_rang


@pytest.mark.parametrize(
    "told",
    [
        {"email": "anna@example.ru"},
        {"snils": "112-233-445 95"},
        {"verified": ["phone"]},
        {"verified": []},
        {"phone": ANNA, "verified": ["phone", "snils"], "snils": "112-233-445 95"},
    ],
    ids=lambda told: "+".join(told),
)
async def test_a_citizen_does_not_say_who_they_are(fort: Fort, told: dict[str, Any]) -> None:
    anna = await fort.citizen("anna", ANNA)
    body = {"service": "support", "user": {"id": "anna", **told}}
    assert (await anna.ask("POST", "/v1/calls", body, Idempotency_Key="k")).refused == (403, "identity-not-yours")
    assert fort.nothing_rang


async def test_a_citizen_without_a_known_number_rings_none(fort: Fort) -> None:
    subject = await fort.issuer.token("vera")
    vera = await fort.portal.speaks_for("vera", "", subject)
    assert (await vera.initiates()).status == 422
    assert (await vera.initiates(VERA)).refused in (NOT_YOURS, (422, "validation-failed"))
    assert fort.nothing_rang


async def test_a_number_that_the_issuer_has_not_verified_is_nobodys(fort: Fort) -> None:
    for unsure in (False, "true", 1, None):
        subject = await fort.issuer.token("vera", phone_number=VERA, phone_number_verified=unsure)
        vera = await fort.portal.speaks_for("vera", "", subject)
        assert (await vera.initiates(VERA)).status in (403, 422)
    assert not fort.gateway.messages
    assert fort.nothing_rang


# ── data about citizens ──────────────────────────────────────────────────────────────────────────────────
PATHS = [
    ("GET", "/identity"),
    ("GET", "/export"),
    ("DELETE", ""),
    ("GET", "/authenticator"),
    ("DELETE", "/authenticator"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_another_portals_citizen_is_not_there(fort: Fort, method: str, path: str) -> None:
    await fort.citizen("anna", ANNA)
    other = await fort.program()
    for query in ("", f"?client={fort.portal.id}"):
        answer = await other.ask(method, f"/v1/users/anna{path}{query}")
        assert answer.status in (200, 404, 422)
        if answer.status == 200:  # their own citizen of that id, of whom nothing is known
            assert not answer.json.get("identity")
            assert fort.portal.id not in answer.body.decode()
    kept = await fort.rooms.ledger.citizen(fort.portal.id, "anna")
    assert kept is not None
    assert kept.data["phone"] == ANNA


async def test_each_look_of_staff_at_a_citizen_is_in_the_audit(fort: Fort) -> None:
    anna, auditor = await fort.citizen("anna", ANNA), await fort.program("auditor")
    call = await anna.wants_call()
    for path in (f"/v1/calls/{call}", f"/v1/calls/{call}/events", "/v1/calls"):
        assert (await auditor.ask("GET", path)).status == 200
    for path in ("identity", "export"):
        assert (await auditor.ask("GET", f"/v1/users/anna/{path}?client={fort.portal.id}")).status == 200
    actions = [action for actor, action, _ in await fort.audit() if actor == f"client:{auditor.id}"]
    assert actions == ["read-call", "read-events", "list-calls", "read-identity", "export"]


@pytest.mark.parametrize(
    "user", ["..", "../boris", "%2e%2e", "anna/../boris", "boris%2Fidentity", "%00", "%ff", "a%0d%0ab", "*", "%"]
)
async def test_a_user_id_that_is_a_trick(fort: Fort, user: str) -> None:
    await fort.citizen("boris", BORIS)
    anna = await fort.citizen("anna", ANNA)
    for asker in (anna, fort.portal):
        for path in (user, quote(user, safe="")):
            answer = await asker.ask("GET", f"/v1/users/{path}/authenticator")
            assert answer.status in (400, 404, 422)
    assert BORIS[5:] not in repr([answer.body for answer in fort.answers])
