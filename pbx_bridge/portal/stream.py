"""Server-sent events of one call (WHATWG EventSource): the ledger's rows from where the reader left off, then live.

A reader holds nothing but the sequence it was last sent. It is woken, takes what was just committed or reads the
ledger; so a slow reader costs no memory, and nobody can miss an event or see one twice. A reader that has seen the
last event gets 204, which is how EventSource is told to stop reconnecting.

A stream lives no longer than its token: what ends it earlier is told as a last event of its own, without an id, so
that the reader resumes where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from aiohttp import hdrs, web
from aiohttp_sse import EventSourceResponse
from pydantic_core import to_json

from ..ledger.envelope import envelope as envelope
from ..ledger.errors import LedgerUnavailable
from ..ledger.values import StoredEvent
from . import complaints
from .grant import Grant
from .needs import NEEDS, Needs
from .readers import READERS, Reason, Seat
from .requests import METRICS, REQUEST_ID, REQUEST_ID_HEADER
from .revocations import REVOCATIONS

log = structlog.get_logger(__name__)

MEDIA_TYPE = "text/event-stream"
#: Rows read at once. A call has some dozen events, so one reading is the rule.
PAGE = 100
#: How long an EventSource waits before it connects again (milliseconds). Short: nothing is lost meanwhile.
RETRY_MS = 1000
#: The type of a call's last event.
LAST_TYPE = "call.ended"
#: The type of the event that says why a stream ends before its call: `data: {"reason": one of readers.Reason}`.
ENDED_TYPE = "stream.ended"
#: The same for people.
_WORDS = {
    Reason.TOKEN_REVOKED: "the token was revoked",
    Reason.TOKEN_EXPIRED: "the token has expired; connect again with a new one",
    Reason.CLIENT_DISABLED: "the token's client was disabled",
    Reason.SERVICE_STOPS: "the service stops; connect again",
}


def wanted(request: web.Request) -> bool:
    """Whether the reader asks for a stream: names it, and not JSON as well with more weight."""
    weights = {}
    for choice in request.headers.get(hdrs.ACCEPT, "").lower().split(","):
        media, _, parameters = choice.partition(";")
        weights[media.strip()] = _weight(parameters)
    return weights.get(MEDIA_TYPE, 0) > weights.get("application/json", 0)


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1


def resume_from(headers: Mapping[str, str], after: int) -> int:
    """Where to go on: EventSource's own header says more than the URL it was given first. Raises Problem."""
    seen = headers.get("Last-Event-ID", "")
    if not seen:
        return after
    if not (seen.isascii() and seen.isdigit() and len(seen) <= 9):
        raise complaints.problem([complaints.item("header", "/Last-Event-ID", "must be a sequence number")])
    return int(seen)


async def serve(request: web.Request, call_id: str, after: int, grant: Grant) -> web.StreamResponse:
    """Send events until the call has ended, the reader is gone, the grant is over or the service stops. Once it has
    begun, a failure only ends it: the reader resumes."""
    needs = request.app[NEEDS]
    stream = EventSourceResponse(
        sep="\n",
        ping_interval=needs.settings.heartbeat_s,
        send_timeout=needs.settings.send_s,
        headers={hdrs.CACHE_CONTROL: "no-store", REQUEST_ID_HEADER: request[REQUEST_ID]},
    )
    with request.app[METRICS].readers.track_inprogress(), request.app[READERS].seat(grant) as seat:
        if request.app[REVOCATIONS].dead(grant):  # since the guard looked
            seat.end(Reason.TOKEN_REVOKED)
        try:
            await stream.prepare(request)
            async with stream:
                await stream.write(f"retry: {RETRY_MS}\n\n".encode())
                why = await _Reader(needs, seat, stream).read(call_id, after)
                if isinstance(why, Reason):
                    await stream.send(to_json({"reason": why}).decode(), event=ENDED_TYPE)
                    why = _WORDS[why]
                await stream.write(f": {why}\n\n".encode())
        except (ConnectionError, TimeoutError):
            pass  # the reader is gone, or takes nothing
        except LedgerUnavailable as error:
            log.warning("a stream ends early", call=call_id, why=str(error))
    return stream


class _Reader:
    """One stream."""

    __slots__ = ("_needs", "_seat", "_stream", "_until")

    def __init__(self, needs: Needs, seat: Seat, stream: EventSourceResponse) -> None:
        self._needs = needs
        self._seat = seat
        self._stream = stream
        self._until = asyncio.get_running_loop().time() + seat.grant.expires_at - needs.clock().timestamp()

    async def read(self, call_id: str, after: int) -> Reason | str:
        """Returns why it ended."""
        # Watching begins before the first reading, so that nothing falls between reading and waiting.
        with self._needs.conductor.hub.watch(call_id) as watch:
            news = True
            while (why := self._over()) is None:
                if news:
                    events = watch.take(after) or await self._needs.ledger.events(call_id, after, PAGE)
                    for event in events:
                        if self._seat.reason:  # a slow reader gets no page to its end
                            return self._seat.reason
                        await self._send(event)
                        after = event.sequence
                        if event.type == LAST_TYPE:
                            return "the call has ended"
                    if len(events) == PAGE:
                        continue
                news = await self._seat.wait(watch.changed(after), self._next_look())
        return why

    def _over(self) -> Reason | str | None:
        if self._seat.reason:
            return self._seat.reason
        if asyncio.get_running_loop().time() >= self._until:
            return Reason.TOKEN_EXPIRED
        if not self._stream.is_connected():
            return "the reader is gone"
        return None

    def _next_look(self) -> float:
        """When to see, without any news, whether the reader is still there."""
        look = asyncio.get_running_loop().time() + self._needs.settings.heartbeat_s
        return min(look, self._until)

    async def _send(self, event: StoredEvent) -> None:
        data = to_json(envelope(event, self._needs.settings.node)).decode()
        await self._stream.send(data, id=str(event.sequence), event=event.type)
