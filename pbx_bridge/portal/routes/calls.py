"""Look at one call, or at many."""

from __future__ import annotations

import re

from aiohttp import hdrs, web

from ...call.snapshot import snapshot
from ...ledger import BadCursor, Refused
from ...ledger.values import CallFilter
from .. import answers, complaints
from ..bodies import as_json, read_query
from ..grant import GRANT
from ..needs import NEEDS
from ..noting import note_read
from ..operations import Answer, Header, Operation
from ..own import ETAG, etag, own_call, with_call
from ..queries import CallsQuery, NoQuery

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


async def find(request: web.Request) -> web.Response:
    """A page of the calls that the asker may see."""
    query = read_query(request, CallsQuery)
    grant = request[GRANT]
    if grant.citizen not in (None, query.user) and query.user is not None:
        return as_json({"calls": [], "next_cursor": None})  # the calls of others do not exist for a citizen
    filter_ = CallFilter(
        client=grant.client if grant.owns else None,
        user=grant.citizen or query.user,
        service=query.service,
        states=frozenset({query.state}) if query.state else None,
        from_=query.from_,
        to=query.to,
        direction=query.direction,
    )
    try:
        page = await request.app[NEEDS].ledger.calls(filter_, cursor=query.cursor, limit=query.limit)
    except (BadCursor, Refused):  # refused: a forged cursor that reads well, but holds what no row can hold
        words = "did not come from here; start again without one"
        raise complaints.problem([complaints.item("query", "/cursor", words)]) from None
    await note_read(request, "list-calls", page.calls)
    return as_json({"calls": [snapshot(call) for call in page.calls], "next_cursor": page.next_cursor})


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
        description="Follow `next_cursor` for older ones; calls accepted meanwhile do not shift the pages.",
        handler=find,
        query=CallsQuery,
        answers=(Answer(200, "A page of calls", {"application/json": answers.Calls}),),
    ),
)
