"""What the desk says about a call: the directory's decisions, with the queues as they are seen at this moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ..call.model import Call, Opening, Request, Why
from ..directory.decide import Crowd, Decision, Full, Later, Now, admit, call_back
from ..directory.service import Directory, Service
from ..hours.opening import OutOfReach
from ..line.pacing import Rules

#: How a queue without a service calls back.
PLAIN = Rules()


def nobody_known(queue: str, at: datetime) -> Crowd | None:
    """Nothing is known of any queue."""
    return None


class Counsel:
    """Asks the directory as it is now. A service that is not in it (any more) is open: whoever waits for a callback is
    not forgotten because a file is gone. `crowd` tells about queues."""

    def __init__(self, directory: Callable[[], Directory] = lambda: Directory({})) -> None:
        self.directory = directory
        self.crowd: Callable[[str, datetime], Crowd | None] = nobody_known

    def service(self, id_: str) -> Service | None:
        """The entry as it is now."""
        return self.directory().services.get(id_)

    def admit(self, request: Request, at: datetime) -> Opening:
        """What becomes of a request now."""
        service = self.service(request.service)
        if request.when and request.when > at:
            return replace(self._later(request, request.when, Why.ASKED, at), open=False)
        if service is None:
            return Opening(open=True)
        return _opening(service, admit(service, request.time_zone, at, self.crowd(service.queue, at)))

    def at_time(self, request: Request, to: datetime, at: datetime) -> Opening:
        """What becomes of a wish to be called at `to`."""
        return self._later(request, to, Why.ASKED, at)

    def call_back(self, call: Call, at: datetime) -> Opening:
        """When a scheduled call may be dialled: `open` if it is now, as far as hours and night go."""
        why = call.reason.why if call.reason else Why.RETRY
        # What the hours said before is not the reason why it waits: the request is.
        kept = Why.KEPT if why in (Why.CLOSED, Why.NIGHT) else why
        return self._later(call.request, call.not_before or call.accepted_at, kept, at)

    def _later(self, request: Request, from_: datetime, why: Why, at: datetime) -> Opening:
        service = self.service(request.service)
        if service is None:
            return Opening(from_ <= at, max(from_, at), why)
        try:
            later = call_back(service, request.time_zone, from_, why, at)
        except OutOfReach:
            return Opening(open=False, why=why)
        return Opening(later.at is not None and later.at <= at, later.at, later.why, later.ru, later.en)

    def rules(self, queue: str) -> Rules:
        """How a queue calls back: as its first service says."""
        services = self.directory().of_queue(queue)
        return services[0].callbacks.rules if services else PLAIN


def _opening(service: Service, decision: Decision) -> Opening:
    match decision:
        case Now(queue=queue):
            return Opening(open=True, queue=queue if queue != service.queue else None)
        case Later():
            return Opening(False, decision.at, decision.why, decision.ru, decision.en)
        case Full():
            return Opening(False, None, Why.FULL, decision.ru, decision.en)
