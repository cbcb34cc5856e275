"""The board: every queue as it is seen now, and what its own calls have taught. In memory only: Asterisk says who is
there, the ledger which calls wait, and both are asked again after every connect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from ..call import events as e
from ..call.machine import has_leg
from ..call.model import Call
from ..call.states import Outcome, State
from ..directory.decide import Crowd
from ..directory.service import Directory
from ..line.estimate import Estimate, Learned
from ..line.pacing import Desk
from ..line.sight import Sight
from .ports import Clock, Member, QueueSeen

_BEFORE_QUEUE = frozenset({State.DIALING, State.RINGING, State.ANSWERED})
_WAITS = frozenset({State.QUEUED, State.OFFERED})
_TALKS = frozenset({State.TALKING, State.ON_HOLD})

Moved = TypeVar("Moved", e.QueueJoined, e.QueueMoved)


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue for a supervisor. `newcomer` is the wait that somebody who joins now would be told; `coming` are live
    callers on their way into it."""

    queue: str
    members: tuple[Member, ...]
    waiting: int
    agents: int
    free: int
    longest_wait_s: float
    newcomer: Estimate
    learned: Learned
    callbacks_ringing: int
    coming: int = 0


class Board:
    """Feed it with `see` and `changed`; ask it for estimates and desks."""

    def __init__(self, directory: Callable[[], Directory], clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._seen: dict[str, QueueSeen] = {}
        self._sights: dict[str, Sight] = {}
        """Of queues in which nothing has changed since."""
        self._calls: dict[str, Call] = {}
        self._talks: dict[str, tuple[str, datetime]] = {}
        self._queue_of: dict[str, str] = {}
        self._rung_at: dict[str, datetime] = {}
        """When the queue's last callback began to ring; before the first one, since when it is seen."""
        self.learned: dict[str, Learned] = {}
        self.taught: set[str] = set()
        """Queues that learned something since it was kept."""

    # ── what is seen ─────────────────────────────────────────────────────────────────────────────────
    def see(self, seen: QueueSeen) -> bool:
        """A queue as Asterisk has it; whether another number of agents takes calls than before."""
        before = self._seen.get(seen.queue)
        self._seen[seen.queue] = seen
        self._sights.pop(seen.queue, None)
        self._rung_at.setdefault(seen.queue, seen.at)
        return before is None or before.agents != seen.agents

    def forget(self) -> None:
        """Deaf: who is at a desk is not known any more."""
        self._seen.clear()
        self._sights.clear()

    def rebuild(self, calls: Iterable[Call]) -> None:
        """All calls that may have a leg, from the ledger."""
        self._calls = {call.id: call for call in calls if has_leg(call)}

    def changed(self, call: Call) -> bool:
        """A call as it was just committed; whether an agent or a place may have become free."""
        before = self._calls.get(call.id)
        self._sights.clear()
        if call.callback and call.state is State.DIALING and call.dialled_at:
            self._rung_at[call.queue] = call.dialled_at
        if has_leg(call):
            self._calls[call.id] = call
        elif before is not None:
            del self._calls[call.id]
        if before is None:
            return False
        self._learn(before, call)
        if call.state not in _WAITS | _BEFORE_QUEUE:
            self._queue_of.pop(before.leg or "", None)
        return before.state is not call.state

    def _learn(self, before: Call, after: Call) -> None:
        at = after.state_since
        # Who is moved elsewhere has neither been served nor given up.
        if before.state in _WAITS and after.state not in _WAITS | {State.TRANSFERRING}:
            self._waited(before, after, at)
        if before.state not in _TALKS and after.state in _TALKS:
            self._talks[after.id] = (before.place.queue if before.place else after.queue, at)
        elif before.state in _TALKS and after.state not in _TALKS and after.id in self._talks:
            queue, since = self._talks.pop(after.id)
            lasted = max(0.0, (at - since).total_seconds()) + self._wrap_up_s(queue)
            self._teach(queue, lambda known: known.handled(lasted))

    def _waited(self, before: Call, after: Call, at: datetime) -> None:
        if before.place and before.queued_at:
            gave_up = after.outcome is Outcome.ABANDONED or after.state is State.SCHEDULED
            waited = max(0.0, (at - before.queued_at).total_seconds())
            self._teach(before.place.queue, lambda known: known.left(waited, abandoned=gave_up))

    def _teach(self, queue: str, lesson: Callable[[Learned], Learned]) -> None:
        self.learned[queue] = lesson(self.known(queue))
        self.taught.add(queue)

    # ── what is known ────────────────────────────────────────────────────────────────────────────────
    def known(self, queue: str) -> Learned:
        """What the queue's calls have taught; before there were any, what the directory guesses."""
        if queue in self.learned:
            return self.learned[queue]
        services = self._directory().of_queue(queue)
        return Learned.expecting(services[0].handle_s, services[0].patience_s) if services else Learned()

    def estimate(self, queue: str, position: int, *, called_back: bool = False) -> Estimate | None:
        """The wait at a place; None while nobody knows who is at the desk."""
        sight = self._present_sight(queue)
        return sight.wait(max(1, position), self.known(queue), called_back=called_back) if sight else None

    def _present_sight(self, queue: str) -> Sight | None:
        """One look does for all who move up at once: nothing is committed in between."""
        seen = self._seen.get(queue)
        if seen is None:
            return None
        if queue not in self._sights:
            self._sights[queue] = self._sight(seen, self._clock())
        return self._sights[queue]

    def crowd(self, queue: str, at: datetime) -> Crowd | None:
        """The queue for somebody who asks for a call now."""
        seen = self._seen.get(queue)
        return Crowd.of(self._sight(seen, at), self.known(queue)) if seen else None

    def desk(self, queue: str, at: datetime) -> Desk:
        """The queue for the pacing of callbacks. Unseen: nobody is there."""
        seen = self._seen.get(queue) or QueueSeen(queue, (), 0, at)
        return self._sight(seen, at).desk(self.known(queue), at)

    def _sight(self, seen: QueueSeen, at: datetime) -> Sight:
        queue = seen.queue
        rung = self._rung_at.get(queue)
        return Sight(
            agents=seen.agents,
            free=seen.free,
            waiting=self._waiting(seen),
            coming=self._count(queue, _BEFORE_QUEUE, callbacks=False),
            ringing=self._count(queue, _BEFORE_QUEUE, callbacks=True),
            longest_wait_s=self._longest_wait_s(queue, at),
            quiet_s=(at - rung).total_seconds() if rung else 0.0,
            called_back=self._count(queue, _WAITS, callbacks=True),
        )

    def view(self, queue: str) -> QueueView:
        """The queue for a supervisor."""
        at, known = self._clock(), self.known(queue)
        seen = self._seen.get(queue) or QueueSeen(queue, (), 0, at)
        sight = self._sight(seen, at)
        return QueueView(
            queue,
            seen.members,
            sight.waiting,
            sight.agents,
            sight.free,
            sight.longest_wait_s,
            sight.newcomer(known),
            known,
            sight.ringing,
            sight.coming,
        )

    def views(self) -> Mapping[str, QueueView]:
        """Every queue that is seen, and those that the directory names."""
        names = {*self._seen, *(each.queue for each in self._directory().services.values())}
        return {name: self.view(name) for name in sorted(names)}

    def waiting(self) -> list[Call]:
        """The calls that wait in a queue."""
        return [call for call in self._calls.values() if call.state in _WAITS]

    # ── what is told ─────────────────────────────────────────────────────────────────────────────────
    def told(self, event: e.Event, call_id: str) -> e.Event:
        """The fact with the wait that goes with the place."""
        match event:
            case e.QueueJoined():
                self._queue_of[event.leg] = event.queue
                return self._with_wait(event, event.queue, self._calls.get(call_id))
            case e.QueueMoved():
                call = self._calls.get(call_id)
                queue = self._queue_of.get(event.leg) or (call.place.queue if call and call.place else None)
                return self._with_wait(event, queue, call) if queue else event
        return event

    def retold(self, queue: str) -> list[tuple[str, e.QueueMoved]]:
        """Everybody's place again, after a change of staff: (call id, fact)."""
        here = [call for call in self.waiting() if call.place and call.place.queue == queue and call.leg]
        return [
            (call.id, self._with_wait(e.QueueMoved(call.leg, call.place.position), queue, call))
            for call in here
            if call.leg and call.place and call.place.position
        ]

    def _with_wait(self, event: Moved, queue: str, call: Call | None) -> Moved:
        found = self.estimate(queue, event.position, called_back=call is not None and call.callback)
        pair = found.for_page if found else None
        return replace(event, likely_s=pair[0], at_most_s=pair[1]) if pair else event

    def _count(self, queue: str, states: frozenset[State], *, callbacks: bool) -> int:
        return sum(
            call.state in states and call.callback is callbacks and call.queue == queue for call in self._calls.values()
        )

    def _waiting(self, seen: QueueSeen) -> int:
        """Asterisk's word and ours, which come by two ways: whoever is known to one of them waits."""
        ours = sum(call.state in _WAITS and call.queue == seen.queue for call in self._calls.values())
        return max(seen.waiting, ours)

    def _longest_wait_s(self, queue: str, at: datetime) -> float:
        waits = [
            at - call.queued_at
            for call in self._calls.values()
            if call.state in _WAITS and call.queued_at and not call.callback and call.queue == queue
        ]
        return max(waits, default=timedelta(0)).total_seconds()

    def _wrap_up_s(self, queue: str) -> float:
        services = self._directory().of_queue(queue)
        return services[0].wrap_up_s if services else 0.0
