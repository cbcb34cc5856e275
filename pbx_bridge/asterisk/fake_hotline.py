"""A leg of a FakeExchange that came in: what dialplan/hotline.conf does with whoever dials a public number."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..call import events as e
from ..call.model import Device, DeviceKind, Terms
from ..call.recovery import CameIn, LegSeen, LegState, Trace
from ..conductor.ports import DialOrder, Incoming, Reception
from ..directory.service import Service
from ..directory.terms import terms_for
from ..hours.opening import opening
from .agi import Answer
from .fake_legs import FakeLeg, Question, Switch
from .fake_people import Citizen

#: How long Asterisk waits for the service's word (seconds), and its word for a closed desk.
ASKING_S, CLOSED = 3.0, "CLOSED"


class FakeLegThatCameIn(FakeLeg):
    """Answered from its first moment; then somebody decides, or the dialplan by itself."""

    def __init__(self, incoming: Incoming, service: Service, citizen: Citizen, switch: Switch) -> None:
        self._incoming, self._service = incoming, service
        super().__init__(_order(incoming, _alone(service)), citizen, switch)
        self._offer = False

    def ring_in(self, answer: Answer | None) -> asyncio.Task[None]:
        """Asterisk answers, and asks `answer`; None: nobody can be asked."""
        self.state, self._answered_at = LegState.UP, self._switch.now()
        self._citizen.talk = self
        self._citizen.talks(self, self._later)
        return asyncio.get_running_loop().create_task(self._receive(answer))

    async def _receive(self, answer: Answer | None) -> None:
        reception = await self._decided(answer) if answer else None
        if self.over:
            return
        if reception is None:
            reception = _alone(self._service, open_=opening(self._service.hours, self._switch.now()).open)
        self._order = _order(self._incoming, reception)
        self.tape = self._switch.recorder.tape(self._order, self._switch)
        self._home, self._then = self._order.queue, self._order.then
        self._later(self._order.time_limit_s, self._reach_limit)
        if reception.queue is not None:
            self.to_queue(reception.queue)
        elif reception.offer:
            keep = {"1": lambda: self._choose(e.Choice.CALLBACK)}
            self._ask(Question(keep, lambda: self._part(CLOSED)))
        else:
            self._later(self._switch.step_s, lambda: self._part(CLOSED))

    async def _decided(self, answer: Answer) -> Reception | None:
        try:
            async with asyncio.timeout(ASKING_S):
                return await answer(self._incoming)
        except Exception:  # whatever is wrong with the service, the dialplan goes on
            return None

    def seen(self) -> LegSeen:
        """With who dialled."""
        came_in = CameIn(self._incoming.dialled, self._incoming.caller, self._incoming.at)
        return replace(super().seen(), came_in=came_in)

    def _trace(self, sip: int | None, q850: int | None) -> Trace:
        # Asterisk writes no number of a citizen's down.
        return replace(super()._trace(sip, q850), came_in=CameIn(self._incoming.dialled, None, self._incoming.at))


def _alone(service: Service, open_: bool = True) -> Reception:
    """What the dialplan does by itself."""
    terms = terms_for(service, Terms(), None)
    return Reception("", service.languages[0], service.queue if open_ else None, terms.time_limit_s, terms.queue_s)


def _order(incoming: Incoming, reception: Reception) -> DialOrder:
    """The way from the answer on is that of a leg that was dialled."""
    return DialOrder(
        leg=incoming.leg,
        device=Device(DeviceKind.MOBILE, phone=incoming.caller),
        queue=reception.queue or "",
        ring_s=0,
        queue_s=reception.queue_s,
        time_limit_s=reception.time_limit_s,
        ticket=reception.ticket,
        locale=reception.locale,
        then=reception.then,
        overflow=reception.overflow,
        priority=reception.priority,
        record=reception.record,
    )
