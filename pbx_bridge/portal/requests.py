"""What every request gets: an id, a line in the log and a place in the metrics. Never its query, body or token."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from .operations import OPERATION_OF, Handler, call_id_of

REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
REQUEST_ID_HEADER = "X-Request-ID"
#: A caller's own id is taken when it cannot be mistaken for anything else in a log.
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
#: Seconds. The goal for an accepted call is 25 ms, so the buckets are fine around it.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10)

log = structlog.get_logger(__name__)


class Metrics:
    """The figures of this room. Labels are route templates and never paths, so their number is bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.seconds = Histogram(
            "pbx_http_request_seconds",
            "Time to answer a request; streams are not counted here",
            ("method", "route"),
            registry=registry,
            buckets=_BUCKETS,
        )
        self.answers = Counter(
            "pbx_http_answers_total", "Answers by status", ("method", "route", "status"), registry=registry
        )
        self.readers = Gauge("pbx_sse_readers", "Event streams that are open", registry=registry)


METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)


@web.middleware
async def accounted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost: sees every answer as it leaves."""
    given = request.headers.get(REQUEST_ID_HEADER, "")
    request_id = given if _ACCEPTABLE.match(given) else secrets.token_hex(8)
    request[REQUEST_ID] = request_id
    began = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request=request_id):
        response = await handler(request)
        if not response.prepared:
            response.headers[REQUEST_ID_HEADER] = request_id
        _account(request, response, time.perf_counter() - began)
    return response


def _account(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    operation = request.app[OPERATION_OF].get(request.match_info.route)
    # Methods are the caller's words: those of no operation share one label.
    method, route = (request.method, operation.path) if operation else ("-", "-")
    metrics = request.app[METRICS]
    metrics.answers.labels(method, route, str(response.status)).inc()
    if not response.prepared:
        metrics.seconds.labels(method, route).observe(seconds)
    if operation is None or operation.right is None or operation.right.scope or response.status >= 400:
        which = {"call": call} if (call := call_id_of(request)) else {}
        log.info("http", method=method, route=route, status=response.status, ms=round(seconds * 1000, 1), **which)
