"""Queues as they are seen now, and whether what citizens were told could be believed."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .. import desk_answers as answers
from ..bodies import as_json, read_query
from ..needs import NEEDS, QueueView
from ..operations import Answer, Operation
from ..problems import Problem
from ..queries import NoQuery
from ..queue_pictures import SPANS, first_hour, queue_picture


async def find(request: web.Request) -> web.Response:
    """All of them."""
    read_query(request, NoQuery)
    needs = request.app[NEEDS]
    sizes = await needs.ledger.backlog_sizes(needs.clock())
    views = needs.conductor.queues()
    return as_json(
        {"queues": [await _picture(request, views[name], sizes.get(name, (0, 0))) for name in sorted(views)]}
    )


async def show(request: web.Request) -> web.Response:
    """One of them."""
    read_query(request, NoQuery)
    needs = request.app[NEEDS]
    view = needs.conductor.queues().get(request.match_info["queue"])
    if view is None:
        raise Problem("unknown-queue")
    sizes = await needs.ledger.backlog_sizes(needs.clock())
    return as_json({"queue": await _picture(request, view, sizes.get(view.queue, (0, 0)))})


async def _picture(request: web.Request, view: QueueView, backlog: tuple[int, int]) -> dict[str, Any]:
    needs = request.app[NEEDS]
    at = needs.clock()
    held = await needs.ledger.held(view.queue, first_hour(at - SPANS["week"]), at)
    return queue_picture(view, needs.directory().of_queue(view.queue), backlog, held, at)


OPERATIONS = (
    Operation(
        id="listQueues",
        method="GET",
        path="/v1/queues",
        summary="All queues as they are now",
        handler=find,
        answers=(Answer(200, "The queues, by name", {"application/json": answers.Queues}),),
        problems=("validation-failed",),
    ),
    Operation(
        id="getQueue",
        method="GET",
        path="/v1/queues/{queue}",
        summary="One queue as it is now",
        description="Who is there, who waits, what a newcomer would be told, which callbacks wait, and how the waits "
        "that were told held.",
        handler=show,
        answers=(Answer(200, "The queue", {"application/json": answers.OneQueue}),),
        problems=("unknown-queue", "validation-failed"),
    ),
)
