"""Who stands where in each queue, so that everybody who moves up can be told.

app_queue announces who joins and who leaves, not who moved. This keeps its order beside it; `QueueStatus` sets it
right after every reconnect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..call import events as e
from ..call.model import call_of_leg
from .hear import number


class Places:
    """The order of every queue. Feed it each QueueCallerJoin and QueueCallerLeave."""

    def __init__(self) -> None:
        self._queues: dict[str, list[str]] = {}

    def reset(self, entries: Iterable[tuple[str, int, str]]) -> None:
        """Start over from (queue, position from 1, channel id)."""
        self._queues = {}
        for queue, _, channel in sorted(entries):
            self._queues.setdefault(queue, []).append(channel)

    def moved(self, event: Mapping[str, str]) -> list[e.QueueMoved]:
        """The legs of ours whose place changed by this AMI event."""
        name = event.get("Event")
        if name not in ("QueueCallerJoin", "QueueCallerLeave"):
            return []
        line = self._queues.setdefault(event.get("Queue", ""), [])
        before = list(line)
        channel = event.get("Uniqueid", "")
        if channel in line:
            line.remove(channel)
        if name == "QueueCallerJoin":
            line.insert(max((number(event.get("Position")) or len(line) + 1) - 1, 0), channel)
        return [
            e.QueueMoved(leg, place)
            for place, leg in enumerate(line, start=1)
            if leg != channel and call_of_leg(leg) and (place > len(before) or before[place - 1] != leg)
        ]
