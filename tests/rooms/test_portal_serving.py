"""Below the application: bytes that are no request, slow peers, and how the service stops."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from .portal_house import BODY, House, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50 + b"\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 10_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nA\0B: c\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_bytes_that_are_no_request_get_a_problem_and_the_door(site: Site, sent: bytes) -> None:
    with structlog.testing.capture_logs() as logs:
        got = await site.raw(sent)
    assert got.split()[1] == b"400", got
    assert b"application/problem+json" in got
    assert b'"type": "/problems/malformed-request"' in got
    assert not [entry for entry in logs if entry["log_level"] in ("error", "critical")]


async def test_expectations(site: Site) -> None:
    head = "POST /v1/calls HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += f"Authorization: {site.bearer()['Authorization']}\r\n"
    odd = await site.raw(f"{head}Expect: miracles\r\nContent-Length: 0\r\n\r\n".encode())
    assert odd.startswith(b"HTTP/1.1 417 ")
    assert b"/problems/expectation-failed" in odd
    large = await site.raw(f"{head}Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n".encode())
    assert large.startswith(b"HTTP/1.1 413 ")
    fine = await site.raw(f"{head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    assert fine.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 ")
    nowhere = await site.raw(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: miracles\r\n\r\n")
    assert b"application/problem+json" in nowhere


async def test_a_header_that_never_ends_is_cut_off(house: House) -> None:
    async with serve(house, keepalive_s=0.05) as site:
        assert await site.raw(b"GET /healthz HTTP/1.1\r\nX-Slow: ") == b""
        assert await site.raw(b"") == b""


async def test_a_failure_outside_every_middleware_is_a_problem_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(site.app, "_router", type("Router", (), {"resolve": broken})())
    with structlog.testing.capture_logs() as logs:
        got = await site.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 500 ")
    assert b"/problems/internal-error" in got
    assert b"RuntimeError" not in got
    assert [entry["log_level"] for entry in logs] == ["error"]


async def test_a_request_under_way_is_answered_before_the_service_stops(site: Site, house: House) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()
    opened = house.open

    async def slowly(wanted: object) -> object:
        arrived.set()
        await go_on.wait()
        return await opened(wanted)  # type: ignore[arg-type]

    house.open = slowly  # type: ignore[method-assign, assignment]
    asking = asyncio.create_task(site.initiate(BODY))
    await arrived.wait()
    stopping = asyncio.create_task(site.runner.cleanup())
    go_on.set()
    assert (await asking).status == 202
    await stopping


async def test_a_caller_who_hangs_up_early_does_not_undo_the_call(site: Site, house: House) -> None:
    arrived, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    opened = house.open

    async def slowly(wanted: object) -> object:
        arrived.set()
        await go_on.wait()
        try:
            return await opened(wanted)  # type: ignore[arg-type]
        finally:
            done.set()

    house.open = slowly  # type: ignore[method-assign, assignment]
    asking = asyncio.create_task(site.initiate(BODY))
    await arrived.wait()
    asking.cancel()
    go_on.set()
    await done.wait()
    assert len(house.calls_) == 1
