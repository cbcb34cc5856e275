"""What is asked of a call that goes on: to somebody else, another time limit. The call machine decides whether it can
be; here it is said truthfully who won when something else happened meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ..call import events as e
from ..call.model import Call, Opening, Request, TransferBy
from ..call.states import State
from ..phone import Phone
from .counsel import Counsel
from .errors import DeskClosed, NotSteerable
from .jobs import TakeFact
from .perform import Performer
from .ports import Clock
from .take import Taker


@dataclass(frozen=True, slots=True)
class Target:
    """Where to: exactly one of them. A `service` leads to its queue, and only while its desk is open."""

    service: str | None = None
    queue: str | None = None
    number: Phone | None = None


class Steering:
    """Part of the conductor."""

    def __init__(self, taker: Taker, performer: Performer, counsel: Counsel, clock: Clock) -> None:
        self._taker = taker
        self._performer = performer
        self._counsel = counsel
        self._clock = clock

    async def redirect(self, call: Call, to: Target, *, by: str, if_revision: int | None = None) -> Call:
        """Send the citizen to somebody else. Raises UnknownCall, DeskClosed, NotSteerable, RevisionPassed."""
        at = self._clock()
        if to.number is not None:
            self._performer.remember(call.id, to.number)
            wish = e.RedirectRequested(by, number=to.number.masked)
        else:
            wish = e.RedirectRequested(by, to.queue or self._queue(call, to.service or "", at))
        after = await self._taker.submit(TakeFact(call.id, wish, at, by, if_revision))
        way = after.transfer
        if after.state is not State.TRANSFERRING or way is None or way.by is not TransferBy.REQUEST:
            raise NotSteerable(f"nobody can be sent on now: the call is {after.state.value}", after)
        if (way.to or way.number) != (wish.queue or wish.number):
            raise NotSteerable("the call is being sent somewhere else already", after)
        return after

    def _queue(self, call: Call, service: str, at: datetime) -> str:
        """The queue of a service that takes people now. Raises DeskClosed, NotSteerable."""
        entry = self._counsel.service(service)
        if entry is None:
            raise NotSteerable("there is no such service", call)
        opening: Opening = self._counsel.admit(_asks_for(call.request, entry.id, entry.queue), at)
        if not opening.open:
            raise DeskClosed(opening.en or "the service takes nobody now", call, opening.next_open_at, opening.ru)
        return opening.queue or entry.queue

    async def limit(self, call_id: str, time_limit_s: int, *, by: str, if_revision: int | None = None) -> Call:
        """Set how long the call may last, from the device's answer. Raises UnknownCall, NotSteerable,
        RevisionPassed."""
        wish = e.LimitRequested(by, time_limit_s)
        after = await self._taker.submit(TakeFact(call_id, wish, self._clock(), by, if_revision))
        if after.limit_s != time_limit_s or after.state is State.ENDED:
            state = "ending" if after.verdict else after.state.value
            raise NotSteerable(f"the limit stays: the call is {state}", after)
        return after


def _asks_for(request: Request, service: str, queue: str) -> Request:
    """The same citizen, as if they had asked for that service now."""
    return replace(request, service=service, queue=queue, when=None)
