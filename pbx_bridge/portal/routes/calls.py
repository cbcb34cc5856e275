"""Look at one call, or at many."""

from __future__ import annotations

import re

from aiohttp import hdrs, web

from ...call.snapshot import snapshot
from ...ledger import BadCursor, Refused
from ...ledger.values import CallFilter, Page
from .. import answers, call_table, complaints
from ..bodies import as_json, read_query
from ..grant import GRANT, Grant
from ..needs import NEEDS
from ..noting import note_read
from ..operations import Answer, Header, Operation
from ..own import ETAG, etag, own_call, with_call
from ..queries import CallsQuery, NoQuery
from ..stream import wanted

_CSV = {"type": "string", "description": "RFC 4180, with a header row: " + ", ".join(call_table.COLUMNS)}
_QUOTED = re.compile(r'"[^"]*"')


async def show(request: web.Request) -> web.Response:
    """The call as it stands, or 304 when the reader has it."""
    read_query(request, NoQuery)
    call = await own_call(request)
    await note_read(request, "read-call", [call])
    seen = request.headers.get(hdrs.IF_NONE_MATCH, "")
    # Weak comparison, RFC 9110 13.1.2: `W/` says nothing here. A list that cannot be read matches nothing.
    if seen.strip() == "*" or etag(call) in _QUOTED.findall(seen):
        return web.Response(status=304, headers={hdrs.ETAG: etag(call), hdrs.CACHE_CONTROL: "no-store"})
    return with_call(call)


async def find(request: web.Request) -> web.StreamResponse:
    """A page of the calls that the asker may see, or all of them as a table."""
    query = read_query(request, CallsQuery)
    filter_ = _filter(request[GRANT], query)

    async def turn(cursor: str | None, limit: int) -> Page:
        page = await _page(request, filter_, cursor, limit) if filter_ else Page((), None)
        await note_read(request, "list-calls", page.calls)
        return page

    if wanted(request, call_table.MEDIA_TYPE):
        return await call_table.answer(request, query.cursor, turn)
    page = await turn(query.cursor, query.limit)
    return as_json(
        {"calls": [snapshot(call) for call in page.calls], "next_cursor": page.next_cursor},
        headers={hdrs.VARY: hdrs.ACCEPT},
    )


def _filter(grant: Grant, query: CallsQuery) -> CallFilter | None:
    """What is asked for, of what the asker may see; None: of others, whose calls do not exist for them."""
    if grant.owns and query.client not in (None, grant.client):
        return None
    if grant.citizen is not None and query.user not in (None, grant.citizen):
        return None
    return CallFilter(
        client=grant.client if grant.owns else query.client,
        user=grant.citizen or query.user,
        service=query.service,
        states=frozenset({query.state}) if query.state else None,
        from_=query.from_,
        to=query.to,
        direction=query.direction,
        outcome=query.outcome,
        cause=query.cause,
        queue=query.queue,
        ticket=query.ticket,
        phone=query.phone,
    )


async def _page(request: web.Request, filter_: CallFilter, cursor: str | None, limit: int) -> Page:
    try:
        return await request.app[NEEDS].ledger.calls(filter_, cursor=cursor, limit=limit)
    except (BadCursor, Refused):  # refused: a forged cursor that reads well, but holds what no row can hold
        words = "did not come from here; start again without one"
        raise complaints.problem([complaints.item("query", "/cursor", words)]) from None


OPERATIONS = (
    Operation(
        id="getCall",
        method="GET",
        path="/v1/calls/{call_id}",
        summary="Read a call",
        handler=show,
        headers=(Header("If-None-Match", "an ETag of before: 304 when the call is still at that revision"),),
        answers=(
            Answer(200, "The call as it stands", {"application/json": answers.OneCall}, (ETAG,)),
            Answer(304, "The call is still at the revision of If-None-Match", headers=(ETAG,)),
        ),
        problems=("unknown-call", "validation-failed"),
    ),
    Operation(
        id="listCalls",
        method="GET",
        path="/v1/calls",
        summary="List your calls, newest first",
        description="Follow `next_cursor` for older ones; calls accepted meanwhile do not shift the pages. Where few "
        "of many calls fit, a page may hold fewer than `limit`, even none, and lead on. With `Accept: text/csv` the "
        f"answer is a table of up to {call_table.MOST_ROWS} calls, whose last row has the cursor for more. Cells that "
        "a spreadsheet would calculate begin with an apostrophe.",
        handler=find,
        query=CallsQuery,
        answers=(Answer(200, "A page of calls", {"application/json": answers.Calls, call_table.MEDIA_TYPE: _CSV}),),
    ),
)
