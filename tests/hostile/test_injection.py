"""Attacks by text: what is a value to a citizen must never become syntax to Asterisk, to HTTP, to SQL or to a log."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from yarl import URL

from pbx_bridge.conductor.ports import CodeOrder, DialOrder
from tests.hostile.asker import Answer, Program
from tests.hostile.fort import ANNA, HOST, Fort

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

#: Each is a beginning of something for somebody who reads carelessly.
NASTY = (
    "a\r\nAction: Originate\r\nChannel: PJSIP/evil",
    "a\nb",
    "a\rb",
    "a\0b",
    "a\x1b[31m",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "${SHELL(id)}",
    "$[1+1]",
    "${HANGUPCAUSE}",
    "a;b",
    "a,b,1",
    "a|b",
    "a&b",
    "a\\,b",
    "a\\",
    "\\r\\n",
    'a"b',
    "a'b",
    "'; DROP TABLE calls; --",
    "{number}",
    "{{7*7}}",
    "{code}",
    "%s%n",
    "%0d%0a",
    "$(id)",
    "`id`",
    "<script>",
    "&lt;",
    "../../etc/passwd",
    "Local/s@default",
    "PJSIP/evil@operator",
    "s,1(say-code)",
    "a\u202eb",
    "\ufeffa",
    "\U0001f4a9",
    "а" * 60,
    "-1",
    "null",
    "=cmd|' /C calc'!A0",
    "a\tb",
    "\x7f",
    "\u0000\u0000",
    "]]>",
    "a\\u0000b",
)
#: What an order may say, by its fields.
PLAIN = {
    "leg": r"pb\.call_[0-9a-hjkmnp-tv-z]{26}\.[a-z0-9]+",
    "queue": "support",
    "ticket": "[0-9]{9}",
    "locale": "[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}",
    "code": "[0-9]{6}",
}


@pytest.fixture
def chosen() -> dict[str, Any]:
    """Every text is tried, so nobody is counted."""
    often = ("calls_per_hour_of_number", "calls_per_hour_of_citizen", "calls_per_hour", "requests_per_minute")
    return {"limits": dict.fromkeys((*often, "requests_per_minute_of_address"), 1_000_000)}


@pytest.fixture
def orders(fort: Fort, monkeypatch: pytest.MonkeyPatch) -> list[DialOrder | CodeOrder]:
    """Whatever the exchange is asked to do."""
    seen: list[DialOrder | CodeOrder] = []
    dial, say_code = fort.fake.dial, fort.fake.say_code

    async def dialled(order: DialOrder) -> None:
        seen.append(order)
        await dial(order)

    async def said(order: CodeOrder) -> None:
        seen.append(order)
        await say_code(order)

    monkeypatch.setattr(fort.fake, "dial", dialled)
    monkeypatch.setattr(fort.fake, "say_code", said)
    return seen


def bodies(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The text in each field of a request for a call that takes text."""
    good = {"service": "support", "user": {"id": "u-1", "phone": ANNA}}
    for name in ("service", "session_id", "subject", "client_ref", "when", "to", "code_channel"):
        yield name, good | {name: text}
    for name in ("id", "locale", "time_zone", "email", "snils", "inn", "passport"):
        yield name, good | {"user": good["user"] | {name: text}}  # type: ignore[operator]
    yield "text_version", good | {"consent": {"phone_data": True, "text_version": text}}
    yield "address", good | {"devices": [{"kind": "sip", "address": text}]}
    yield "kind", good | {"devices": [{"kind": text, "address": "alice"}]}
    yield "name", good | {text: "x"}


async def initiates(program: Program, key: str, body: Any) -> Answer:
    return await program.ask("POST", "/v1/calls", body, Idempotency_Key=key)


async def test_no_text_of_a_request_reaches_asterisk(fort: Fort, orders: list[DialOrder | CodeOrder]) -> None:
    program = await fort.program(second_step="none")
    fort.fake.citizen(ANNA, busy=True)
    accepted = 0
    for place, text in enumerate(NASTY):
        for name, body in bodies(text):
            answer = await initiates(program, f"{place}-{name}", body)
            assert answer.refused in ((202, ""), (422, "validation-failed")), (name, text)
            if answer.status == 202:
                accepted += 1
                await fort.time.advance(2)
    assert accepted > 50
    assert len(orders) == accepted
    for order in orders:
        assert _is_plain(order), order


def _is_plain(order: DialOrder | CodeOrder) -> bool:
    said = {name: getattr(order, name) for name in PLAIN if hasattr(order, name)}
    return all(re.fullmatch(PLAIN[name], value) for name, value in said.items())


async def test_texts_that_are_taken_come_back_as_they_were_and_nowhere_else(fort: Fort) -> None:
    program = await fort.program(second_step="none")
    fort.fake.citizen(ANNA, answers=False)
    for place, text in enumerate(NASTY):
        answer = await initiates(program, str(place), program.wish(ANNA, user=f"u-{place}", client_ref=text))
        if answer.status == 202:
            assert answer.json["call"]["client_ref"] == text
            await program.aborts(answer.json["call"]["id"])
        else:
            assert "\0" in text
            assert text.encode() not in answer.body


async def test_user_ids_in_paths_and_queries(fort: Fort) -> None:
    for text in NASTY:
        told = quote(text, safe="")
        for path in (f"/v1/users/{told}/identity", f"/v1/calls?user={told}", f"/v1/calls/{told}", f"/problems/{told}"):
            answer = await fort.portal.send(
                "GET", URL(fort.url + path, encoded=True), {"Authorization": f"Bearer {fort.portal.token}"}
            )
            assert answer.status in (200, 404, 422), path
            assert answer.status == 200 or text not in answer.body.decode()


async def test_names_of_programs(fort: Fort) -> None:
    admin = await fort.program("admin")
    for text in NASTY:
        answer = await admin.ask("POST", "/v1/clients", {"name": text})
        fort.treasure.keep("client secret", answer.json.get("client_secret", ""))
        assert answer.status in (201, 422)
        if answer.status == 201:
            assert text.isprintable() or text in ("a\u202eb", "\ufeffa")
        for field in ("services", "prefixes", "scopes", "issuers"):
            changed = await admin.ask("PATCH", f"/v1/clients/{fort.portal.id}", {field: [text]})
            assert changed.status == 422 or field in ("issuers", "services")


# ── header lines ─────────────────────────────────────────────────────────────────────────────────────────
async def raw(fort: Fort, *lines: bytes, body: bytes = b"") -> bytes:
    """Bytes as they are, and all that comes back."""
    reader, writer = await asyncio.open_connection(HOST, fort.port)
    head = b"\r\n".join([*lines, b"Content-Length: " + str(len(body)).encode(), b"Connection: close", b"", b""])
    writer.write(head + body)
    got = await reader.read()
    writer.close()
    assert b"Traceback" not in got
    assert not re.match(rb"HTTP/\d\.\d 5", got)
    return got


@pytest.mark.parametrize("name", [b"X-Request-ID", b"Idempotency-Key", b"If-Match", b"Last-Event-ID", b"Origin"])
async def test_a_header_of_ours_with_lines_in_it(fort: Fort, name: bytes) -> None:
    assert fort.portal.token
    body = json.dumps(fort.portal.wish(ANNA)).encode()
    usual = [b"POST /v1/calls HTTP/1.1", b"Host: x", b"Content-Type: application/json"]
    usual.append(b"Authorization: Bearer " + fort.portal.token.encode())
    tricks = (
        b"a\rX-Injected: 1",
        b"a\nX-Injected: 1",
        b"a\0X-Injected: 1",
        b"a\r\n X-Injected: 1",
        b"\xff\xfe",
        b"a\x0bb",
    )
    for value in tricks:
        got = await raw(fort, *usual, name + b": " + value, body=body)
        head = got.partition(b"\r\n\r\n")[0].lower()
        assert b"\nx-injected" not in head
        assert b"\rx-injected" not in head
        assert value not in got
    assert fort.nothing_rang


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/calls\r\nX-Injected: 1 HTTP/1.1", b"GET /\x00 HTTP/1.1", b"GET /%0d%0aX-Injected:1 HTTP/1.1",
        b"GET * HTTP/1.1", b"GET http://evil.example/v1/calls HTTP/1.1", b"GE\xff /v1/calls HTTP/1.1",
        b"G" * 9000 + b" / HTTP/1.1", b"\x16\x03\x01\x02", b"CONNECT evil.example:443 HTTP/1.1",
        b"GET /v1/calls HTTP/9.9", b"GET  /v1/calls  HTTP/1.1", b"OPTIONS * HTTP/1.1", b"Action: Login",
        b"PRI * HTTP/2.0",
    ],
)  # fmt: skip
async def test_a_request_line_that_is_none(fort: Fort, line: bytes) -> None:
    got = await raw(fort, line, b"Host: x")
    assert b"x-injected" not in got.lower()
    assert got == b"" or re.match(rb"HTTP/\d\.\d (4\d\d|200) ", got)


async def test_two_requests_in_one_are_not_one_and_a_half(fort: Fort) -> None:
    """Request smuggling: two lengths, or a length and chunks."""
    body = b"0\r\n\r\nGET /v1/clients HTTP/1.1\r\nHost: x\r\n\r\n"
    for lines in (
        [b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding : chunked"],
        [b"Content-Length: 5"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
    ):
        got = await raw(fort, b"POST /oauth/token HTTP/1.1", b"Host: x", *lines, body=body)
        assert len(re.findall(rb"HTTP/\d\.\d ", got)) <= 1, got
        assert got == b"" or re.match(rb"HTTP/1\.[01] 4", got)
