"""Who waits for news of a call, in this process. The ledger stays the one source: what was just committed is handed
on to spare its readers a reading, and whoever misses a part of it reads the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..ledger import StoredEvent

#: Events that one watch holds at most: a reader who is slower than this reads the ledger.
HELD = 8


class Watch:
    """One reader's bell. Costs a few hundred bytes while nothing is on its way, whatever happens on the call."""

    __slots__ = ("_bell", "_held", "revision")

    def __init__(self) -> None:
        self.revision = 0
        self._bell = asyncio.Event()
        self._held: tuple[StoredEvent, ...] = ()

    def ring(self, revision: int, events: Sequence[StoredEvent] = ()) -> None:
        """The call is committed at `revision`; `events` are its newest."""
        self.revision = max(self.revision, revision)
        if events:
            self._held = (*self._held, *events)[-HELD:]
        self._bell.set()

    def take(self, after: int) -> list[StoredEvent] | None:
        """Every event above `after` that was rung so far, each once; None when only the ledger has them all."""
        fresh = [event for event in self._held if event.sequence > after]
        self._held = ()
        whole = [event.sequence for event in fresh] == list(range(after + 1, self.revision + 1))
        return fresh if fresh and whole else None

    async def changed(self, after: int) -> int:
        """Returns the newest revision rung so far, once it is above `after`."""
        while self.revision <= after:
            self._bell.clear()
            await self._bell.wait()
        return self.revision


class Hub:
    """The bells of all calls."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = {}

    @contextmanager
    def watch(self, call_id: str) -> Iterator[Watch]:
        """Enter before reading the ledger: then nothing falls between the reading and the waiting."""
        watch = Watch()
        self._watches.setdefault(call_id, set()).add(watch)
        try:
            yield watch
        finally:
            others = self._watches[call_id]
            others.discard(watch)
            if not others:
                del self._watches[call_id]

    def ring(self, call_id: str, revision: int, events: Sequence[StoredEvent] = ()) -> None:
        """Tell everybody who watches this call."""
        for watch in self._watches.get(call_id, ()):
            watch.ring(revision, events)

    def __len__(self) -> int:
        """How many readers watch, for the metrics."""
        return sum(len(watches) for watches in self._watches.values())
