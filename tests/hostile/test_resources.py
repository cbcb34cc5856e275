"""Attacks that only want to be expensive: too much, too deep, too slow, too often. Answers stay small and in time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.hostile.attacker import Attacker, encoded
from tests.hostile.fort import ANNA, HOST, Fort

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

#: No refusal is longer than this (bytes).
SHORT = 4096
KIB = 1024


@pytest.mark.parametrize("size", [9, 64, 1024])
async def test_a_giant_header(fort: Fort, attacker: Attacker, size: int) -> None:
    for name in ("Authorization", "X-Request-ID", "Idempotency-Key", "Cookie", "Signature-Input"):
        answer = await attacker.send("GET", "/v1/calls", {name: "x" * size * KIB})
        assert answer.status in (400, 401, 431)
        assert len(answer.body) < SHORT


async def test_very_many_headers(fort: Fort, attacker: Attacker) -> None:
    answer = await attacker.send("GET", "/v1/calls", {f"X-{each}": "x" for each in range(5000)})
    assert answer.status in (400, 401, 431)


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_giant_token(fort: Fort, attacker: Attacker, place: int) -> None:
    """As big as a header may be, and bigger in a form."""
    assert fort.portal.token
    parts = fort.portal.token.split(".")
    parts[place] *= 7 * KIB // len(parts[place])
    assert (await attacker.with_token(".".join(parts))).refused == (401, "invalid-token")
    parts[place] *= 5
    assert (await fort.portal.exchanges(".".join(parts))).refused == (400, "invalid_grant")


@pytest.mark.parametrize("depth", [1000, 2900])
async def test_a_deep_token(fort: Fort, attacker: Attacker, depth: int) -> None:
    assert fort.portal.token
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    for forged in (attacker.forges(fort.portal.token, header={"x": deep}), attacker.forges(fort.portal.token, x=deep)):
        assert (await attacker.with_token(forged)).refused in ((401, "invalid-token"), (400, "malformed-request"))
    text = b'{"alg":' + b"[" * depth + b"]" * depth + b"}"
    assert (await attacker.with_token(f"{encoded(text)}.e30.AA")).refused == (401, "invalid-token")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000, b'{"a":' * 12_000, b"[" * 30_000 + b"]" * 30_000, b'{"a":1' + b',"a":1' * 10_000 + b"}",
        b"9" * 60_000, b'"' + b"\\u0000" * 10_000 + b'"', b"{" + b'"x":{},' * 8000 + b'"y":1}',
        b"1e" + b"9" * 1000, b"\xff" * 60_000, b" " * 65_000,
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
async def test_a_body_that_is_a_labyrinth(fort: Fort, body: bytes) -> None:
    paths = ("/v1/calls", "/v1/users/anna/identity", "/oauth/token")
    for path in paths:
        method = "PUT" if "users" in path else "POST"
        media = "application/x-www-form-urlencoded" if "oauth" in path else "application/json"
        headers = {"Authorization": f"Bearer {fort.portal.token}", "Idempotency-Key": "k", "Content-Type": media}
        answer = await fort.portal.send(method, path, headers, body)
        assert answer.status in (400, 401, 422)
        assert len(answer.body) < 2 * SHORT
    assert fort.nothing_rang


async def test_a_body_beyond_the_limit(fort: Fort) -> None:
    async def pieces() -> Any:
        for _ in range(64):
            yield b"x" * 64 * KIB

    for data in (b"x" * 1024 * KIB, pieces()):
        answer = await fort.portal.ask(
            "POST", "/v1/calls", data=data, Content_Type="application/json", Idempotency_Key="k"
        )
        assert answer.refused == (413, "too-large")
    zipped = await fort.portal.ask(
        "POST",
        "/v1/calls",
        data=b"\x1f\x8b",
        Content_Type="application/json",
        Content_Encoding="gzip",
        Idempotency_Key="k",
    )
    assert zipped.refused == (415, "unsupported-media-type")


async def test_a_body_that_comes_one_byte_at_a_time(fort: Fort) -> None:
    """Slowloris: fifty of them hold nobody up, and each is told to go."""
    head = (
        f"POST /v1/calls HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
        f"Idempotency-Key: k\r\nAuthorization: Bearer {fort.portal.token}\r\n\r\n"
    ).encode()

    async def drips() -> bytes:
        reader, writer = await asyncio.open_connection(HOST, fort.port)
        writer.write(head)
        for _ in range(60):
            writer.write(b"{")
            await asyncio.sleep(1)
            if reader.at_eof():
                break
        got = await reader.read(64 * KIB)
        writer.close()
        return got

    began = fort.time.elapsed
    slow = [asyncio.create_task(drips()) for _ in range(50)]
    await fort.time.advance(5)
    assert (await fort.portal.ask("GET", "/v1/calls")).status == 200
    for got in await asyncio.gather(*slow, return_exceptions=True):
        assert isinstance(got, ConnectionError) or (isinstance(got, bytes) and got.startswith(b"HTTP/1.1 408 "))
    assert fort.time.elapsed - began < 120


async def test_a_head_that_never_ends(fort: Fort) -> None:
    reader, writer = await asyncio.open_connection(HOST, fort.port)
    writer.write(b"GET /v1/calls HTTP/1.1\r\nHost: x\r\n")
    await fort.time.advance(200)
    assert reader.at_eof() or b" 4" in await reader.read(KIB)
    writer.close()


async def test_streams_without_end_by_one_program_hold_nobody_up(fort: Fort) -> None:
    anna = await fort.citizen("anna", ANNA)
    call = await anna.wants_call()
    readers = [
        asyncio.create_task(fort.portal.ask("GET", f"/v1/calls/{call}/events", Accept="text/event-stream"))
        for _ in range(80)
    ]
    await fort.time.advance(1)
    assert (await fort.portal.ask("GET", f"/v1/calls/{call}")).status == 200
    await anna.aborts(call)
    ends = await asyncio.gather(*readers)
    assert all(b"call.ended" in end.body for end in ends)


async def test_ten_thousand_names_in_one_query_and_one_form(fort: Fort, attacker: Attacker) -> None:
    names = "&".join(f"a{each}=1" for each in range(700))
    assert (await fort.portal.ask("GET", f"/v1/calls?{names}")).refused == (422, "validation-failed")
    form = "&".join(f"a{each}=1" for each in range(5000))
    answer = await attacker.send("POST", "/oauth/token", {"Content-Type": "application/x-www-form-urlencoded"}, form)
    assert answer.refused == (400, "invalid_request")


async def test_a_program_that_asks_without_end_is_slowed_and_others_are_not(fort: Fort) -> None:
    busy = await fort.program(requests_per_minute=20)
    statuses = [(await busy.ask("GET", "/v1/calls")).status for _ in range(30)]
    assert statuses == [200] * 20 + [429] * 10
    assert fort.answers[-1].retry_after
    assert (await fort.portal.ask("GET", "/v1/calls")).status == 200
    assert json.loads(fort.answers[-2].body)["type"].endswith("too-many-requests")
