"""Events as they happen, of one call or of all: over Server-Sent Events, resumed where the last stream broke, none lost
or twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp

from .errors import Problem, StreamEnded, Unreachable, Untrusted
from .wire import Request, Wire, pause, unreachable

Event = dict[str, Any]

#: The service says something every 15 seconds; a stream that is silent for longer than this is broken (seconds).
SILENCE_S = 45.0
#: No event has more bytes.
LONGEST_EVENT = 1 << 20
LAST_TYPE = "call.ended"
ENDED_TYPE = "stream.ended"
#: Why a stream ends before its call, and may be opened again.
_COME_BACK = frozenset({"token_expired", "service_stops", "too_slow"})


class Source(Protocol):
    """Who asks for the events."""

    wire: Wire

    async def bearer(self) -> str: ...
    def drop_token(self, token: str) -> None: ...
    async def events(self, call_id: str, after: int = 0) -> list[Event]: ...


@dataclass(slots=True)
class Parser:
    """Takes a text/event-stream apart (WHATWG HTML, 9.2.6). Gives (type, data) pairs. `last_id` is where to go on."""

    last_id: str = ""
    _id: str = ""
    _rest: bytes = b""
    _type: str = ""
    _data: list[str] = field(default_factory=list)

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        """The events that are whole now. Raises ValueError for one that is too long."""
        found = []
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_EVENT:
            raise ValueError("an event is too long")
        for line in lines:
            if event := self._line(line.rstrip(b"\r").decode("utf-8", "replace")):
                found.append(event)
        return found

    def _line(self, line: str) -> tuple[str, str] | None:
        if not line:
            event = (self._type or "message", "\n".join(self._data)) if self._data else None
            self._type, self._data, self.last_id = "", [], self._id
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        return None


class Follower:
    """One reader of one call. `after` is the sequence that it has seen."""

    def __init__(self, source: Source, call_id: str, after: int, patience_s: float) -> None:
        self._source = source
        self._call_id = call_id
        self._after: Any = after
        self._patience_s = patience_s
        self._tries = 0
        self._token = ""
        self._parser = Parser()

    async def events(self) -> AsyncGenerator[Event]:
        """Every event after the first `after`, in order, to the last one. Raises as Asker.follow says."""
        loop = asyncio.get_running_loop()
        heard_at = loop.time()
        while True:
            try:
                async with self._connected() as content:
                    if content is None:
                        return
                    while chunk := await content.readany():
                        heard_at, self._tries = loop.time(), 0
                        for event in await self._taken(chunk):
                            self._after = self._place_of(event)
                            yield event
                            if self._is_last(event):
                                return
                        self._passed_over()
                wait = pause(self._tries)
            except (Unreachable, Problem) as error:
                wait = self._wait(error)
                if loop.time() + wait > heard_at + self._patience_s:
                    raise
            self._tries += 1
            await asyncio.sleep(wait)

    def _wait(self, error: Unreachable | Problem) -> float:
        """Seconds until the next attempt; infinite when there must be none."""
        if isinstance(error, Unreachable):
            return pause(self._tries)
        if error.status in (429, 502, 503, 504):
            return (error.retry_after_s or 0.0) + pause(self._tries)
        # A token can end between its last check and its use; a fresh one that is refused is refused for good.
        return 0.0 if error.slug == "invalid-token" and self._tries == 0 else float("inf")

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiohttp.StreamReader | None]:
        """An open stream; None when the last event was seen already."""
        wire, token = self._source.wire, await self._source.bearer()
        self._token = token
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        request = Request("GET", self._path(headers), headers=headers)
        url, sent_headers, sent = wire.prepare(request)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=wire.timeout_s, sock_read=SILENCE_S)
        self._parser = Parser()
        try:
            async with wire.session.get(url, headers=sent_headers, timeout=timeout, allow_redirects=False) as response:
                if response.status == 200 and response.content_type == "text/event-stream":
                    yield response.content
                    return
                await wire.accept(sent, response.status, response.headers, await response.read())
                if response.status != 204:
                    raise Untrusted("the service was asked for a stream, and this answer is none")
                yield None
        except Problem as error:
            if error.slug == "invalid-token":
                self._source.drop_token(token)
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error

    async def _taken(self, chunk: bytes) -> list[Event]:
        """The events in what came, each once and in order. Raises StreamEnded, Unreachable for what is no event."""
        taken: list[Event] = []
        try:
            for kind, data in self._parser.feed(chunk):
                event = json.loads(data)
                if kind == ENDED_TYPE:
                    self._ended(str(event["reason"]))
                else:
                    seen = self._place_of(taken[-1]) if taken else self._after
                    taken += await self._in_order(event, seen)
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable("the stream holds what is no event", sent=True) from error
        return taken

    def _ended(self, reason: str) -> None:
        if reason not in _COME_BACK:
            raise StreamEnded(reason)
        if reason == "token_expired":
            self._source.drop_token(self._token)

    # What differs between a call and the log of all calls.
    def _path(self, headers: dict[str, str]) -> str:
        if self._after:
            headers["Last-Event-ID"] = str(self._after)
        return f"/v1/calls/{self._call_id}/events"

    def _place_of(self, event: Event) -> Any:
        return event["sequence"]

    def _is_last(self, event: Event) -> bool:
        return bool(event["type"] == LAST_TYPE)

    def _passed_over(self) -> None:
        """The service may have moved the place without an event; not within a call."""

    async def _in_order(self, event: Event, seen: int) -> list[Event]:
        """The event, after those that are missing before it; none when it was seen."""
        found: list[Event] = []
        while event["sequence"] > seen + 1:
            page = await self._source.events(self._call_id, seen)
            if not page:
                break  # the log has it a moment later: a reader keeps the highest
            found += page
            seen = page[-1]["sequence"]
        return [*found, event] if event["sequence"] > seen else found


class LogFollower(Follower):
    """One reader of all calls of a program. `after` is the id of the event that it has seen, `now` or empty."""

    def __init__(self, source: Source, after: str, types: Collection[str], patience_s: float) -> None:
        super().__init__(source, "", 0, patience_s)
        self._first = after
        self._after = ""
        self._types = ",".join(types)

    def _path(self, headers: dict[str, str]) -> str:
        query = {"type": self._types} if self._types else {}
        if self._after:
            headers["Last-Event-ID"] = self._after
        elif self._first:
            query["after"] = self._first
        return f"/v1/events?{urlencode(query)}" if query else "/v1/events"

    def _place_of(self, event: Event) -> Any:
        return event["id"]

    def _is_last(self, event: Event) -> bool:
        return False

    def _passed_over(self) -> None:
        self._after = max(self._after, self._parser.last_id)

    async def _in_order(self, event: Event, seen: Any) -> list[Event]:
        return [event] if event["id"] > seen else []
