"""Whose calls an asker sees: a portal its own, a citizen theirs, staff all. Others do not exist for them."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web

from ..call.model import Call
from ..call.snapshot import snapshot
from .bodies import as_json
from .grant import GRANT, Grant
from .needs import NEEDS
from .operations import Header, call_id_of
from .problems import Problem

ETAG = Header("ETag", "the call's revision, in quotes", required=True)


async def own_call(request: web.Request) -> Call:
    """The call in the path. Raises Problem unknown-call, also for a call that is not the asker's to see."""
    call_id = call_id_of(request)
    call = await request.app[NEEDS].conductor.call(call_id) if call_id else None
    if call is None or not may_see(request[GRANT], call):
        raise Problem("unknown-call")
    return call


def may_see(grant: Grant, call: Call) -> bool:
    """Whether the call exists for the asker."""
    if not grant.owns:
        return True
    return call.request.client == grant.client and grant.citizen in (None, call.request.user)


def etag(call: Call) -> str:
    """The entity tag of a call: its revision, in quotes."""
    return f'"{call.revision}"'


def with_call(call: Call, *, status: int = 200, **members: Any) -> web.Response:
    """The call as it stands."""
    return as_json({"call": snapshot(call), **members}, status=status, headers={hdrs.ETAG: etag(call)})
