"""Who waits for news of a call, in this process. It carries no news itself: whoever is woken reads the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Watch:
    """One reader's bell. Costs a few hundred bytes, whatever happens on the call."""

    __slots__ = ("_bell", "revision")

    def __init__(self) -> None:
        self.revision = 0
        self._bell = asyncio.Event()

    def ring(self, revision: int) -> None:
        """The call is committed at `revision`."""
        self.revision = max(self.revision, revision)
        self._bell.set()

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

    def ring(self, call_id: str, revision: int) -> None:
        """Tell everybody who watches this call."""
        for watch in self._watches.get(call_id, ()):
            watch.ring(revision)

    def __len__(self) -> int:
        """How many readers watch, for the metrics."""
        return sum(len(watches) for watches in self._watches.values())
