"""What happened on a call: all of it, or from a number on; at once, or as it happens."""

from __future__ import annotations

from aiohttp import web

from .. import answers, stream
from ..bodies import as_json, read_query
from ..grant import GRANT
from ..needs import NEEDS
from ..noting import note_read
from ..operations import Answer, Header, Operation
from ..own import own_call
from ..queries import EventsQuery
from ..sources import OneCall

_SEEN = {"type": "string", "pattern": "^[0-9]{0,9}$"}
_SSE = {"type": "string", "description": "`id:` is the sequence, `event:` the type, `data:` the event as in JSON"}


async def events(request: web.Request) -> web.StreamResponse:
    """The events after a number, as JSON or as a stream."""
    query = read_query(request, EventsQuery)
    streamed = stream.wanted(request) and request.method == "GET"
    after = stream.resume_from(request.headers, query.after)
    call = await own_call(request)
    await note_read(request, "read-events", [call])
    if not streamed:
        return await _page(request, call.id, after, query.limit)
    if call.ended_at is not None and after >= call.revision:
        return web.Response(status=204)
    return await stream.serve(request, OneCall(request.app[NEEDS], call.id, after), request[GRANT])


async def _page(request: web.Request, call_id: str, after: int, limit: int) -> web.Response:
    needs = request.app[NEEDS]
    found = await needs.ledger.events(call_id, after, limit + 1)
    shown = found[:limit]
    call = await needs.conductor.call(call_id)
    last = shown[-1].sequence if shown else after
    return as_json(
        {
            "events": [stream.envelope(event, needs.settings.node) for event in shown],
            "last": last,
            "more": len(found) > limit,
            "ended": call is not None and call.ended_at is not None and last >= call.revision,
        }
    )


OPERATIONS = (
    Operation(
        id="readEvents",
        method="GET",
        path="/v1/calls/{call_id}/events",
        summary="Read a call's events, or follow them",
        description=(
            "With `Accept: text/event-stream` the answer is a stream: what was missed, then what happens, each once "
            "and in order, until `call.ended`. A comment comes every 15 seconds. When the stream ends "
            'before its call, its last event is `stream.ended`, without an id, with `{"reason": …}` as data: '
            "`token_expired` and `service_stops` (connect again, with `Last-Event-ID` and a living token), "
            "`token_revoked` or `client_disabled`."
        ),
        handler=events,
        query=EventsQuery,
        headers=(Header("Last-Event-ID", "the last sequence number seen; goes before `after`", _SEEN),),
        answers=(
            Answer(200, "The events", {"application/json": answers.Events, stream.MEDIA_TYPE: _SSE}),
            Answer(204, "The reader has seen the last event: nothing will come, do not connect again"),
        ),
        problems=("unknown-call", "too-many-streams"),
    ),
)
