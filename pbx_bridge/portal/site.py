"""Put the room together: every operation on its route, behind the same three doors."""

from __future__ import annotations

import json
from functools import lru_cache

import aiohttp_cors
from aiohttp import hdrs, web

from .. import __version__
from . import liveness
from .authenticators import ENROLMENTS, Enrolments
from .errors import problems
from .frames import FRAMES, Frames
from .guard import guard
from .limits import LIMITS, Limits
from .needs import NEEDS, Needs
from .openapi import build
from .operations import OPERATION_OF, OPERATIONS, Operation
from .problems import Problem
from .requests import METRICS, REQUEST_ID_HEADER, Metrics, accounted
from .routes import (
    abort,
    about,
    agents,
    all_events,
    audit,
    authenticator,
    calls,
    citizens,
    clients,
    confirm,
    control,
    events,
    health,
    history,
    initiate,
    keys,
    later,
    profile,
    queues,
    recordings,
    revoke,
    services,
    token,
    webhooks,
)
from .signed_answers import signed_answers
from .turns import TURNS, Turns

#: In the order in which the document shows them.
ALL: tuple[Operation, ...] = (
    *token.OPERATIONS,
    *revoke.OPERATIONS,
    *keys.OPERATIONS,
    *initiate.OPERATIONS,
    *confirm.OPERATIONS,
    *calls.OPERATIONS,
    *history.OPERATIONS,
    *abort.OPERATIONS,
    *later.OPERATIONS,
    *control.OPERATIONS,
    *recordings.OPERATIONS,
    *events.OPERATIONS,
    *all_events.OPERATIONS,
    *services.OPERATIONS,
    *citizens.OPERATIONS,
    *profile.OPERATIONS,
    *authenticator.OPERATIONS,
    *queues.OPERATIONS,
    *agents.OPERATIONS,
    *audit.OPERATIONS,
    *clients.OPERATIONS,
    *webhooks.OPERATIONS,
    *health.OPERATIONS,
    *about.OPERATIONS,
)
#: What a page of another origin may send and see. Tokens travel in a header, so no cookies are ever allowed.
_CORS_SENT = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID")
_CORS_SEEN = ("ETag", "Location", "Retry-After", "Idempotent-Replayed", "WWW-Authenticate", REQUEST_ID_HEADER)


def create_app(needs: Needs) -> web.Application:
    """The application. Run it with serving.Runner; it does not start while the ledger is away."""
    settings = needs.settings
    app = web.Application(middlewares=[accounted, signed_answers, problems, guard], client_max_size=settings.body_limit)
    app[NEEDS] = needs
    app[LIMITS] = Limits(settings.limits)
    app[METRICS] = Metrics(needs.registry)
    app[TURNS] = Turns()
    app[FRAMES] = Frames(settings.node)
    app[ENROLMENTS] = Enrolments()
    liveness.install(app, needs)
    app[OPERATIONS] = ALL
    app[OPERATION_OF] = {}
    # One resource for each path: a CORS preflight asks the first that matches about all its methods.
    resources = {path: app.router.add_resource(_pattern(path)) for path in dict.fromkeys(one.path for one in ALL)}
    for operation in ALL:
        _add(app, resources[operation.path], operation)
    app[about.OPENAPI] = _document()
    if settings.cors_origins:
        _allow_origins(app, settings.cors_origins)
    app.on_response_prepare.append(_harden)
    return app


@lru_cache(maxsize=1)
def _document() -> bytes:
    return json.dumps(build(ALL, __version__), ensure_ascii=False).encode()


def _pattern(path: str) -> str:
    # A portal's ids of its citizens may hold anything; by itself aiohttp takes no braces.
    return path.replace("{user_id}", "{user_id:[^/]+}")


def _add(app: web.Application, resource: web.Resource, operation: Operation) -> None:
    methods = [operation.method]
    if operation.method == hdrs.METH_GET:
        methods.append(hdrs.METH_HEAD)  # RFC 9110, 9.1: whatever has GET has HEAD
    for method in methods:
        route = resource.add_route(method, operation.handler, expect_handler=_invite)
        app[OPERATION_OF][route] = operation


async def _invite(request: web.Request) -> None:
    """`Expect: 100-continue`: ask for the body, unless it is too large anyway. Runs before any middleware."""
    limit = request.app[NEEDS].settings.body_limit
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise Problem("expectation-failed")
    if (request.content_length or 0) > limit:
        raise Problem("too-large", max_bytes=limit)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0


def _allow_origins(app: web.Application, origins: tuple[str, ...]) -> None:
    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
        allow_credentials=False, expose_headers=_CORS_SEEN, allow_headers=_CORS_SENT, max_age=600
    )
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in list(app.router.routes()):
        if route.method != hdrs.METH_HEAD:
            cors.add(route)


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    """Headers for every answer, errors too."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers[hdrs.SERVER] = "pbx-bridge"
