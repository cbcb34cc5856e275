"""The service about itself: its contract, a page that shows it, and what each kind of problem means."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web

from .. import answers, page
from ..bodies import as_json
from ..operations import Answer, Operation
from ..problems import Problem, explain

OPENAPI: web.AppKey[bytes] = web.AppKey("openapi", bytes)
_FRESH: Mapping[str, str] = {hdrs.CACHE_CONTROL: "max-age=60"}


async def openapi(request: web.Request) -> web.Response:
    """The OpenAPI document."""
    return web.Response(body=request.app[OPENAPI], content_type="application/json", headers=_FRESH)


async def docs(request: web.Request) -> web.Response:
    """The page that renders it."""
    headers = {**_FRESH, "Content-Security-Policy": page.POLICY}
    return web.Response(text=page.HTML, content_type="text/html", charset="utf-8", headers=headers)


async def problem(request: web.Request) -> web.Response:
    """What a problem type means."""
    row = explain(request.match_info["slug"])
    if row is None:
        raise Problem("not-found")
    return as_json(row, headers=_FRESH)


OPERATIONS = (
    Operation(
        id="getOpenApi",
        method="GET",
        path="/openapi.json",
        summary="This document",
        handler=openapi,
        answers=(Answer(200, "OpenAPI 3.1", {"application/json": {"type": "object"}}),),
    ),
    Operation(
        id="getDocs",
        method="GET",
        path="/docs",
        summary="This document, for people",
        handler=docs,
        answers=(Answer(200, "A page without anything from elsewhere", {"text/html": {"type": "string"}}),),
    ),
    Operation(
        id="explainProblem",
        method="GET",
        path="/problems/{slug}",
        summary="What a problem type means, and what to do",
        handler=problem,
        answers=(Answer(200, "The explanation", {"application/json": answers.ProblemRow}),),
        problems=("not-found",),
    ),
)
