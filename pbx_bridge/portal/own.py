"""A client's own calls: those of others do not exist for it."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web

from ..call.model import Call
from ..call.snapshot import snapshot
from .bodies import as_json
from .guard import GRANT
from .needs import NEEDS
from .operations import Header, call_id_of
from .problems import Problem

ETAG = Header("ETag", "the call's revision, in quotes", required=True)


async def own_call(request: web.Request) -> Call:
    """The call in the path. Raises Problem unknown-call, also for a call that another client made."""
    call_id = call_id_of(request)
    call = await request.app[NEEDS].conductor.call(call_id) if call_id else None
    if call is None or call.request.client != request[GRANT].client:
        raise Problem("unknown-call")
    return call


def etag(call: Call) -> str:
    """The entity tag of a call: its revision, in quotes."""
    return f'"{call.revision}"'


def with_call(call: Call, **members: Any) -> web.Response:
    """200 with the call as it stands."""
    return as_json({"call": snapshot(call), **members}, headers={hdrs.ETAG: etag(call)})
