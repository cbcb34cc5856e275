"""Calls as a table for spreadsheets: RFC 4180, numbers masked, and no cell that a spreadsheet would calculate."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiohttp import hdrs, web

from ..call.model import Call
from ..call.snapshot import snapshot
from ..ledger.errors import LedgerUnavailable
from ..ledger.reads import write_cursor
from ..ledger.values import Page
from .needs import NEEDS
from .requests import REQUEST_ID, REQUEST_ID_HEADER
from .signatures import PROOF

log = structlog.get_logger(__name__)

MEDIA_TYPE = "text/csv"
#: So many rows at most in one answer; the last row's cursor leads on.
MOST_ROWS = 10_000
PAGE = 200
COLUMNS = (
    "call_id", "ticket", "client", "user", "phone", "service", "queue", "direction", "callback", "state", "outcome",
    "cause", "attempts", "accepted_at", "dialled_at", "answered_at", "queued_at", "ended_at", "cursor",
)  # fmt: skip
#: What spreadsheets take for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Turn = Callable[[str | None, int], Awaitable[Page]]


def harmless(cell: Any) -> str:
    """The text of a cell, which no spreadsheet calculates."""
    text = "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def lines(rows: Iterable[Iterable[Any]]) -> bytes:
    """Rows as RFC 4180 has them."""
    paper = io.StringIO()
    writer = csv.writer(paper, lineterminator="\r\n")
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
    return paper.getvalue().encode()


def cells(call: Call) -> list[Any]:
    """One call, in the order of COLUMNS."""
    shown = snapshot(call)
    times = (call.accepted_at, call.dialled_at, call.answered_at, call.queued_at, call.ended_at)
    return [
        call.id, call.ticket, call.request.client, call.request.user, shown["user"]["phone"], call.request.service,
        call.queue, call.request.direction.value, call.callback, call.state.value, shown["outcome"],
        call.cause and call.cause.slug, call.attempt,
        *(at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None for at in times),
        write_cursor(call.accepted_at, call.id),
    ]  # fmt: skip


async def answer(request: web.Request, cursor: str | None, turn: Turn) -> web.StreamResponse:
    """Page after page of what `turn` gives (from a cursor so many calls), the first one before anything is sent: what
    is wrong with the question is told as a problem. Signed requests get all in one piece, for it must be signed."""
    headers = {
        hdrs.CONTENT_TYPE: "text/csv; charset=utf-8; header=present",
        hdrs.CONTENT_DISPOSITION: 'attachment; filename="calls.csv"',
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.VARY: hdrs.ACCEPT,
    }
    first = await turn(cursor, PAGE)
    head = lines([COLUMNS]) + lines(cells(call) for call in first.calls)
    if request.get(PROOF) is not None or request.method == hdrs.METH_HEAD:
        parts = [head]
        await _rest(first, turn, _into(parts))
        return web.Response(body=b"".join(parts), headers=headers)
    response = web.StreamResponse(headers=headers | {REQUEST_ID_HEADER: request[REQUEST_ID]})
    await response.prepare(request)
    patience_s = request.app[NEEDS].settings.send_s

    async def send(part: bytes) -> None:
        async with asyncio.timeout(patience_s):
            await response.write(part)

    try:
        await send(head)
        await _rest(first, turn, send)
        await response.write_eof()
    except (ConnectionError, TimeoutError, LedgerUnavailable) as error:
        log.warning("a table ends early", why=str(error) or "the reader takes nothing")
        if request.transport is not None:
            request.transport.abort()  # without its last chunk: the reader knows that it is not whole
    return response


def _into(parts: list[bytes]) -> Callable[[bytes], Awaitable[None]]:
    async def keep(part: bytes) -> None:
        parts.append(part)

    return keep


async def _rest(page: Page, turn: Turn, send: Callable[[bytes], Awaitable[None]]) -> None:
    count = len(page.calls)
    while page.next_cursor is not None and count < MOST_ROWS:
        page = await turn(page.next_cursor, min(PAGE, MOST_ROWS - count))
        count += len(page.calls)
        if page.calls:
            await send(lines(cells(call) for call in page.calls))
