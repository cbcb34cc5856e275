"""What Asterisk has said and nobody has read yet.

Asterisk cuts off a reader that is slow for some milliseconds, and drops what it could not say. So the task at
the socket must only enqueue, whatever the database or the consumer is doing: this queue has no upper bound but
memory, and says so in the log when it grows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

import structlog

log = structlog.get_logger(__name__)

Event = TypeVar("Event")

# A desk of 200 agents says some 500 things a second: a thousand unread means that we are two seconds late.
WARN_AT = 1000


@dataclass
class Tally:
    """Counts since the start, for metrics: `waiting` is now, `most_waiting` the worst so far."""

    heard: int = 0
    malformed: int = 0
    waiting: int = 0
    most_waiting: int = 0


class Inbox(AsyncIterator[Event]):
    """Events in the order in which they came. One producer, which never waits; one consumer, which iterates.

    After end() the consumer still gets everything put before, then the error or a normal stop.
    """

    def __init__(self, source: str, tally: Tally) -> None:
        self._source = source
        self._tally = tally
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None
        self._warn_at = WARN_AT
        tally.waiting = 0

    def put(self, event: Event) -> None:
        """Never blocks, never raises; after the end it is forgotten."""
        if self._ended:
            return
        self._events.append(event)
        self._news.set()
        tally = self._tally
        tally.heard += 1
        tally.waiting = waiting = len(self._events)
        if waiting > tally.most_waiting:
            tally.most_waiting = waiting
        if waiting >= self._warn_at:
            self._warn_at *= 2
            log.warning("events wait: we read slower than Asterisk speaks", source=self._source, waiting=waiting)

    def end(self, error: Exception | None = None) -> None:
        """No more will come, because of `error` or in good order. The first end counts."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._news.set()

    @property
    def ended(self) -> bool:
        """Whether no more will come; what came may still wait to be read."""
        return self._ended

    async def __anext__(self) -> Event:
        while not self._events:
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        event = self._events.popleft()
        self._tally.waiting = len(self._events)
        return event
