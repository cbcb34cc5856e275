"""The live end of the log, for those who follow all calls of a program, or all there are.

What was just committed is held for a while, once for all readers of a program; whoever is behind that reads the ledger,
and many who ask for the same page share one reading. What other processes write is read here once, and told to all
readers of this one, those of single calls too. Ids grow in the order of commits (ledger/transaction.py), so a reader
is nothing but an id: all up to it was read, and nothing will ever appear before it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from ..ledger import LedgerUnavailable, StoredEvent
from .hub import Hub

#: Events that are held of each program that somebody follows: a live reader who is further behind is too slow.
HELD = 1000
#: Seconds after which it is looked whether another process has written.
POLL_S = 1.0
#: Rows read at once.
PAGE = 100
#: Above every id.
_UNKNOWN = "~"


class Log(Protocol):
    """The ledger, as far as it is needed here. Raises LedgerUnavailable."""

    async def events_after(self, event_id: str, client: str | None = None, limit: int = 1000) -> list[StoredEvent]: ...
    async def last_event(self, client: str | None = None) -> str: ...


class Stretch(NamedTuple):
    """Some events in order; with them, all up to the id `upto` were read."""

    events: Sequence[StoredEvent]
    upto: str


class _Line:
    """The newest events of one program (None: of all), and who follows. Every one above `floor` is held."""

    __slots__ = ("floor", "follows", "held")

    def __init__(self, floor: str, most: int) -> None:
        self.floor = floor
        self.held: deque[StoredEvent] = deque(maxlen=most)
        self.follows: set[Follow] = set()

    def add(self, event: StoredEvent) -> None:
        if len(self.held) == self.held.maxlen:
            self.floor = self.held[0].id
        self.held.append(event)

    def ring(self) -> None:
        for follow in self.follows:
            follow.bell.set()


class Follow:
    """One reader's place. Costs a few hundred bytes, whatever happens."""

    __slots__ = ("_client", "_feed", "_line", "bell")

    def __init__(self, feed: Feed, client: str | None, line: _Line) -> None:
        self._feed = feed
        self._client = client
        self._line = line
        self.bell = asyncio.Event()

    def take(self, after: str) -> Stretch | None:
        """What is held above `after`; None when only the ledger has it all."""
        self.bell.clear()
        if after < self._line.floor:
            return None
        fresh: list[StoredEvent] = []
        for event in reversed(self._line.held):
            if event.id <= after:
                break
            fresh.append(event)
        return Stretch(fresh[::-1], max(after, self._feed.newest))

    async def page(self, after: str) -> Stretch:
        """The next rows of the ledger above `after`. Raises LedgerUnavailable."""
        return await self._feed.page(self._client, after)

    async def changed(self) -> int:
        """Returns when there may be more."""
        await self.bell.wait()
        return 1


class Feed:
    """The live end. `run` it beside the taker, which calls `wrote`."""

    def __init__(self, log: Log, hub: Hub, held: int = HELD) -> None:
        self._log = log
        self._hub = hub
        self._held = held
        self._lines: dict[str | None, _Line] = {}
        self._pages: dict[tuple[str | None, str], asyncio.Task[Stretch]] = {}
        self._behind = asyncio.Event()
        self._newest: str | None = None

    @property
    def newest(self) -> str:
        """The id up to which everything was told."""
        return self._newest or ""

    @property
    def followers(self) -> int:
        """How many readers follow."""
        return sum(len(line.follows) for line in self._lines.values())

    @contextmanager
    def follow(self, client: str | None) -> Iterator[Follow]:
        """Enter before reading the ledger: then nothing falls between the reading and the waiting."""
        line = self._lines.get(client)
        if line is None:
            line = self._lines[client] = _Line(_UNKNOWN if self._newest is None else self._newest, self._held)
        follow = Follow(self, client, line)
        line.follows.add(follow)
        try:
            yield follow
        finally:
            line.follows.discard(follow)
            if not line.follows and self._lines.get(client) is line:
                del self._lines[client]

    def holds(self, client: str | None, event_id: str) -> bool:
        """Whether this event was told lately: then it need not be looked for."""
        line = self._lines.get(client)
        return line is not None and any(event.id == event_id for event in reversed(line.held))

    def wrote(self, before: str, events: Sequence[StoredEvent]) -> None:
        """This process has committed these; `before` is the id in front of them (ledger.values.Written)."""
        if not events:
            return
        if before != self._newest:  # others have written in between, or a commit was kept of which nobody knew
            self._behind.set()
        else:
            self._tell(events)

    async def page(self, client: str | None, after: str) -> Stretch:
        """The next rows of the ledger. Raises LedgerUnavailable."""
        asked = self._pages.get((client, after))
        if asked is None:
            asked = self._pages[client, after] = asyncio.create_task(self._read(client, after))
            asked.add_done_callback(lambda task: self._forget((client, after), task))
        return await asyncio.shield(asked)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._behind.clear()
            with contextlib.suppress(LedgerUnavailable):
                await self._catch_up()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._behind.wait()

    async def _catch_up(self) -> None:
        await self._begin()
        if not self._is_read():
            newest = await self._log.last_event()
            if not self._is_read():  # whoever comes from now on reads the ledger first, and finds these there
                self._newest = max(newest, self.newest)
                return
        while events := await self._log.events_after(self.newest, None, PAGE):
            fresh = [event for event in events if event.id > self.newest]
            self._tell(fresh)
            for event in fresh:
                self._hub.ring(event.call_id, event.sequence, [event])
            if len(events) < PAGE:
                return

    def _is_read(self) -> bool:
        return bool(self._lines) or len(self._hub) > 0

    async def _begin(self) -> str:
        """Where the log ends when it is looked at for the first time: who follows already reads up to there."""
        if self._newest is None:
            last = await self._log.last_event()
            if self._newest is None:
                self._newest = last
                for line in self._lines.values():
                    line.floor = last
        return self.newest

    def _tell(self, events: Sequence[StoredEvent]) -> None:
        if not events:
            return
        self._newest = events[-1].id
        rung = set()
        for event in events:
            for line in (self._lines.get(event.client), self._lines.get(None)):
                if line is not None:
                    line.add(event)
                    rung.add(line)
        for line in rung:
            line.ring()

    async def _read(self, client: str | None, after: str) -> Stretch:
        newest = await self._begin()
        events = await self._log.events_after(after, client, PAGE)
        if len(events) == PAGE:
            return Stretch(events, events[-1].id)
        return Stretch(events, max(after, newest, events[-1].id if events else ""))

    def _forget(self, key: tuple[str | None, str], task: asyncio.Task[Stretch]) -> None:
        del self._pages[key]
        if not task.cancelled():
            task.exception()  # seen, also when whoever asked is gone
