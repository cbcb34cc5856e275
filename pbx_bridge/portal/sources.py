"""Where a stream's events come from, in order and each once: one call, or the log of a program."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol

from ..ledger.values import StoredEvent
from .needs import Follow, Needs, Watch

#: Rows read at once. A call has some dozen events, so one reading is the rule.
PAGE = 100
#: The type of a call's last event.
LAST_TYPE = "call.ended"


class TooSlow(Exception):
    """A reader who was at the live end has fallen behind what is held there."""


class Batch(NamedTuple):
    """Events to send; an id that the reader shall remember though no event comes with it ("": none); and whether to
    look again at once."""

    events: Sequence[StoredEvent]
    bookmark: str = ""
    again: bool = False


class Source(Protocol):
    """What one stream reads. Between two of its methods others run."""

    def watched(self) -> AbstractContextManager[None]:
        """Enter before the first reading, so that nothing falls between reading and waiting."""

    async def more(self) -> Batch:
        """What has come. Raises TooSlow, LedgerUnavailable."""

    def changed(self) -> Awaitable[object]:
        """Returns when there may be more."""

    def id_of(self, event: StoredEvent) -> str:
        """What a reader who has seen this event says to go on behind it."""

    def is_last(self, event: StoredEvent) -> bool:
        """Whether nothing will come after this event."""


class OneCall:
    """The events of a call above sequence `after`, to its end."""

    def __init__(self, needs: Needs, call_id: str, after: int) -> None:
        self._needs = needs
        self._call_id = call_id
        self._after = after
        self._watch: Watch

    @contextmanager
    def watched(self) -> Iterator[None]:
        """See Source."""
        with self._needs.conductor.hub.watch(self._call_id) as self._watch:
            yield

    async def more(self) -> Batch:
        """See Source."""
        found = self._watch.take(self._after) or await self._needs.ledger.events(self._call_id, self._after, PAGE)
        if found:
            self._after = found[-1].sequence
        return Batch(found, again=len(found) == PAGE)

    def changed(self) -> Awaitable[object]:
        """See Source."""
        return self._watch.changed(self._after)

    def id_of(self, event: StoredEvent) -> str:
        """Its sequence."""
        return str(event.sequence)

    def is_last(self, event: StoredEvent) -> bool:
        """A call ends once."""
        return event.type == LAST_TYPE


class WholeLog:
    """All events of a program (None: of all) above the id `after`, without an end. Of `types`, if any are named."""

    def __init__(
        self, needs: Needs, client: str | None, after: str, types: Collection[str], bookmark: str = ""
    ) -> None:
        """`bookmark` is sent first."""
        self._needs = needs
        self._client = client
        self._after = after
        self._types = types
        self._bookmark = bookmark
        self._skipped = 0
        self._live = False
        self._follow: Follow

    @contextmanager
    def watched(self) -> Iterator[None]:
        """See Source."""
        with self._needs.conductor.feed.follow(self._client) as self._follow:
            yield

    async def more(self) -> Batch:
        """See Source."""
        if self._bookmark:
            bookmark, self._bookmark = self._bookmark, ""
            return Batch((), bookmark, again=True)
        page = self._follow.take(self._after)
        if page is None and self._live:
            raise TooSlow
        self._live = page is not None
        if page is None:
            page = await self._follow.page(self._after)
        self._after = page.upto
        events = [event for event in page.events if not self._types or event.type in self._types]
        return Batch(events, self._passed_over(page.events, events), again=not self._live)

    def _passed_over(self, found: Sequence[StoredEvent], sent: Sequence[StoredEvent]) -> str:
        """Whoever waits for something rare is told now and then how far they are, so as not to begin there again."""
        self._skipped = 0 if sent else self._skipped + len(found)
        if self._skipped < PAGE:
            return ""
        self._skipped = 0
        return found[-1].id

    def changed(self) -> Awaitable[object]:
        """See Source."""
        return self._follow.changed()

    def id_of(self, event: StoredEvent) -> str:
        """Its id."""
        return event.id

    def is_last(self, event: StoredEvent) -> bool:
        """A log has no end."""
        return False
