"""End a call from outside."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ...call.model import Call
from ...call.states import State
from .. import answers
from ..bodies import read_query
from ..grant import GRANT
from ..needs import NEEDS
from ..operations import Answer, Operation
from ..own import ETAG, IF_MATCH, own_call, revision_wanted, with_call
from ..queries import NoQuery


async def abort(request: web.Request) -> web.Response:
    """End the call if it has not ended; say who won. A body is not read: there is nothing to say in it."""
    read_query(request, NoQuery)
    call = await own_call(request)
    by = request[GRANT].actor
    needs = request.app[NEEDS]
    async with asyncio.timeout(needs.settings.answer_s):
        done = await needs.conductor.abort(call.id, by=by, if_revision=revision_wanted(request, call))
    return with_call(done.call, won=done.won, words=_words(done.call, done.won))


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
        headers=(IF_MATCH,),
        answers=(Answer(200, "The call, and who won", {"application/json": answers.AbortAnswer}, (ETAG,)),),
        problems=("unknown-call", "invalid-header", "revision-passed", "refused", "validation-failed"),
    ),
)
