"""One run: the desk from the first midnight on, for as many days as the plan says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..call.model import WhenFull, Why
from ..directory.decide import Crowd, Full, Later, Now, admit
from ..directory.service import Service
from ..hours.opening import opening
from ..line.estimate import Learned
from .agenda import Agenda
from .backlog import Backlog
from .chance import Chance
from .floor import Floor
from .people import Citizen, End, Told
from .plan import Plan, midnight, staffing

HOUR_S = 3600.0
DAY_S = 86400.0
#: Those who asked overnight did so in so many seconds before the desk opens.
_OVERNIGHT_S = 12 * HOUR_S


@dataclass(frozen=True, slots=True)
class Run:
    """What happened. `opens_s` is the first opening, `backlog` how many wait for a callback at each full hour after
    the start; `over`, `most_over` and `over_s` are those of Backlog. `staffed_s` and `worked_s` are agents times
    seconds."""

    start: datetime
    lasts_s: float
    citizens: tuple[Citizen, ...]
    told: tuple[Told, ...]
    opens_s: float
    backlog: tuple[int, ...]
    most_ringing: int
    over: int
    most_over: int
    over_s: float
    staffed_s: float
    worked_s: float
    learned: Learned


def simulate(plan: Plan, service: Service, seed: int, progress: Callable[[float], None] = lambda _: None) -> Run:
    """One run of the plan at the service. The same seed gives the same run. `progress` is told after each simulated
    hour which share is done. Raises hours.opening.OutOfReach for a day of which no calendar tells."""
    return _Day(plan, service, seed).run(progress)


class _Day:
    def __init__(self, plan: Plan, service: Service, seed: int) -> None:
        self._plan = plan
        self._service = service
        self._chance = Chance(seed)
        start = midnight(plan.day, service.hours.zone)
        self._agenda = Agenda(start)
        self._end_s = self._agenda.second(midnight(plan.day + timedelta(days=plan.days), service.hours.zone))
        learned = Learned.expecting(service.handle_s, service.patience_s)
        self._floor = Floor(self._agenda, learned, self._chance, plan.talk, service.wrap_up_s)
        self._backlog = Backlog(self._agenda, self._floor, service, plan.called, self._chance)
        self._citizens: list[Citizen] = []
        self._sizes: list[int] = []
        answer = opening(service.hours, start)
        self._opens_s = 0.0 if answer.open or not answer.next_open_at else self._agenda.second(answer.next_open_at)

    def run(self, progress: Callable[[float], None]) -> Run:
        self._set_up()
        hour = 0.0
        while hour < self._end_s:
            hour = min(hour + HOUR_S, self._end_s)
            while self._agenda.step(hour):
                self._look()
            self._sizes.append(len(self._backlog))
            progress(hour / self._end_s)
        self._floor.close_books()
        return self._told()

    def _look(self) -> None:
        """After each event, what it makes possible: agents take the first in the line, then phones ring."""
        self._floor.serve()
        self._backlog.start()
        self._backlog.look()

    def _told(self) -> Run:
        floor, backlog = self._floor, self._backlog
        return Run(
            self._agenda.start,
            self._end_s,
            tuple(self._citizens),
            tuple(floor.told),
            self._opens_s,
            tuple(self._sizes),
            backlog.most_ringing,
            backlog.over,
            backlog.most_over,
            backlog.over_s,
            floor.staffed_s,
            floor.worked_s,
            floor.learned,
        )

    # ── who comes ────────────────────────────────────────────────────────────────────────────────────
    def _set_up(self) -> None:
        for at, agents in staffing(self._plan, self._service.hours.zone):
            self._agenda.note(self._agenda.second(at), lambda agents=agents: self._floor.meant(agents))  # type: ignore[misc]
        self._overnight()
        for number in range(self._plan.days):
            begins = self._agenda.second(midnight(self._plan.day + timedelta(days=number), self._service.hours.zone))
            for second in self._chance.arrivals(self._plan.callers.per_hour):
                self._agenda.note(begins + second, self._asks)

    def _overnight(self) -> None:
        """Those who asked before the first day's opening are there when it begins."""
        end = self._opens_s
        for second in self._chance.between(end - _OVERNIGHT_S, end, self._plan.called.overnight):
            citizen = self._citizen(second)
            self._backlog.keep(citizen, self._agenda.when(second), Why.KEPT)

    def _citizen(self, asked_s: float) -> Citizen:
        callers, chance = self._plan.callers, self._chance
        citizen = Citizen(
            f"{len(self._citizens):07d}",
            chance.zone(callers),
            asked_s,
            chance.patience_s(callers),
            chance.talk_s(self._plan.talk),
            chance.keeps(callers),
        )
        self._citizens.append(citizen)
        return citizen

    def _asks(self) -> None:
        citizen = self._citizen(self._agenda.now)
        at, floor = self._agenda.at, self._floor
        match admit(self._service, citizen.zone, at, Crowd.of(floor.sight(), floor.learned)):
            case Later(at=None):
                self._over(citizen, End.EXPIRED)
            case Later(why=why):
                self._backlog.keep(citizen, at, why)
            case Full():
                self._over(citizen, End.TURNED_AWAY)
            case Now(queue=queue) if queue != self._service.queue:
                self._over(citizen, End.OVERFLOWED)
            case Now():
                self._floor.coming += 1
                self._agenda.note(self._agenda.now + self._plan.callers.comes_s, lambda: self._comes(citizen))

    def _comes(self, citizen: Citizen) -> None:
        self._floor.coming -= 1
        self._floor.join(citizen, citizen.patience_s)
        promise = citizen.word.promise if citizen.word else None
        offers = self._service.limits.then is WhenFull.CALLBACK
        if offers and citizen.keeps and promise and promise.likely_s > self._plan.callers.keeps_after_s:
            self._keeps(citizen)
        elif self._service.limits.queue_s:
            joined_s = citizen.joined_s
            later = self._agenda.now + self._service.limits.queue_s
            self._agenda.note(later, lambda: self._too_long(citizen, joined_s))

    def _keeps(self, citizen: Citizen) -> None:
        self._floor.take_out(citizen)
        self._backlog.keep(citizen, self._agenda.at, Why.KEPT)

    def _too_long(self, citizen: Citizen, joined_s: float | None) -> None:
        """As the dialplan does when Queue() gives up: whoever would rather not be called back hangs up."""
        if not citizen.in_queue or citizen.joined_s != joined_s or citizen.offered:
            return
        match self._service.limits.then:
            case WhenFull.CALLBACK if citizen.keeps:
                self._keeps(citizen)
            case WhenFull.OVERFLOW:
                self._floor.take_out(citizen)
                self._over(citizen, End.OVERFLOWED)
            case _:
                self._floor.take_out(citizen)
                self._over(citizen, End.TURNED_AWAY)

    def _over(self, citizen: Citizen, end: End) -> None:
        citizen.end, citizen.ended_s = end, self._agenda.now
