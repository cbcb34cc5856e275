"""The second step: another code, and the confirmation after which the telephone may ring."""

from __future__ import annotations

import asyncio

from aiohttp import web
from pydantic import TypeAdapter

from ...call.model import Channel
from .. import answers
from ..bodies import read_json
from ..grant import GRANT
from ..needs import NEEDS
from ..operations import Answer, Body, Operation
from ..own import ETAG, own_call, with_call
from ..problems import Problem
from ..schemas import CodeRequest, Confirmation

_CODE = TypeAdapter(CodeRequest)
_CONFIRMATION = TypeAdapter(Confirmation)


async def send_code(request: web.Request) -> web.Response:
    """Ask for another code. That it is on its way is told by the call's events."""
    body, _ = await read_json(request, _CODE)
    call = await own_call(request)
    needs = request.app[NEEDS]
    async with asyncio.timeout(needs.settings.answer_s):
        asked = await needs.conductor.ask_code(call.id, Channel(body.channel), by=request[GRANT].actor)
    return with_call(asked, status=202)


async def confirm(request: web.Request) -> web.Response:
    """Judge the code. Whether a wrong one was nearly right, nobody learns."""
    body, _ = await read_json(request, _CONFIRMATION)
    call = await own_call(request)
    needs = request.app[NEEDS]
    async with asyncio.timeout(needs.settings.answer_s):
        done = await needs.conductor.confirm(call.id, body.code, by=request[GRANT].actor)
    if not done.right:
        raise Problem("code-mismatch", attempts_left=done.attempts_left, call_id=call.id)
    return with_call(done.call)


_WAITS = ("locked-out", "nothing-to-confirm", "unknown-call")

OPERATIONS = (
    Operation(
        id="sendCode",
        method="POST",
        path="/v1/calls/{call_id}/code",
        summary="Send the citizen another one-time code",
        description="The first code is sent when the call is accepted. A later one makes the earlier ones worthless; "
        "the tries that are left stay as they are.",
        handler=send_code,
        body=Body(CodeRequest, {"read aloud": {"channel": "voice"}, "as a text": {"channel": "sms"}}),
        answers=(Answer(202, "A code is on its way", {"application/json": answers.OneCall}, (ETAG,)),),
        problems=(*_WAITS, "too-many-codes", "no-code"),
    ),
    Operation(
        id="confirmCall",
        method="POST",
        path="/v1/calls/{call_id}/confirm",
        summary="Confirm a call: the second step, after which the telephone rings",
        description="With the code that the citizen typed; or `{}` where `confirmation.by` is `click`.",
        handler=confirm,
        body=Body(Confirmation, {"with a code": {"code": "123456"}, "without": {}}),
        answers=(Answer(200, "The call goes on", {"application/json": answers.OneCall}, (ETAG,)),),
        problems=(*_WAITS, "code-mismatch", "code-needed"),
    ),
)
