"""The bytes of an event, made once, however many readers it goes out to."""

from __future__ import annotations

from collections import OrderedDict

from aiohttp import web
from pydantic_core import to_json

from ..ledger.envelope import envelope
from ..ledger.values import StoredEvent

#: Events whose bytes are kept: readers at the live end are within a few of each other.
KEPT = 256


class Frames:
    """Keeps bytes of the newest events that were asked for. `node` names the installation."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._kept: OrderedDict[str, tuple[StoredEvent, bytes]] = OrderedDict()

    def frame(self, event: StoredEvent, id_: str) -> bytes:
        """The event as the stream sends it (WHATWG EventSource), under the id that its reader resumes behind."""
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (id_.encode(), event.type.encode(), self._data(event))

    def _data(self, event: StoredEvent) -> bytes:
        known, data = self._kept.get(event.id, (None, b""))
        # The same object, not the same id: what was erased meanwhile must not come back from here.
        if known is not event:
            data = to_json(envelope(event, self._node))
            self._kept[event.id] = (event, data)
            self._kept.move_to_end(event.id)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return data


FRAMES: web.AppKey[Frames] = web.AppKey("frames", Frames)
