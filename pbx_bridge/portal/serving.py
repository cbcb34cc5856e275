"""Run the application on aiohttp, with bounds for slow and hostile peers, and problem documents even for bytes
that are no HTTP request (aiohttp answers those itself, before any application is asked)."""

from __future__ import annotations

import gc
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from .errors import translate
from .needs import NEEDS
from .problems import Problem

log = structlog.get_logger(__name__)

#: Seconds that the rest of a refused body is read away, so that the peer sees the answer instead of a reset.
LINGER_S = 1.0
#: Seconds that open requests get when the service stops.
STOP_S = 10.0
#: What an answer over TLS adds: for a year, browsers come by https: only. RFC 6797 forbids it over plain HTTP.
HSTS = "max-age=31536000"


#: Collector thresholds: a whole collection looks at every object, and 5,000 streams are half a million of them. With
#: CPython's own thresholds one stops the process for 0.3 s and more while streams come; with these it is rare.
GC_THRESHOLDS = (1000, 20, 500)


def spare_collections() -> None:
    """Call once, when everything is built and before requests come: what is there now stays, so the collector need
    not look at it again, and the rest it looks at whole less often. Memory did not grow by it (benchmarks/portal.py).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class _Protocol(RequestHandler):
    """One connection."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp could not read, or a failure outside every middleware. Nothing of the bytes is repeated."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; another one cannot be sent")
        if status < 500:
            log.info("not a request", why=type(exc).__name__)
            response = Problem("malformed-request").response()
        else:
            log.error("a request failed before it reached the application", exc_info=exc)
            response = Problem("internal-error").response()
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Like web.AppRunner. A connection that sends no whole header within `keepalive_s` is closed.

    For HTTPS give web.TCPSite the `context` of a certificates.Certificate.
    """

    def __init__(self, app: web.Application) -> None:
        app.on_response_prepare.append(_stay_secure)
        super().__init__(
            app,
            access_log=None,
            keepalive_timeout=app[NEEDS].settings.keepalive_s,
            lingering_time=LINGER_S,
            auto_decompress=False,
            shutdown_timeout=STOP_S,
        )

    async def _make_server(self) -> web.Server:
        # There is no public way to give AppRunner another protocol class; test_portal_serving would notice.
        made: Any = await super()._make_server()
        handler = _with_problems(made.request_handler)
        return _Server(handler, request_factory=made.request_factory, loop=made._loop, **made._kwargs)


async def _stay_secure(request: web.BaseRequest, response: web.StreamResponse) -> None:
    if request.secure:
        response.headers.setdefault(hdrs.STRICT_TRANSPORT_SECURITY, HSTS)


def _with_problems(handler: Any) -> Any:
    """What is refused before any middleware (an Expect header) is a problem document too."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            answer: web.StreamResponse = await handler(request)
        except (web.HTTPException, Problem) as error:
            return translate(error).response()
        return answer

    return handle
