"""Server-sent events (WHATWG EventSource): the ledger's rows from where the reader left off, then live.

A reader holds nothing but its place. It is woken, takes what was just committed or reads the ledger (sources.py); so a
slow reader costs no memory, and nobody can miss an event or see one twice. Who falls too far behind at the live end of
a program's log is told so and comes again. A reader that has seen a call's last event gets 204, which is how
EventSource is told to stop reconnecting.

A stream lives no longer than its token: what ends it earlier is told as a last event of its own, without an id, so
that the reader resumes where it was.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import structlog
from aiohttp import hdrs, web
from aiohttp_sse import EventSourceResponse
from pydantic_core import to_json

from ..ledger.envelope import envelope as envelope
from ..ledger.errors import LedgerUnavailable
from . import complaints
from .frames import FRAMES
from .grant import Grant
from .needs import NEEDS
from .readers import READERS, Reason, Seat
from .requests import METRICS, REQUEST_ID, REQUEST_ID_HEADER
from .revocations import REVOCATIONS
from .sources import Source, TooSlow

#: What the id of an event looks like.
EVENT_ID = re.compile(r"evt_[0-9A-HJKMNP-TV-Z]{26}\Z")
log = structlog.get_logger(__name__)

MEDIA_TYPE = "text/event-stream"
#: How long an EventSource waits before it connects again (milliseconds). Short: nothing is lost meanwhile.
RETRY_MS = 1000
#: The type of the event that says why a stream ends before its call: `data: {"reason": one of readers.Reason}`.
ENDED_TYPE = "stream.ended"
#: The same for people.
_WORDS = {
    Reason.TOKEN_REVOKED: "the token was revoked",
    Reason.TOKEN_EXPIRED: "the token has expired; connect again with a new one",
    Reason.CLIENT_DISABLED: "the token's client was disabled",
    Reason.SERVICE_STOPS: "the service stops; connect again",
    Reason.TOO_SLOW: "this reader is too far behind; connect again, and it goes on where it was",
}


def wanted(request: web.Request, media_type: str = MEDIA_TYPE) -> bool:
    """Whether the reader asks for a stream (or another type): names it, and not JSON as well with more weight."""
    weights = {}
    for choice in request.headers.get(hdrs.ACCEPT, "").lower().split(","):
        media, _, parameters = choice.partition(";")
        weights[media.strip()] = _weight(parameters)
    return weights.get(media_type, 0) > weights.get("application/json", 0)


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1


def resume_behind(headers: Mapping[str, str], after: str) -> str:
    """The same for a program's log, whose ids are those of events. Raises Problem."""
    seen = headers.get("Last-Event-ID", "")
    if seen and not EVENT_ID.match(seen):
        raise complaints.problem([complaints.item("header", "/Last-Event-ID", "must be the id of an event")])
    return seen or after


def resume_from(headers: Mapping[str, str], after: int) -> int:
    """Where to go on: EventSource's own header says more than the URL it was given first. Raises Problem."""
    seen = headers.get("Last-Event-ID", "")
    if not seen:
        return after
    if not (seen.isascii() and seen.isdigit() and len(seen) <= 9):
        raise complaints.problem([complaints.item("header", "/Last-Event-ID", "must be a sequence number")])
    return int(seen)


async def serve(request: web.Request, source: Source, grant: Grant) -> web.StreamResponse:
    """Send what the source has until it ends, the reader is gone, the grant is over or the service stops. Once it has
    begun, a failure only ends it: the reader resumes. Raises Problem for one stream too many."""
    needs = request.app[NEEDS]
    stream = EventSourceResponse(
        sep="\n",
        ping_interval=needs.settings.heartbeat_s,
        send_timeout=needs.settings.send_s,
        headers={hdrs.CACHE_CONTROL: "no-store", REQUEST_ID_HEADER: request[REQUEST_ID]},
    )
    with request.app[READERS].seat(grant) as seat, request.app[METRICS].readers.track_inprogress():
        if request.app[REVOCATIONS].dead(grant):  # since the guard looked
            seat.end(Reason.TOKEN_REVOKED)
        try:
            await stream.prepare(request)
            async with stream:
                await stream.write(f"retry: {RETRY_MS}\n\n".encode())
                why = await _Reader(request, seat, stream).read(source)
                if isinstance(why, Reason):
                    await stream.send(to_json({"reason": why}).decode(), event=ENDED_TYPE)
                    why = _WORDS[why]
                await stream.write(f": {why}\n\n".encode())
        except (ConnectionError, TimeoutError):
            pass  # the reader is gone, or takes nothing
        except LedgerUnavailable as error:
            log.warning("a stream ends early", path=request.match_info.route.resource, why=str(error))
    return stream


class _Reader:
    """One stream."""

    __slots__ = ("_frames", "_needs", "_request", "_seat", "_stream", "_until")

    def __init__(self, request: web.Request, seat: Seat, stream: EventSourceResponse) -> None:
        self._request = request
        self._needs = needs = request.app[NEEDS]
        self._frames = request.app[FRAMES]
        self._seat = seat
        self._stream = stream
        self._until = asyncio.get_running_loop().time() + seat.grant.expires_at - needs.clock().timestamp()

    async def read(self, source: Source) -> Reason | str:
        """Returns why it ended."""
        with source.watched():
            news = True
            while (why := self._over()) is None:
                if news:
                    try:
                        batch = await source.more()
                    except TooSlow:
                        return Reason.TOO_SLOW
                    for event in batch.events:
                        if self._seat.reason:  # a slow reader gets no page to its end
                            return self._seat.reason
                        await self._send(self._frames.frame(event, source.id_of(event)))
                        if source.is_last(event):
                            return "the call has ended"
                    if batch.bookmark:
                        await self._send(f"id: {batch.bookmark}\n\n".encode())
                    if batch.again:
                        continue
                news = await self._seat.wait(source.changed(), self._next_look())
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

    async def _send(self, frame: bytes) -> None:
        """Raises ConnectionError, and TimeoutError for a reader who takes nothing: its connection is then cut."""
        try:
            async with asyncio.timeout(self._needs.settings.send_s):
                await self._stream.write(frame)
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()  # a graceful close would wait for the reader to take what is left
            raise
