"""Steer a call that goes on: to somebody else, or with another time limit."""

from __future__ import annotations

import asyncio

from aiohttp import web
from pydantic import TypeAdapter

from ...conductor.steering import Target
from ...destinations import judge
from .. import answers, complaints
from ..bodies import read_json, read_query
from ..control_schemas import LimitRequest, RedirectRequest
from ..grant import CLIENT, GRANT
from ..needs import NEEDS
from ..operations import Answer, Body, Operation
from ..own import ETAG, IF_MATCH, own_call, revision_wanted, with_call
from ..problems import Problem
from ..queries import NoQuery

_REDIRECT, _LIMIT = TypeAdapter(RedirectRequest), TypeAdapter(LimitRequest)


async def redirect(request: web.Request) -> web.Response:
    """Send the citizen on; whether they got there is told by the events."""
    read_query(request, NoQuery)
    body, _ = await read_json(request, _REDIRECT)
    call = await own_call(request)
    revision = revision_wanted(request, call)
    _check(request, body)
    needs = request.app[NEEDS]
    to = Target(body.service, body.queue, body.number)
    async with asyncio.timeout(needs.settings.answer_s):
        sent = await needs.conductor.redirect(call.id, to, by=request[GRANT].actor, if_revision=revision)
    return with_call(sent, status=202)


def _check(request: web.Request, body: RedirectRequest) -> None:
    """Nobody sends citizens where they could not call them from. Raises Problem."""
    client, needs = request[CLIENT], request.app[NEEDS]
    if body.service is not None and body.service not in needs.directory().services:
        raise complaints.problem([complaints.item("body", "/service", "is not in the directory of services")])
    if body.service is not None and client.services is not None and body.service not in client.services:
        raise Problem("service-refused")
    if body.number is None:
        return
    if refusal := judge(body.number, (needs.settings.destinations, client.prefixes), premium=needs.settings.premium):
        raise Problem("destination-refused", why=refusal.value, pointer="/number")


async def limit(request: web.Request) -> web.Response:
    """Set how long the call may last. Asterisk itself keeps it."""
    read_query(request, NoQuery)
    body, _ = await read_json(request, _LIMIT)
    call = await own_call(request)
    revision = revision_wanted(request, call)
    needs = request.app[NEEDS]
    async with asyncio.timeout(needs.settings.answer_s):
        limited = await needs.conductor.limit(call.id, body.time_limit_s, by=request[GRANT].actor, if_revision=revision)
    return with_call(limited)


_PROBLEMS = ("unknown-call", "not-steerable", "invalid-header", "revision-passed", "validation-failed")

OPERATIONS = (
    Operation(
        id="redirectCall",
        method="POST",
        path="/v1/calls/{call_id}/redirect",
        summary="Send the citizen to another service, queue or number",
        description="From the device's answer on: while they wait, are offered, or talk. Whoever they talk with is "
        "out at once. A queue that lets nobody in, or a number that is busy or not answered in 30 seconds, leads them "
        "back to the queue of their own service, before others who wait there; a number that no trunk carries leaves "
        "them where they are. Nobody is dropped by it. What comes of it is told by the events: `call.redirected`, and "
        "what follows.",
        handler=redirect,
        headers=(IF_MATCH,),
        body=Body(
            RedirectRequest,
            {
                "a service": {"service": "support"},
                "a queue": {"queue": "support"},
                "a number": {"number": "+74957777777"},
            },
        ),
        answers=(Answer(202, "The citizen is on the way", {"application/json": answers.OneCall}, (ETAG,)),),
        problems=(*_PROBLEMS, "desk-closed", "service-refused", "destination-refused"),
    ),
    Operation(
        id="limitCall",
        method="POST",
        path="/v1/calls/{call_id}/limit",
        summary="Set another time limit",
        description="Seconds from the device's answer, for a call in any state. Asterisk keeps it, so that it holds "
        "even if this service is gone; one that has passed ends the call. `call.limit_warning` comes a minute before.",
        handler=limit,
        headers=(IF_MATCH,),
        body=Body(LimitRequest, {"an hour": {"time_limit_s": 3600}}),
        answers=(Answer(200, "The call with its new limit", {"application/json": answers.OneCall}, (ETAG,)),),
        problems=_PROBLEMS,
    ),
)
