"""Server-sent events of one call (WHATWG EventSource): the ledger's rows from where the reader left off, then live.

A reader holds nothing but the sequence it was last sent. It is woken, takes what was just committed or reads the
ledger; so a slow reader costs no memory, and nobody can miss an event or see one twice. A reader that has seen the
last event gets 204, which is how EventSource is told to stop reconnecting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp_sse import EventSourceResponse
from pydantic_core import to_json

from ..ledger.errors import LedgerUnavailable
from ..ledger.values import StoredEvent
from . import complaints
from .needs import NEEDS, Needs
from .requests import METRICS, REQUEST_ID, REQUEST_ID_HEADER

log = structlog.get_logger(__name__)

MEDIA_TYPE = "text/event-stream"
#: Rows read at once. A call has some dozen events, so one reading is the rule.
PAGE = 100
#: How long an EventSource waits before it connects again (milliseconds). Short: nothing is lost meanwhile.
RETRY_MS = 1000
#: The type of a call's last event.
LAST_TYPE = "call.ended"


class Readers:
    """Those who read now, so that they can be told when the service stops."""

    def __init__(self) -> None:
        self._waits: set[asyncio.Timeout] = set()
        self.stopping = False

    async def close(self, app: web.Application) -> None:
        """Wake everybody; each says goodbye and leaves."""
        self.stopping = True
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            if not wait.expired():  # else it is about to wake by itself, and may not be touched any more
                wait.reschedule(now)

    async def wait(self, changed: Awaitable[int], until: float) -> bool:
        """Until there is news (True), or the loop's time `until`, or the end of the service (False)."""
        try:
            async with asyncio.timeout_at(0 if self.stopping else until) as wait:
                self._waits.add(wait)
                try:
                    await changed
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            return False
        return True


READERS: web.AppKey[Readers] = web.AppKey("readers", Readers)


def envelope(event: StoredEvent, node: str) -> dict[str, Any]:
    """The event as the stream, the history and webhooks show it (CloudEvents 1.0 names)."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": f"/pbx-bridge/{node}",
        "subject": event.call_id,
        "time": event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "sequence": event.sequence,
        "data": event.data,
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


async def serve(request: web.Request, call_id: str, after: int, expires_at: int) -> web.StreamResponse:
    """Send events until the call has ended, the reader is gone, the token has expired (`expires_at`, seconds since
    the epoch) or the service stops. Once it has begun, a failure only ends it: the reader resumes."""
    needs = request.app[NEEDS]
    until = asyncio.get_running_loop().time() + expires_at - needs.clock().timestamp()
    stream = EventSourceResponse(
        sep="\n",
        ping_interval=needs.settings.heartbeat_s,
        send_timeout=needs.settings.send_s,
        headers={hdrs.CACHE_CONTROL: "no-store", REQUEST_ID_HEADER: request[REQUEST_ID]},
    )
    with request.app[METRICS].readers.track_inprogress():
        try:
            await stream.prepare(request)
            async with stream:
                await stream.write(f"retry: {RETRY_MS}\n\n".encode())
                why = await _Reader(needs, request.app[READERS], stream, until).read(call_id, after)
                await stream.write(f": {why}\n\n".encode())
        except (ConnectionError, TimeoutError):
            pass  # the reader is gone, or takes nothing
        except LedgerUnavailable as error:
            log.warning("a stream ends early", call=call_id, why=str(error))
    return stream


class _Reader:
    """One stream."""

    __slots__ = ("_needs", "_readers", "_stream", "_until")

    def __init__(self, needs: Needs, readers: Readers, stream: EventSourceResponse, until: float) -> None:
        self._needs = needs
        self._readers = readers
        self._stream = stream
        self._until = until

    async def read(self, call_id: str, after: int) -> str:
        """Returns in words why it ended."""
        # Watching begins before the first reading, so that nothing falls between reading and waiting.
        with self._needs.conductor.hub.watch(call_id) as watch:
            news = True
            while (why := self._over()) is None:
                if news:
                    events = watch.take(after) or await self._needs.ledger.events(call_id, after, PAGE)
                    for event in events:
                        await self._send(event)
                        after = event.sequence
                        if event.type == LAST_TYPE:
                            return "the call has ended"
                    if len(events) == PAGE:
                        continue
                news = await self._readers.wait(watch.changed(after), self._next_look())
        return why

    def _over(self) -> str | None:
        if self._readers.stopping:
            return "the service stops; connect again"
        if asyncio.get_running_loop().time() >= self._until:
            return "the token has expired; connect again with a new one"
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
