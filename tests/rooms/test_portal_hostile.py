"""Whatever is sent, the answer is a problem that says what to do, and never a mistake of ours or a word of theirs."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import structlog

from .portal_house import BODY, House, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)

PRIVATE = "+79990001122"


def changed(path: str, value: Any) -> dict[str, Any]:
    """The usual body with another value at a path such as `user.id`."""
    body: dict[str, Any] = json.loads(json.dumps(BODY))
    *way, last = path.split(".")
    place: Any = body
    for step in way:
        place = place[step]
    place[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("service", None, "/service"),
        ("service", 5, "/service"),
        ("service", "", "/service"),
        ("service", "nowhere", "/service"),
        ("service", "support\nInjected: 1", "/service"),
        ("service", "support\n", "/service"),
        ("to", "+79161234567", "/to"),
        ("to", {"number": "+79161234567"}, "/to"),
        ("user", None, "/user"),
        ("user", [], "/user"),
        ("user", "u-1", "/user"),
        ("user.id", "", "/user/id"),
        ("user.id", 7, "/user/id"),
        ("user.id", "x" * 129, "/user/id"),
        ("user.id", "a\0b", "/user/id"),
        ("user.id", "a\r\nb", "/user/id"),
        ("user.id", "a\u2028b", "/user/id"),
        ("user.id", "\ud800", "/user/id"),
        ("user.id", True, "/user/id"),
        ("user.phone", "89161234567", "/user/phone"),
        ("user.phone", "+7 916 123 45 67", "/user/phone"),
        ("user.phone", "+7916123456", "/user/phone"),
        ("user.phone", "+79161234567\n", "/user/phone"),
        ("user.phone", "+7916123456٧", "/user/phone"),
        ("user.phone", "+00000000000", "/user/phone"),
        ("user.phone", "+" + "9" * 60000, "/user/phone"),
        ("user.phone", 79161234567, "/user/phone"),
        ("user.phone", ["+79161234567"], "/user/phone"),
        ("user.time_zone", "Mars/Olympus", "/user/time_zone"),
        ("user.time_zone", "../../etc/passwd", "/user/time_zone"),
        ("user.time_zone", "", "/user/time_zone"),
        ("user.locale", "russian language", "/user/locale"),
        ("user.locale", "ru\n", "/user/locale"),
        ("user.name", "Ivan", "/user/name"),
        ("devices", {}, "/devices"),
        ("devices", "mobile", "/devices"),
        ("devices", [{"kind": "browser"}] * 6, "/devices"),
        ("devices", [{"kind": "pigeon"}], "/devices/0"),
        ("devices", [{}], "/devices/0"),
        ("devices", [None], "/devices/0"),
        ("devices", [{"kind": "sip"}], "/devices/0/address"),
        ("devices", [{"kind": "sip", "address": "a b"}], "/devices/0/address"),
        ("devices", [{"kind": "sip", "address": "alice\n"}], "/devices/0/address"),
        ("devices", [{"kind": "sip", "address": "PJSIP/x@evil"}], "/devices/0/address"),
        ("devices", [{"kind": "sip", "address": "a" * 65}], "/devices/0/address"),
        ("devices", [{"kind": "sip", "address": "a", "number": "+79161234567"}], "/devices/0/number"),
        ("devices", [{"kind": "browser", "address": "a"}], "/devices/0/address"),
        ("devices", [{"kind": "mobile", "number": "112"}], "/devices/0/number"),
        ("session_id", "a\nb", "/session_id"),
        ("session_id", 5, "/session_id"),
        ("time_limit_s", 9, "/time_limit_s"),
        ("time_limit_s", 14401, "/time_limit_s"),
        ("time_limit_s", "60", "/time_limit_s"),
        ("time_limit_s", 60.5, "/time_limit_s"),
        ("time_limit_s", True, "/time_limit_s"),
        ("time_limit_s", 10**300, "/time_limit_s"),
        ("time_limit_s", -(10**300), "/time_limit_s"),
        ("subject", "a\r\nAction: Originate", "/subject"),
        ("subject", "x" * 201, "/subject"),
        ("subject", "", "/subject"),
        ("when", "2026-01-12T06:00:00", "/when"),
        ("when", None, "/when"),
        ("consent", True, "/consent"),
        ("consent", {"phone_data": "yes", "text_version": "1"}, "/consent/phone_data"),
        ("consent", {"phone_data": True}, "/consent/text_version"),
        ("client_ref", "x" * 1025, "/client_ref"),
        ("client_ref", "ы" * 513, "/client_ref"),
        ("client_ref", "a\0", "/client_ref"),
        ("client_ref", {"a": 1}, "/client_ref"),
        ("unknown", 1, "/unknown"),
        ("__class__", 1, ""),
        (PRIVATE, 1, ""),
    ],
)
async def test_each_rule_that_is_broken_is_named_with_its_place(
    site: Site, house: House, path: str, value: Any, pointer: str
) -> None:
    reply = await site.initiate(changed(path, value))
    assert reply.status == 422
    assert list(reply.complaints) == [pointer]
    assert not house.wanted


@pytest.mark.parametrize("body", [[], 0, 5, "text", True, [BODY]])
async def test_a_body_that_is_no_object_is_refused(site: Site, body: Any) -> None:
    reply = await site.initiate(body)
    assert reply.complaints == {"": "must be an object"}


@pytest.mark.parametrize(
    "path", ["user.id", "user.time_zone", "service", "subject", "devices", "time_limit_s", "to", "when", "user.locale"]
)
async def test_no_complaint_repeats_what_was_sent(site: Site, path: str) -> None:
    for secret in (f"{PRIVATE}\n", {PRIVATE: PRIVATE}, [PRIVATE], [{"kind": PRIVATE}], [{"kind": "sip", PRIVATE: 1}]):
        reply = await site.initiate(changed(path, secret))
        assert reply.status == 422
        assert PRIVATE.encode() not in reply.body
        assert b"9990001122" not in reply.body
    assert b"9990001122" not in (await site.get(f"/v1/calls?{path}={PRIVATE[1:]}")).body
    assert b"9990001122" not in (await site.get(f"/v1/calls?{PRIVATE[1:]}=1")).body
    assert b"9990001122" not in (await site.get(f"/{PRIVATE[1:]}")).body


async def test_a_thousand_mistakes_are_not_all_listed(site: Site) -> None:
    reply = await site.initiate({f"member_{letter}" * 2: 1 for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGH"})
    assert len(reply.json["errors"]) == 20
    assert reply.json["detail"] == "16 more are not shown"


async def send(site: Site, body: bytes, media_type: str = "application/json", **headers: str) -> Any:
    headers = {"Content-Type": media_type, "Idempotency-Key": "k", **headers}
    return await site.post("/v1/calls", data=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe{\x00}\x00",
        b'{"service": "\xff"}',
        b'\xef\xbb\xbf{"service": "support"}',
        b'{"service": "support", "service": "other"}',
        b'{"service": "support", "user": {"id": "a", "id": "b"}}',
        b'{"time_limit_s": NaN}',
        b'{"time_limit_s": Infinity}',
        b'{"time_limit_s": -Infinity}',
        b'{"time_limit_s": ' + b"9" * 50_000 + b"}",
        b"[" * 60_000,
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"{} {}",
        b"{'service': 'support'}",
        b'{"subject": "a\nb"}',
    ],
)
async def test_what_is_not_json_is_not_guessed_at(site: Site, body: bytes) -> None:
    reply = await send(site, body)
    assert (reply.status, reply.problem) == (400, "malformed-json")


async def test_numbers_without_end_are_refused(site: Site) -> None:
    reply = await send(site, b'{"service":"support","user":{"id":"u"},"time_limit_s":1e999999}')
    assert reply.status == 422


@pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data", "application/json-patch+json"])
async def test_other_media_types_are_refused_with_what_is_read(site: Site, media_type: str) -> None:
    reply = await send(site, b"{}", media_type)
    assert (reply.status, reply.problem) == (415, "unsupported-media-type")
    assert reply.headers["Accept"] == "application/json"


async def test_codings_and_other_charsets_are_refused(site: Site) -> None:
    body = json.dumps(BODY).encode()
    squeezed = gzip.compress(body)
    assert (await send(site, squeezed, **{"Content-Encoding": "gzip"})).problem == "unsupported-media-type"
    assert (await send(site, body, "application/json; charset=koi8-r")).problem == "unsupported-media-type"
    assert (await send(site, body, 'application/json; charset="UTF-8"')).status == 202


async def test_a_megabyte_is_refused_before_it_is_read(site: Site) -> None:
    for path in ("/v1/calls", "/oauth/token"):
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        if path == "/oauth/token":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        reply = await site.post(path, data=b"x" * 2**20, headers=headers)
        assert (reply.status, reply.problem, reply.json["max_bytes"]) == (413, "too-large", 65536)


async def test_a_megabyte_in_pieces_is_refused_at_the_limit(site: Site) -> None:
    async def pieces() -> Any:
        for _ in range(1024):
            yield b"x" * 1024

    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    reply = await site.post("/v1/calls", data=pieces(), headers=headers)
    assert (reply.status, reply.problem) == (413, "too-large")


async def test_a_megabyte_where_no_body_is_read_does_no_harm(site: Site) -> None:
    call_id = await site.open_call()
    reply = await site.post(f"/v1/calls/{call_id}/abort", data=b"x" * 2**20)
    assert (reply.status, reply.problem) == (413, "too-large")
    assert (await site.post(f"/v1/calls/{call_id}/abort", data=b"{}")).status == 200


async def test_a_body_that_stops_coming_is_given_up(house: House) -> None:
    async with serve(house, body_s=0.02) as site:
        head = "POST /v1/calls HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
        head += f"Idempotency-Key: k\r\nAuthorization: {site.bearer()['Authorization']}\r\n\r\n{{"
        got = await site.raw(head.encode())
        assert got.startswith(b"HTTP/1.1 408 ")
        assert b"/problems/too-slow" in got


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/calls", "GET, HEAD, POST"),
        ("PUT", "/v1/calls/call_x", "GET, HEAD"),
        ("GET", "/v1/calls/call_x/abort", "POST"),
        ("OPTIONS", "/v1/calls", "GET, HEAD, POST"),
        ("PATCH", "/oauth/token", "POST"),
        ("PROPFIND", "/healthz", "GET, HEAD"),
    ],
)
async def test_other_methods_are_refused_with_those_there_are(site: Site, method: str, path: str, allowed: str) -> None:
    reply = await site.ask(method, path)
    assert (reply.status, reply.problem, reply.headers["Allow"]) == (405, "method-not-allowed", allowed)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/calls/", "//v1/calls", "/v2/calls", "/%00", "/%ff"])
async def test_other_paths_do_not_exist(site: Site, path: str) -> None:
    reply = await site.get(path)
    assert (reply.status, reply.problem) == (404, "not-found")


async def test_what_nobody_foresaw_is_told_without_its_traceback_and_logged_with_it(site: Site, house: House) -> None:
    house.trouble = RuntimeError(f"a bug with {PRIVATE} in it")
    with structlog.testing.capture_logs() as logs:
        reply = await site.get("/v1/calls")
    assert (reply.status, reply.problem) == (500, "internal-error")
    assert b"bug" not in reply.body
    assert PRIVATE.encode() not in reply.body
    (entry,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert isinstance(entry["exc_info"], RuntimeError)
    assert reply.json["request_id"] == reply.headers["X-Request-ID"]


async def test_the_log_of_requests_knows_no_query_number_or_token(site: Site) -> None:
    with structlog.testing.capture_logs() as logs:
        call_id = await site.open_call()
        await site.get("/v1/calls?user=u-secret&from=bad")
        await site.initiate(changed("user.phone", PRIVATE + "x"))
        await site.get(f"/v1/calls/{call_id}")
        await site.get(f"/v1/calls/{PRIVATE}")
        form = {"client_id": "a", "client_secret": "hunter2"}
        await site.post("/oauth/token", data=form, headers={"Authorization": None})
    told = json.dumps(logs, default=str)
    for private in ("u-secret", "9990001122", "9161234567", "hunter2", site.token()[:20]):
        assert private not in told
    assert call_id in told
    assert {entry["route"] for entry in logs if entry["event"] == "http"} >= {"/v1/calls", "/v1/calls/{call_id}"}


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 65, "a b", "", 'a"b', "a\tb"])
async def test_a_request_id_is_taken_when_it_is_harmless(site: Site, given: str) -> None:
    reply = await site.get("/healthz", headers={"X-Request-ID": given})
    answered = reply.headers["X-Request-ID"]
    assert (answered == given) == (given == "abc-1.2_3")
    assert answered.replace("-", "").replace(".", "").replace("_", "").isalnum()
