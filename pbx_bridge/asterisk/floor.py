"""Who is at each queue's desk, and how many wait: from AMI events, set right by QueueStatus. Pure: no I/O, no clock.

Asterisk tells of a member whenever its telephone's state, its pause or its last call changes. It does not tell when
somebody has wrapped up: that is known from the last call's end and the queue's time for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..conductor.ports import Member, QueueSeen
from .ami_answers import Queue
from .hear import number

#: Device states (devicestate.h) of a telephone that is there, and of one that is taken.
_GONE = frozenset({0, 4, 5})
_BUSY = frozenset({2, 3, 6, 7, 8})
_MEMBERS = frozenset(
    {"QueueMemberStatus", "QueueMemberAdded", "QueueMemberPause", "QueueMemberPenalty", "QueueMemberRinginuse"}
)
#: The AMI events that are read here beside those of callers.
EVENTS = _MEMBERS | {"QueueMemberRemoved"}


@dataclass(frozen=True, slots=True)
class _Known:
    """A member as Asterisk told it; `last_call` is when its last call ended."""

    name: str
    status: int
    paused: bool
    reason: str
    in_call: bool
    penalty: int
    last_call: datetime | None
    wrap_up_s: int

    def seen(self, at: datetime, wrap_up_s: float) -> Member:
        until = self.wraps_until(wrap_up_s)
        busy = self.status in _BUSY or self.in_call or (until is not None and at < until)
        return Member(self.name, self.status not in _GONE, self.paused, self.reason, busy, self.penalty)

    def wraps_until(self, wrap_up_s: float) -> datetime | None:
        return self.last_call and self.last_call + timedelta(seconds=self.wrap_up_s or wrap_up_s)


@dataclass(slots=True)
class _Desk:
    members: dict[str, _Known]
    waiting: int


class Floor:
    """Every queue. `wrap_up_s` is a queue's time for wrapping up, where a member has none of its own."""

    def __init__(self, wrap_up_s: Callable[[str], float] = lambda queue: 0.0) -> None:
        self._wrap_up_s = wrap_up_s
        self._desks: dict[str, _Desk] = {}

    def reset(self, queues: Iterable[Queue]) -> None:
        """As QueueStatus lists them."""
        self._desks = {
            queue.name: _Desk(
                {
                    each.interface: _Known(
                        each.name,
                        each.status,
                        each.paused,
                        each.reason if each.paused else "",
                        each.in_call,
                        each.penalty,
                        _moment(each.last_call),
                        each.wrap_up_s,
                    )
                    for each in queue.members
                },
                len(queue.entries),
            )
            for queue in queues
        }

    def hear(self, event: Mapping[str, str]) -> str | None:
        """One AMI event; the queue in which something changed by it."""
        queue, kind = event.get("Queue", ""), event.get("Event", "")
        if not queue or kind not in EVENTS | {"QueueCallerJoin", "QueueCallerLeave"}:
            return None
        desk = self._desks.setdefault(queue, _Desk({}, 0))
        if kind in _MEMBERS:
            desk.members[event.get("Interface", "")] = _known(event)
        elif kind == "QueueMemberRemoved":
            desk.members.pop(event.get("Interface", ""), None)
        else:
            desk.waiting = number(event.get("Count")) or 0
        return queue

    def seen(self, queue: str, at: datetime) -> QueueSeen:
        """The queue at this moment."""
        desk, wrap_up_s = self._desks.get(queue) or _Desk({}, 0), self._wrap_up_s(queue)
        members = sorted((each.seen(at, wrap_up_s) for each in desk.members.values()), key=lambda each: each.name)
        return QueueSeen(queue, tuple(members), desk.waiting, at)

    def all_seen(self, at: datetime) -> list[QueueSeen]:
        """Every queue at this moment."""
        return [self.seen(queue, at) for queue in self._desks]

    def next_change(self, queue: str, at: datetime) -> datetime | None:
        """When the next member has wrapped up, if any is about it: Asterisk will not tell."""
        desk, wrap_up_s = self._desks.get(queue) or _Desk({}, 0), self._wrap_up_s(queue)
        ends = [each.wraps_until(wrap_up_s) for each in desk.members.values()]
        return min((end for end in ends if end and end > at), default=None)


def _known(event: Mapping[str, str]) -> _Known:
    paused = event.get("Paused") == "1"
    return _Known(
        name=event.get("MemberName", ""),
        status=number(event.get("Status")) or 0,
        paused=paused,
        reason=event.get("PausedReason", "") if paused else "",
        in_call=event.get("InCall") == "1",
        penalty=number(event.get("Penalty")) or 0,
        last_call=_moment(number(event.get("LastCall")) or 0),
        wrap_up_s=number(event.get("Wrapuptime")) or 0,
    )


def _moment(epoch: int) -> datetime | None:
    return datetime.fromtimestamp(epoch, UTC) if epoch else None
