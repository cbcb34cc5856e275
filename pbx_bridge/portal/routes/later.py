"""Put a call off: another time for a callback, or a callback instead of holding the line."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from aiohttp import web
from pydantic import TypeAdapter

from ...call.model import Call, Why
from .. import answers, complaints, desk_answers
from ..bodies import read_json, read_query
from ..desk_schemas import MoveRequest
from ..grant import GRANT
from ..needs import NEEDS
from ..operations import Answer, Body, Operation
from ..own import ETAG, IF_MATCH, own_call, revision_wanted, with_call
from ..queries import NoQuery

_MOVE = TypeAdapter(MoveRequest)
#: Clocks differ: a time that has just passed means now.
LATE = timedelta(minutes=1)


async def move(request: web.Request) -> web.Response:
    """Call back at another time; the hours may make it a later one."""
    read_query(request, NoQuery)
    body, _ = await read_json(request, _MOVE)
    call = await own_call(request)
    revision = revision_wanted(request, call)
    needs = request.app[NEEDS]
    _check(call, body.to, needs.clock())
    async with asyncio.timeout(needs.settings.answer_s):
        moved = await needs.conductor.move(call.id, body.to, by=request[GRANT].actor, if_revision=revision)
    reason = moved.reason
    return with_call(
        moved,
        as_asked=reason is not None and reason.why is Why.ASKED,
        words=reason.en if reason else "",
        words_ru=reason.ru if reason else "",
    )


def _check(call: Call, to: datetime, at: datetime) -> None:
    last = call.accepted_at + timedelta(seconds=call.terms.keep_s)
    if to < at - LATE:
        raise complaints.problem([complaints.item("body", "/to", "has passed")])
    if to > last:
        words = f"is too late: the request is kept until {last:%Y-%m-%dT%H:%M:%SZ}"
        raise complaints.problem([complaints.item("body", "/to", words)])


async def keep(request: web.Request) -> web.Response:
    """Hang up, and call back in the same order."""
    read_query(request, NoQuery)
    call = await own_call(request)
    revision = revision_wanted(request, call)
    needs = request.app[NEEDS]
    async with asyncio.timeout(needs.settings.answer_s):
        kept = await needs.conductor.keep_place(call.id, by=request[GRANT].actor, if_revision=revision)
    return with_call(kept)


_PROBLEMS = ("unknown-call", "not-movable", "invalid-header", "revision-passed", "validation-failed")

OPERATIONS = (
    Operation(
        id="moveCallback",
        method="POST",
        path="/v1/calls/{call_id}/move",
        summary="Call back at another time",
        description="For a call that is `scheduled`. Out of the service's hours and in the citizen's night it becomes "
        "the next time that is allowed; `as_asked` and the words say so. The place in the order stays.",
        handler=move,
        headers=(IF_MATCH,),
        body=Body(MoveRequest, {"a time": {"to": "2026-01-12T10:00:00+03:00"}}),
        answers=(Answer(200, "The callback has its new time", {"application/json": desk_answers.Moved}, (ETAG,)),),
        problems=_PROBLEMS,
    ),
    Operation(
        id="keepPlace",
        method="POST",
        path="/v1/calls/{call_id}/keep",
        summary="Hang up, keep the place, and call back",
        description="For a citizen who waits in a queue and would rather not. Repeating it is harmless.",
        handler=keep,
        headers=(IF_MATCH,),
        answers=(Answer(200, "The call, scheduled or about to be", {"application/json": answers.OneCall}, (ETAG,)),),
        problems=_PROBLEMS,
    ),
)
