"""The public number: somebody has dialled it, and Asterisk has answered. They get a call of their own, with the same
hours, queues, events and history as one that a portal asked for.

Asterisk waits for our word a moment only. Without it its dialplan goes on by itself, and the call is written down when
the service is back (`adopt`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from ..call.consent import may_record
from ..call.machine import take_in
from ..call.model import Call, Consent, Device, DeviceKind, Direction, Request, Terms, WhenFull, Why, call_of_leg
from ..destinations import judge
from ..directory.decide import Decision, Full, Later, Now, admit
from ..directory.service import Service
from ..directory.terms import terms_for
from ..ledger import AuditLine, Ledger
from ..ledger.access import Citizen
from ..phone import Phone
from ..speech import opens, ticket
from . import errors
from .counsel import Counsel
from .jobs import Desk, Draft, new_ticket
from .ports import Incoming, Reception

log = structlog.get_logger(__name__)

#: The program of callers whom no portal knows.
HOTLINE = "hotline"


@dataclass(frozen=True, slots=True)
class AnswerCall:
    """Write down somebody who dialled the public number. Harmless when repeated: the call is known by its leg."""

    call_id: str
    request: Request
    terms: Terms
    at: datetime
    actor: str = "hotline"

    def apply(self, desk: Desk) -> Call:
        known = desk.drafts.get(self.call_id)
        if known is not None and known.call is not None:
            return known.call
        draft = desk.drafts[self.call_id] = Draft(None, None)
        step = take_in(self.call_id, new_ticket(), self.request, self.terms, self.at)
        draft.apply(step, self.at)
        citizen = (self.request.client, self.request.user)
        detail = {"service": self.request.service}
        draft.audit.append(AuditLine(self.at, self.actor, "answer", "taken", detail, citizen=citizen))
        return step.call


@dataclass(frozen=True, slots=True)
class HouseRules:
    """What the operator says of people who dial in: the terms of their calls, and which numbers may be called back.

    Who seems to call is only what the network says: whoever forges a costly number would have us ring it. `prefixes`
    None: any; `premium`: costly ones too.
    """

    terms: Terms = field(default_factory=Terms)
    prefixes: tuple[str, ...] | None = None
    premium: bool = False

    def may_ring(self, phone: Phone, service: Service) -> bool:
        """Whether somebody at this number may be called back."""
        return judge(phone, (self.prefixes, service.prefixes), premium=self.premium) is None


class Writer(Protocol):
    """The ledger's one writer, as far as it is needed."""

    async def submit(self, job: AnswerCall) -> Call: ...


class Porter:
    """Receives people at the public number."""

    def __init__(self, ledger: Ledger, writer: Writer, counsel: Counsel, house: HouseRules) -> None:
        self._ledger = ledger
        self._writer = writer
        self._counsel = counsel
        self._house = house

    async def receive(self, incoming: Incoming) -> Reception | None:
        """What to do with somebody who has just dialled. None: the number belongs to no service. Raises errors."""
        service = self._counsel.directory().dialled(incoming.dialled)
        if service is None:
            log.warning("somebody dialled a number that belongs to no service")
            return None
        call = await self._write(service, incoming)
        decision = admit(service, call.request.time_zone, incoming.at, self._counsel.crowd(service.queue, incoming.at))
        return _reception(service, call, decision, incoming.at)

    async def adopt(self, incoming: Incoming, queue: str | None) -> Call | None:
        """Write down somebody who came in while the service was away: by the number that was dialled, else by the queue
        where they are. None: neither belongs to a service."""
        directory = self._counsel.directory()
        service = directory.dialled(incoming.dialled) or next(iter(directory.of_queue(queue or "")), None)
        return await self._write(service, incoming) if service else None

    async def _write(self, service: Service, incoming: Incoming) -> Call:
        call_id = call_of_leg(incoming.leg)
        if call_id is None:
            raise ValueError("the leg of an incoming call is named by asterisk/legs.py")
        citizen = await self._recognised(incoming.caller)
        stranger = f"caller-{self._ledger.blind(incoming.caller) if incoming.caller else call_id}"
        request = replace(_request(service, incoming, citizen, stranger), consent=await self._agreed(service, citizen))
        if incoming.caller and not self._house.may_ring(incoming.caller, service):
            request = replace(request, devices=())
        job = AnswerCall(call_id, request, terms_for(service, self._house.terms, None), incoming.at)
        try:
            return await self._writer.submit(job)
        except errors.CitizenBusy:
            # They talk to us on another telephone, or somebody uses their number: then as somebody unknown.
            unknown = replace(request, client=HOTLINE, user=f"caller-{call_id}", consent=None)
            return await self._writer.submit(replace(job, request=unknown))

    async def _agreed(self, service: Service, citizen: Citizen | None) -> Consent | None:
        """What somebody who was recognised has said of their calls before; it is asked for only where it matters."""
        if citizen is None or not service.recording.offer:
            return None
        profile = await self._ledger.profile(citizen.client, citizen.user)
        return profile.consent if profile else None

    async def _recognised(self, caller: Phone | None) -> Citizen | None:
        """The citizen whose verified number this is, where it is exactly one person's."""
        if caller is None:
            return None
        found = await self._ledger.citizens_by_phone(caller)
        return found[0] if len({(each.client, each.user) for each in found}) == 1 else None


def stranger(mark: str) -> str:
    """The user id of somebody whom no portal knows: by the blind mark of their number, or by their one call."""
    return f"caller-{mark}"


def _request(service: Service, incoming: Incoming, citizen: Citizen | None, name: str) -> Request:
    devices = (Device(DeviceKind.MOBILE, phone=incoming.caller),) if incoming.caller else ()
    return Request(
        client=citizen.client if citizen else HOTLINE,
        user=citizen.user if citizen else name,
        service=service.id,
        queue=service.queue,
        devices=devices,
        phone=incoming.caller,
        locale=service.languages[0],
        direction=Direction.INBOUND,
    )


def _reception(service: Service, call: Call, decision: Decision, at: datetime) -> Reception:
    terms, locale = call.terms, call.request.locale
    plain = Reception(
        ticket=call.ticket,
        locale=locale,
        queue=None,
        time_limit_s=terms.time_limit_s,
        queue_s=terms.queue_s,
        welcome=(service.prompts.welcome or "welcome",),
        then=terms.then if call.request.devices or terms.then is not WhenFull.CALLBACK else WhenFull.END,
        overflow=terms.overflow,
        priority=terms.priority,
        record=may_record(call),
    )
    match decision:
        case Now(queue=queue):
            return replace(plain, queue=queue, opens=ticket(call.ticket, locale))
        case Later(at=moment):
            zone = ZoneInfo(service.hours.zone)
            why = ("closed",) if decision.why is Why.CLOSED else ("all-busy",)
            when = opens(moment.astimezone(zone), at.astimezone(zone), locale) if moment and moment > at else ()
            return replace(plain, opens=(*why, *when), offer=bool(call.request.devices))
        case Full():
            return replace(plain, opens=("all-busy",))
