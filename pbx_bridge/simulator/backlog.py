"""Those who wait for a callback: asked, rung, tried again, until they are reached or given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from heapq import heappop, heappush

from ..directory.decide import Later, Why, call_back
from ..directory.service import Service
from ..hours.night import may_call
from ..line.pacing import Waiting, again, due, room
from .agenda import Agenda
from .chance import Chance, Reach
from .floor import Floor
from .people import Citizen, End
from .plan import Called


class Backlog:
    """`resting` wait for their time, `ready` for an agent; both are heaps, so that five thousand cost little. Whoever
    is in neither is being rung, or done with."""

    def __init__(self, agenda: Agenda, floor: Floor, service: Service, called: Called, chance: Chance) -> None:
        self._agenda = agenda
        self._floor = floor
        self._service = service
        self._called = called
        self._chance = chance
        self._rules = service.callbacks.rules
        self._resting: list[tuple[float, str, Citizen]] = []
        self._ready: list[tuple[float, str, Citizen]] = []
        self._woken: set[float] = set()
        self.most_ringing = 0
        self.over = 0
        """How many phones began to ring beyond the agents free or expected: pacing owes an overrun desk's callbacks one
        of so many agents who become free."""
        self.most_over = 0
        """By how many the phones that rang have passed the agents free or expected, at any moment."""
        self.over_s = 0.0
        self._over_since: tuple[float, int] = (0.0, 0)

    def __len__(self) -> int:
        """Everybody who waits, whatever for."""
        return len(self._resting) + len(self._ready)

    # ── who waits ────────────────────────────────────────────────────────────────────────────────────
    def keep(self, citizen: Citizen, not_before: datetime, why: Why) -> None:
        """Somebody is to be called back. The attempts count anew."""
        citizen.called_back, citizen.attempts, citizen.joined_s = True, 0, None
        self._postpone(citizen, call_back(self._service, citizen.zone, not_before, why, self._agenda.at))

    def _postpone(self, citizen: Citizen, later: Later) -> None:
        if later.at is None:
            self._end(citizen, End.EXPIRED)
            return
        second = self._agenda.second(later.at)
        heappush(self._resting, (second, citizen.id, citizen))
        if second not in self._woken:
            self._woken.add(second)
            self._agenda.note(second, lambda: self._woken.discard(second))

    def _end(self, citizen: Citizen, end: End) -> None:
        citizen.end, citizen.ended_s = end, self._agenda.now

    # ── who is rung ──────────────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        """Ring as many as the rules let, whoever asked first before all others."""
        now = self._agenda.now
        while self._resting and self._resting[0][0] <= now:
            _, _, citizen = heappop(self._resting)
            heappush(self._ready, (citizen.asked_s, citizen.id, citizen))
        if not self._ready:
            return
        desk = self._floor.sight().desk(self._floor.learned, self._agenda.at)
        head = self._head(room(desk, self._rules))
        rows = [
            Waiting(each.id, self._agenda.when(each.asked_s), self._agenda.at, each.attempts) for each in head.values()
        ]
        for name in due(rows, desk, self._rules):
            self._ring(head.pop(name))
        for citizen in head.values():
            heappush(self._ready, (citizen.asked_s, citizen.id, citizen))

    def _head(self, places: int) -> dict[str, Citizen]:
        """The first so many who may be called now. Who may not after all gets another time."""
        head: dict[str, Citizen] = {}
        while self._ready and len(head) < places:
            _, _, citizen = heappop(self._ready)
            at = self._agenda.at
            if at >= self._agenda.when(citizen.asked_s) + timedelta(seconds=self._service.callbacks.keep_s):
                self._end(citizen, End.EXPIRED)
                continue
            later = call_back(self._service, citizen.zone, at, Why.KEPT, at)
            if later.at == at:
                head[citizen.id] = citizen
            else:
                self._postpone(citizen, later)
        return head

    def _ring(self, citizen: Citizen) -> None:
        citizen.attempts += 1
        citizen.rung_s.append(self._agenda.now)
        citizen.rung_closed += not may_call(self._service.hours, citizen.zone, self._agenda.at)
        self._floor.ringing += 1
        self._floor.rung_s = self._agenda.now
        self.over += self._beyond() > 0
        reach, after = self._chance.attempt(self._called)
        self._agenda.note(self._agenda.now + after, lambda: self._known(citizen, reach))

    def _known(self, citizen: Citizen, reach: Reach) -> None:
        self._floor.ringing -= 1
        citizen.known_s.append(self._agenda.now)
        if reach is Reach.CITIZEN:
            self._floor.join(citizen, citizen.patience_s)
            return
        at = self._agenda.at
        tried = Waiting(citizen.id, self._agenda.when(citizen.asked_s), at, citizen.attempts)
        when = again(tried, at, self._rules)
        if when is None:
            self._end(citizen, End.UNREACHED)
        else:
            self._postpone(citizen, call_back(self._service, citizen.zone, when, Why.RETRY, at))

    # ── what is looked at after each event ───────────────────────────────────────────────────────────
    def look(self) -> None:
        """Hold the phones that ring against the agents free or expected at this moment."""
        since, over = self._over_since
        self.over_s += (self._agenda.now - since) * (over > 0)
        self.most_ringing = max(self.most_ringing, self._floor.ringing)
        over = self._beyond() if self._floor.ringing else 0
        self.most_over = max(self.most_over, over)
        self._over_since = (self._agenda.now, over)

    def _beyond(self) -> int:
        desk = self._floor.sight().desk(self._floor.learned, self._agenda.at)
        return self._floor.ringing - desk.free - desk.expected
