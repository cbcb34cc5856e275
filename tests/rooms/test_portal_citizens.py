"""One citizen's data over HTTP: checked on its way in, masked on its way out, and every look is in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyotp
import pytest
from structlog.testing import capture_logs

from pbx_bridge.ledger.access import Role

from .citizen_desk import ANNA, CLEAR, MASKED, Desk, house_of, is_nowhere
from .portal_house import House, Memory, Site, away

pytest_plugins = ("tests.rooms.portal_fixtures", "tests.ledger_plugin")


@pytest.fixture(params=["memory", "paper"])
def house(request: pytest.FixtureRequest) -> House:
    return house_of(request)


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


async def test_what_the_portal_supplied_is_shown_masked(desk: Desk) -> None:
    put = await desk.supply()
    shown = await desk.ask("GET", "u-1/identity")
    assert put.status == shown.status == 200
    assert put.json == shown.json
    assert shown.json["identity"] == MASKED
    assert (shown.json["client"], shown.json["user"]) == (desk.portal, "u-1")
    assert is_nowhere(shown)
    assert is_nowhere(put)


async def test_what_is_supplied_takes_the_place_of_all_that_was_known(desk: Desk) -> None:
    await desk.supply()
    await desk.supply({"email": "boris@example.com"})
    shown = (await desk.ask("GET", "u-1/identity")).json["identity"]
    assert shown == dict.fromkeys(MASKED) | {"email": "b***@e***.com", "verified": []}


async def test_nobody_knows_a_citizen_who_was_never_supplied(desk: Desk) -> None:
    reply = await desk.ask("GET", "u-1/identity")
    assert (reply.status, reply.problem) == (404, "unknown-citizen")


async def test_another_programs_citizen_does_not_exist(desk: Desk) -> None:
    await desk.supply()
    other, _ = desk.house.client("other", desk.site.client.scopes)
    headers = desk.site.bearer(other, other.scopes)
    assert (await desk.site.get("/v1/users/u-1/identity", headers=headers)).problem == "unknown-citizen"
    await desk.site.ask("PUT", "/v1/users/u-1/identity", headers=headers, json={"email": "other@example.ru"})
    reply = await desk.site.get(f"/v1/users/u-1/identity?client={desk.portal}", headers=headers)
    assert (reply.status, reply.problem) == (404, "unknown-citizen")
    assert (await desk.ask("GET", "u-1/identity")).json["identity"] == MASKED
    assert (await desk.ask("GET", f"u-1/identity?client={desk.portal}")).status == 200


@pytest.mark.parametrize(
    ("told", "pointer", "rule"),
    [
        ({"snils": "112-233-445 94"}, "/snils", "control number"),
        ({"snils": 11223344595}, "/snils", "must be a string"),
        ({"inn": "500100732258"}, "/inn", "check digits"),
        ({"inn": "7707083893"}, "/inn", "an organisation's"),
        ({"passport": "0009 123456"}, "/passport", "no such passport series"),
        ({"email": "anna(at)example.ru"}, "/email", "an @ and a domain"),
        ({"email": "anna@example.ru\r\nBcc: x@example.com"}, "/email", "domain"),
        ({"phone": "89161234567"}, "/phone", "E.164"),
        ({"verified": ["snils"]}, "/verified", "neither given nor known"),
        ({"verified": ["name"]}, "/verified/0", "must be"),
        ({"verified": ["snils"] * 6}, "/verified", "at most 5"),
        ({"birthday": "1970-01-01"}, "/birthday", "is not known here"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_place_and_never_repeated(
    desk: Desk, told: Mapping[str, Any], pointer: str, rule: str
) -> None:
    reply = await desk.supply(told)
    assert reply.status == 422
    assert rule in reply.complaints[pointer]
    for value in told.values():
        assert not isinstance(value, str) or value not in reply.body.decode()
    assert await desk.noted() == []


@pytest.mark.parametrize(
    "user", ["a/b", "a%2Fb", "100%", "%FF", "Анна", "a b", "{u}", "..", ".", "a?b#c&d=e", "+", "\\", "'; --", "u" * 128]
)
async def test_a_citizen_may_be_called_anything(desk: Desk, user: str) -> None:
    raw = "".join(f"%{byte:02X}" for byte in user.encode())
    head = desk.site.bearer(desk.site.client, desk.site.client.scopes)["Authorization"]
    request = f"PUT /v1/users/{raw}/identity HTTP/1.1\r\nHost: x\r\nAuthorization: {head}\r\nConnection: close\r\n"
    body = b'{"inn": "500100732259"}'
    request += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = await desk.site.raw(request.encode() + body)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert await Memory(desk.house).citizen(desk.portal, user) is not None


@pytest.mark.parametrize("segment", ["%00", "a%0Ab", "u" * 129, "%FF", "%ED%A0%80", "a%E2%80%A8b"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_an_id_that_is_not_one_line_of_text_is_refused(desk: Desk, segment: str, method: str) -> None:
    head = desk.site.bearer(desk.site.client, desk.site.client.scopes)["Authorization"]
    request = f"{method} /v1/users/{segment}/identity HTTP/1.1\r\nHost: x\r\nAuthorization: {head}\r\n"
    answer = await desk.site.raw(request.encode() + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 422 "), answer
    assert b"/user_id" in answer


async def test_staff_must_say_whose_citizen_it_is(desk: Desk) -> None:
    await desk.supply()
    for role in (Role.AUDITOR, Role.ADMIN):
        reply = await desk.ask("GET", "u-1/identity", role)
        assert list(reply.complaints) == ["/client"]
        reply = await desk.ask("GET", f"u-1/identity?client={desk.portal}", role)
        assert reply.json["identity"] == MASKED


async def test_every_look_and_every_change_is_a_line_and_tells_nothing(desk: Desk) -> None:
    await desk.supply()
    await desk.ask("GET", "u-1/identity")
    await desk.ask("GET", f"u-1/identity?client={desk.portal}", Role.AUDITOR)
    await desk.ask("GET", f"u-1/export?client={desk.portal}", Role.ADMIN)
    await desk.ask("DELETE", "u-1")
    assert await desk.noted() == [
        "portal write-identity taken",
        "portal read-identity taken",
        "auditor read-identity taken",
        "admin export taken",
        "portal erase taken",
    ]


async def test_looking_at_nobody_is_a_line_too(desk: Desk) -> None:
    await desk.ask("GET", "u-1/identity")
    assert await desk.noted() == ["portal read-identity taken"]


async def test_the_export_is_a_file_with_everything_in_clear(desk: Desk) -> None:
    await desk.supply()
    reply = await desk.ask("GET", "u-1/export")
    assert reply.status == 200
    assert reply.headers["Content-Disposition"] == 'attachment; filename="citizen.json"'
    assert reply.headers["Cache-Control"] == "no-store"
    for value in ("+79161234567", "anna@example.ru", "11223344595", "500100732259", "4509123456"):
        assert value in str(reply.json["citizen"])


async def test_an_erased_citizen_is_not_known_any_more_and_may_be_erased_again(desk: Desk) -> None:
    await desk.supply()
    first = await desk.ask("DELETE", "u-1")
    again = await desk.ask("DELETE", "u-1")
    assert (first.status, again.status) == (200, 200)
    assert first.json["records"] >= 1
    assert again.json == {"calls": 0, "events": 0, "records": 0}
    assert (await desk.ask("GET", "u-1/identity")).problem == "unknown-citizen"


async def test_a_citizen_whose_call_goes_on_is_not_erased(desk: Desk) -> None:
    await desk.supply()
    call_id = await desk.begin_call()
    reply = await desk.ask("DELETE", "u-1")
    assert (reply.status, reply.problem, reply.json["call_id"]) == (409, "citizen-busy", call_id)
    assert reply.headers["Location"] == f"/v1/calls/{call_id}"
    assert (await desk.ask("GET", "u-1/identity")).status == 200
    assert (await desk.noted())[1:3] == ["portal erase taken", "portal erase refused"]


async def test_nothing_private_is_in_the_log(desk: Desk) -> None:
    with capture_logs() as logs:
        await desk.supply()
        await desk.supply({**ANNA, "snils": "112-233-445 94"})
        await desk.ask("GET", f"{quote('anna@example.ru')}/export")
        await desk.ask("GET", "u-1/export")
    assert logs
    for value in (*CLEAR, "u-1"):
        assert value not in str(logs)


@pytest.mark.parametrize("house", ["paper"], indirect=True)
async def test_nothing_private_is_in_the_database(desk: Desk, sqlite_url: str) -> None:
    await desk.supply()
    secret = (await desk.ask("POST", "u-1/authenticator")).json["secret"]
    code = pyotp.TOTP(secret).at(desk.house.clock())
    recovery = (await desk.ask("POST", "u-1/authenticator/confirm", json={"code": code})).json["recovery_codes"]
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    stored = b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
    assert b"write-identity" in stored
    for value in (*CLEAR, secret, *recovery, *(each.replace("-", "") for each in recovery)):
        assert value.encode() not in stored


@pytest.mark.parametrize("house", ["memory"], indirect=True)
async def test_what_cannot_be_noted_is_not_done(desk: Desk, house: House) -> None:
    await desk.supply()
    house.unwritable = away()
    for method, path in (("GET", "u-1/identity"), ("GET", "u-1/export"), ("DELETE", "u-1"), ("PUT", "u-1/identity")):
        how = {"json": {}} if method == "PUT" else {}
        reply = await desk.ask(method, path, **how)
        assert (reply.status, reply.problem) == (503, "database-unavailable"), method
        assert is_nowhere(reply)
    house.unwritable = None
    assert (await desk.ask("GET", "u-1/identity")).json["identity"] == MASKED


@pytest.mark.parametrize("house", ["memory"], indirect=True)
@pytest.mark.parametrize(
    ("role", "taken"),
    [
        (Role.PORTAL, {"GET identity", "PUT identity", "GET export", "DELETE "}),
        (Role.AUDITOR, {"GET identity", "GET export"}),
        (Role.ADMIN, {"GET identity", "GET export", "DELETE "}),
        (Role.ENGINEER, set()),
        (Role.SUPERVISOR, set()),
    ],
)
async def test_only_whom_the_table_names_comes_near(desk: Desk, role: Role, taken: set[str]) -> None:
    await desk.supply()
    for asked in ("GET identity", "PUT identity", "GET export", "DELETE "):
        method, _, part = asked.partition(" ")
        path = f"u-1/{part}".rstrip("/") + ("" if method == "PUT" else f"?client={desk.portal}")
        reply = await desk.ask(method, path, role, **({"json": {}} if method == "PUT" else {}))
        assert (reply.status == 200) == (asked in taken), asked
        assert reply.status in (200, 403)


@pytest.mark.parametrize("house", ["memory"], indirect=True)
async def test_a_citizens_token_opens_none_of_it(desk: Desk) -> None:
    await desk.supply()
    for method, path in (("GET", "u-1/identity"), ("GET", "u-1/export"), ("DELETE", "u-1"), ("PUT", "u-1/identity")):
        assert (await desk.ask_as_citizen(method, path)).status == 403
