"""Who looked at whom. The line is in the audit before the data leaves: what cannot be noted is not shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from ..call.model import Call
from ..ledger.values import AuditLine, Verdict
from .grant import GRANT
from .needs import NEEDS


async def note(
    request: web.Request,
    action: str,
    citizen: tuple[str, str] | None = None,
    verdict: Verdict = "taken",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """One line about what the asker does; `citizen` is (client, user). Nothing private belongs into `detail`.

    Raises LedgerUnavailable.
    """
    needs = request.app[NEEDS]
    line = AuditLine(needs.clock(), request[GRANT].actor, action, verdict, dict(detail or {}), citizen=citizen)
    await needs.ledger.note([line])


async def note_read(request: web.Request, action: str, calls: Iterable[Call]) -> None:
    """A line for each call that is about to be shown to somebody whose it is not. Owners leave none: they see what
    they told us. Raises LedgerUnavailable."""
    grant, needs = request[GRANT], request.app[NEEDS]
    if grant.owns:
        return
    at = needs.clock()
    lines = [
        AuditLine(at, grant.actor, action, "taken", call_id=call.id, citizen=(call.request.client, call.request.user))
        for call in calls
    ]
    if lines:
        await needs.ledger.note(lines)
