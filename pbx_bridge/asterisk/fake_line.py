"""The line to a FakeExchange: what was heard before it ended can still be read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from ..call.recovery import Picture
from ..conductor.ports import Heard, OutOfReach, QueueSeen


class Seen(Protocol):
    """The exchange, as far as it can be looked at."""

    async def picture(self, since: datetime) -> Picture: ...
    def all_seen(self) -> list[QueueSeen]: ...


class FakeLine:
    """A `Line`: unbroken until `end`. What was heard before the end can still be read."""

    def __init__(self, exchange: Seen) -> None:
        self._exchange = exchange
        self._heard: deque[Heard | QueueSeen] = deque()
        self._news = asyncio.Event()
        self._error: Exception | None = None
        self.ended = False

    def put(self, heard: Heard | QueueSeen) -> None:
        """Asterisk says something."""
        self._heard.append(heard)
        self._news.set()

    def end(self, error: Exception | None) -> None:
        """It breaks by `error`, or Asterisk closes it in good order."""
        self.ended, self._error = True, error
        self._news.set()

    async def look(self, since: datetime) -> Picture:
        """Legs first and traces a moment later, as the real one."""
        if self.ended:
            raise OutOfReach("the connection is gone")
        return await self._exchange.picture(since)

    async def queues(self) -> list[QueueSeen]:
        """See conductor.ports.Line."""
        if self.ended:
            raise OutOfReach("the connection is gone")
        return self._exchange.all_seen()

    async def __aiter__(self) -> AsyncIterator[Heard | QueueSeen]:
        while True:
            while self._heard:
                yield self._heard.popleft()
            if self.ended:
                break
            self._news.clear()
            await self._news.wait()
        if self._error:
            raise self._error
