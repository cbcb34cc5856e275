"""Whose calls an asker sees: a portal its own, a citizen theirs, staff all. Others do not exist for them."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import hdrs, web

from ..call.model import Call
from ..call.snapshot import snapshot
from ..conductor.errors import RevisionPassed
from .bodies import as_json
from .grant import GRANT, Grant
from .needs import NEEDS
from .operations import Header, call_id_of
from .problems import Problem

ETAG = Header("ETag", "the call's revision, in quotes", required=True)
IF_MATCH = Header("If-Match", "the ETag on which the decision rests: 412 when the call has moved on")
_TAGS = re.compile(r'\s*(W/)?"[\x21\x23-\x7e]*"\s*(,\s*(W/)?"[\x21\x23-\x7e]*"\s*)*\Z')
_STRONG = re.compile(r'(?<!W/)"([\x21\x23-\x7e]*)"')
_REVISION = re.compile(r"[0-9]{1,9}\Z")


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


def tags_wanted(request: web.Request) -> list[str] | None:
    """The entity tags that If-Match asks for, without quotes; None when any will do. Raises Problem."""
    header = ", ".join(request.headers.getall(hdrs.IF_MATCH, []))
    if not header or header.strip() == "*":
        return None
    if not _TAGS.match(header):
        raise Problem("invalid-header", "If-Match must be `*` or a list of entity tags in quotes")
    # Strong comparison (RFC 9110, 13.1.1): a weak tag never matches.
    return _STRONG.findall(header)


def revision_wanted(request: web.Request, call: Call) -> int | None:
    """The revision that If-Match asks for; None when any will do. Raises RevisionPassed, Problem."""
    tags = tags_wanted(request)
    if tags is None:
        return None
    wanted = [int(tag) for tag in tags if _REVISION.match(tag)]
    if call.revision in wanted:
        return call.revision
    raise RevisionPassed(max(wanted, default=0), call.revision)
