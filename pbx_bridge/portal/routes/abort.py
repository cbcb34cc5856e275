"""End a call from outside."""

from __future__ import annotations

import asyncio
import re

from aiohttp import hdrs, web

from ...call.model import Call
from ...call.states import State
from ...conductor.errors import RevisionPassed
from .. import answers
from ..bodies import read_query
from ..grant import GRANT
from ..needs import NEEDS
from ..operations import Answer, Header, Operation
from ..own import ETAG, own_call, with_call
from ..problems import Problem
from ..schemas import NoQuery

_TAGS = re.compile(r'\s*(W/)?"[\x21\x23-\x7e]*"\s*(,\s*(W/)?"[\x21\x23-\x7e]*"\s*)*\Z')
_STRONG_REVISION = re.compile(r'(?<!W/)"([0-9]{1,9})"')


async def abort(request: web.Request) -> web.Response:
    """End the call if it has not ended; say who won. A body is not read: there is nothing to say in it."""
    read_query(request, NoQuery)
    call = await own_call(request)
    by = request[GRANT].actor
    needs = request.app[NEEDS]
    async with asyncio.timeout(needs.settings.answer_s):
        done = await needs.conductor.abort(call.id, by=by, if_revision=_revision(request, call))
    return with_call(done.call, won=done.won, words=_words(done.call, done.won))


def _revision(request: web.Request, call: Call) -> int | None:
    """The revision that If-Match asks for; None when any will do. Raises RevisionPassed, Problem."""
    header = ", ".join(request.headers.getall(hdrs.IF_MATCH, []))
    if not header or header.strip() == "*":
        return None
    if not _TAGS.match(header):
        raise Problem("invalid-header", "If-Match must be `*` or a list of entity tags in quotes")
    # Strong comparison (RFC 9110, 13.1.1): a weak tag never matches.
    wanted = [int(revision) for revision in _STRONG_REVISION.findall(header)]
    if call.revision in wanted:
        return call.revision
    raise RevisionPassed(max(wanted, default=0), call.revision)


def _words(call: Call, won: bool) -> str:
    if call.state is not State.ENDED:
        return "the call is being ended; its events say when it has"
    if won:
        return "the call was ended by an abort"
    return f"the call had ended before: {call.outcome}"


OPERATIONS = (
    Operation(
        id="abortCall",
        method="POST",
        path="/v1/calls/{call_id}/abort",
        summary="End a call in any state",
        description="Repeating it is harmless. Without If-Match it ends the call whatever has happened meanwhile.",
        handler=abort,
        headers=(Header("If-Match", "the ETag on which the decision rests: 412 when the call has moved on"),),
        answers=(Answer(200, "The call, and who won", {"application/json": answers.AbortAnswer}, (ETAG,)),),
        problems=("unknown-call", "invalid-header", "revision-passed", "refused", "validation-failed"),
    ),
)
