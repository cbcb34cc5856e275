"""The one place where an exception becomes a problem document."""

from __future__ import annotations

import structlog
from aiohttp import hdrs, web

from ..conductor import errors as conductor
from ..conductor.ports import OutOfReach
from ..ledger.errors import LedgerUnavailable
from .operations import Handler
from .problems import Problem
from .requests import REQUEST_ID

log = structlog.get_logger(__name__)

#: Seconds after which a database that does not answer may be asked again.
DATABASE_RETRY_S = 2
#: The same for Asterisk: so long its connections take to come back, as a rule.
ASTERISK_RETRY_S = 2
#: Refusals of which the words say all.
_PLAIN: dict[type[conductor.Refused], str] = {
    conductor.UnknownCall: "unknown-call",
    conductor.KeyReused: "idempotency-key-reused",
    conductor.NothingToConfirm: "nothing-to-confirm",
    conductor.CodeNeeded: "code-needed",
    conductor.NoCodes: "no-code",
    conductor.AgentRefused: "agent-refused",
}


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every exception. One that nobody foresaw is logged with its traceback and told without it."""
    try:
        return await handler(request)
    except Exception as error:
        problem = translate(error)
        if problem.row.status >= 500:
            _log(problem, error, request)
        return problem.response(request.get(REQUEST_ID))


def translate(error: Exception) -> Problem:
    """The problem that stands for an exception."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, web.HTTPException):
        return _of_http(error)
    if isinstance(error, conductor.Refused):
        return _of_conductor(error)
    if isinstance(error, LedgerUnavailable | TimeoutError):
        return Problem("database-unavailable", retry_after_s=DATABASE_RETRY_S)
    if isinstance(error, OutOfReach):
        return Problem("asterisk-unavailable", retry_after_s=ASTERISK_RETRY_S)
    return Problem("internal-error")


def _of_http(error: web.HTTPException) -> Problem:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem("method-not-allowed", headers={hdrs.ALLOW: allowed})
    slugs = {403: "not-allowed-origin", 404: "not-found", 417: "expectation-failed"}
    return Problem(slugs.get(error.status, "malformed-request"))


def _of_conductor(error: conductor.Refused) -> Problem:
    words = str(error)
    match error:
        case conductor.KeyInFlight():
            return Problem("request-in-flight", retry_after_s=error.retry_after_s)
        case conductor.CitizenBusy():
            return Problem("citizen-busy", words, call_id=error.call_id, headers=_location(error.call_id))
        case conductor.AlreadyScheduled():
            return Problem("already-scheduled", words, call_id=error.call_id, headers=_location(error.call_id))
        case conductor.RevisionPassed():
            etag = f'"{error.revision}"'
            return Problem("revision-passed", words, revision=error.revision, headers={hdrs.ETAG: etag})
        case conductor.NotMovable():
            return Problem("not-movable", words, call_id=error.call.id, state=error.call.state.value)
        case conductor.NotSteerable():
            return _not_steerable(error, words)
        case conductor.NoAgent():  # its words may repeat what was sent
            return Problem("unknown-agent")
        case conductor.MustWait():
            return Problem(error.why.value, retry_after_s=error.retry_after_s)
        case conductor.MemoryUnavailable():
            return Problem("database-unavailable", retry_after_s=error.retry_after_s)
        case _:
            return Problem(_PLAIN.get(type(error), "refused"), words)


def _not_steerable(error: conductor.NotSteerable, words: str) -> Problem:
    if not isinstance(error, conductor.DeskClosed):
        return Problem("not-steerable", words, call_id=error.call.id, state=error.call.state.value)
    at = error.next_open_at
    opens = at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
    return Problem("desk-closed", words, call_id=error.call.id, next_open_at=opens, words_ru=error.ru)


def _location(call_id: str) -> dict[str, str]:
    return {hdrs.LOCATION: f"/v1/calls/{call_id}"}


def _log(problem: Problem, error: Exception, request: web.Request) -> None:
    route = request.match_info.route.resource
    path = route.canonical if route else "-"
    if problem.slug == "internal-error":
        log.error("a request failed for a reason nobody foresaw", route=path, exc_info=error)
    else:
        log.warning("a request could not be served", route=path, problem=problem.slug, why=str(error))
