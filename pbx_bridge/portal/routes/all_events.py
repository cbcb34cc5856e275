"""What happened on all calls of a program: from some event on; at once, or as it happens."""

from __future__ import annotations

from aiohttp import web

from .. import answers, stream
from ..bodies import as_json, read_query
from ..grant import GRANT, Grant
from ..needs import NEEDS
from ..noting import note
from ..operations import Answer, Header, Operation
from ..problems import Problem
from ..queries import EVENT_ID, AllEventsQuery
from ..sources import WholeLog

NOW = "now"
_SEEN = {"type": "string", "pattern": f"^({EVENT_ID})?$"}
_SSE = {"type": "string", "description": "`id:` is the event's id, `event:` its type, `data:` the event as in JSON"}


async def read(request: web.Request) -> web.StreamResponse:
    """The events after another, as JSON or as a stream."""
    query = read_query(request, AllEventsQuery)
    client = _whose(request[GRANT], query.client)
    after = stream.resume_behind(request.headers, query.after)
    needs = request.app[NEEDS]
    from_now = after == NOW
    if from_now:
        after = await needs.ledger.last_event(client)
    elif after and not needs.conductor.feed.holds(client, after) and not await needs.ledger.has_event(after, client):
        raise Problem("unknown-event")
    if not request[GRANT].owns:
        await note(request, "read-all-events", detail={"client": client})
    types = frozenset(query.type.split(",")) if query.type else frozenset()
    if stream.wanted(request) and request.method == "GET":
        source = WholeLog(needs, client, after, types, after if from_now else "")
        return await stream.serve(request, source, request[GRANT])
    found = await needs.ledger.events_after(after, client, query.limit + 1)
    shown = found[: query.limit]
    wanted = [event for event in shown if not types or event.type in types]
    return as_json(
        {
            "events": [stream.envelope(event, needs.settings.node) for event in wanted],
            "last": shown[-1].id if shown else after,
            "more": len(found) > query.limit,
        }
    )


def _whose(grant: Grant, asked: str | None) -> str | None:
    """The program whose events are read; None: all. Raises Problem."""
    if not grant.owns:
        return asked
    if asked not in (None, grant.client):
        raise Problem("unknown-client")
    return grant.client


OPERATIONS = (
    Operation(
        id="readAllEvents",
        method="GET",
        path="/v1/events",
        summary="Read the events of all your calls, or follow them",
        description=(
            "The program's whole log, in one order that never changes: nothing ever appears before an event that was "
            "read. With `Accept: text/event-stream` the answer is a stream: what was missed, then what happens. It has "
            "no end of its own; why it ended is told by `stream.ended`, as with the events of one call, and there is "
            "one reason more: `too_slow` (the reader took less than came: connect again, and it goes on where it was). "
            "A line `id:` without an event moves the place from which to go on."
        ),
        handler=read,
        query=AllEventsQuery,
        headers=(Header("Last-Event-ID", "the id of the last event seen; goes before `after`", _SEEN),),
        answers=(Answer(200, "The events", {"application/json": answers.AllEvents, stream.MEDIA_TYPE: _SSE}),),
        problems=("unknown-event", "unknown-client", "too-many-streams"),
    ),
)
