"""Who did what: read it, and check that nobody has changed it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ...ledger.values import Anchor, AuditFilter, StoredLine
from .. import citizen_answers as answers
from .. import complaints
from ..bodies import as_json, read_query
from ..needs import NEEDS
from ..noting import note
from ..operations import Answer, Operation
from ..queries import AuditQuery, VerificationQuery


async def find(request: web.Request) -> web.Response:
    """Lines of the audit, oldest first. That they were read is a line itself."""
    query = read_query(request, AuditQuery)
    citizen = _citizen(query)
    filter_ = AuditFilter(query.call, citizen, query.actor, query.from_, query.to)
    await note(request, "read-audit", citizen, detail={"call": query.call} if query.call else None)
    found = await request.app[NEEDS].ledger.audit_page(filter_, after=query.after, limit=query.limit + 1)
    shown = found[: query.limit]
    last = shown[-1].id if shown else query.after
    return as_json({"lines": [_line(each) for each in shown], "last": last, "more": len(found) > query.limit})


async def verify(request: web.Request) -> web.Response:
    """Walk along the chain. Takes a second for some ten thousand lines."""
    query = read_query(request, VerificationQuery)
    anchors = [_anchor(text) for text in query.anchor.split(",")] if query.anchor else []
    await note(request, "verify-audit")
    found = await request.app[NEEDS].ledger.verify_audit(anchors=anchors)
    return as_json(
        {
            "lines": found.lines,
            "unchained": found.unchained,
            "anchor": {"id": found.anchor.id, "chain": found.anchor.chain},
            "fault": found.fault,
        }
    )


def _citizen(query: AuditQuery) -> tuple[str, str] | None:
    if query.client is not None and query.user is not None:
        return query.client, query.user
    if query.client is query.user:
        return None
    lost = "/user" if query.user is None else "/client"
    raise complaints.problem(
        [complaints.item("query", lost, "is required: client and user only mean a citizen together")]
    )


def _anchor(text: str) -> Anchor:
    id_, _, chain = text.partition(":")
    return Anchor(int(id_), chain)


def _line(stored: StoredLine) -> dict[str, Any]:
    line = stored.line
    return {
        "id": stored.id,
        "at": line.at,
        "actor": line.actor,
        "action": line.action,
        "verdict": line.verdict,
        "detail": line.detail,
        "call_id": line.call_id,
        "mark": stored.mark,
        "chain": stored.chain,
    }


_LINE = {
    "id": 17,
    "at": "2026-01-12T06:00:00Z",
    "actor": "client:client_1",
    "action": "read-identity",
    "verdict": "taken",
    "detail": {},
    "call_id": None,
    "mark": "5a0c1f5d2a8f4be19c3d7e60b1a2c3d4",
    "chain": "9f2b",
}

OPERATIONS = (
    Operation(
        id="listAudit",
        method="GET",
        path="/v1/audit",
        summary="Who did what, oldest first",
        description="Reading it is a line in it.",
        handler=find,
        query=AuditQuery,
        answers=(
            Answer(
                200,
                "Lines of the audit",
                {"application/json": answers.Lines},
                example={"lines": [_LINE], "last": 17, "more": False},
            ),
        ),
    ),
    Operation(
        id="verifyAudit",
        method="GET",
        path="/v1/audit/verification",
        summary="Has anybody changed the audit?",
        description="Every line is bound to all before it. Keep the `anchor` of the answer in another place: given "
        "back later it shows whether lines were cut off at the end.",
        handler=verify,
        query=VerificationQuery,
        answers=(Answer(200, "What was found", {"application/json": answers.Verification}),),
    ),
)
