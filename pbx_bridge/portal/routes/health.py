"""For the machines that watch over this one. Open, so they tell nothing about anybody."""

from __future__ import annotations

from aiohttp import hdrs, web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from .. import answers
from ..bodies import as_json
from ..needs import NEEDS
from ..operations import Answer, Operation
from ..problems import Problem
from ..requests import METRICS

#: Seconds until a part that is away may be back.
RETRY_S = 5


async def alive(request: web.Request) -> web.Response:
    """The loop turns. A restart would not help when this answers."""
    return as_json({"alive": True})


async def ready(request: web.Request) -> web.Response:
    """Whether calls would work now: 503 while deaf, so that a balancer sends them elsewhere."""
    health = request.app[NEEDS].conductor.health()
    parts = {part: sentence or "ok" for part, sentence in health.items()}
    if any(health.values()):
        raise Problem("not-ready", parts=parts, retry_after_s=RETRY_S)
    return as_json({"ready": True, "parts": parts})


async def metrics(request: web.Request) -> web.Response:
    """The figures, in Prometheus' text format."""
    body = generate_latest(request.app[METRICS].registry)
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_PLAIN_0_0_4})


_TEXT = {"text/plain": {"type": "string"}}
OPERATIONS = (
    Operation(
        id="isAlive",
        method="GET",
        path="/healthz",
        summary="Is the process alive?",
        handler=alive,
        answers=(Answer(200, "It is", {"application/json": answers.Alive}),),
    ),
    Operation(
        id="isReady",
        method="GET",
        path="/readyz",
        summary="Would a call work now?",
        handler=ready,
        answers=(Answer(200, "It would", {"application/json": answers.Ready}),),
        problems=("not-ready",),
    ),
    Operation(
        id="getMetrics",
        method="GET",
        path="/metrics",
        summary="Figures for Prometheus",
        handler=metrics,
        answers=(Answer(200, "The figures", _TEXT),),
    ),
)
