"""What happens at a moment, in the words of an answer. The directory's own functions decide it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..call.model import Why
from ..directory.decide import Crowd, Decision, Full, Later, Now, admit, call_back
from ..directory.service import Service
from ..hours.opening import opening
from ..hours.period import zone_of
from .needs import QueueView

Both = Callable[[datetime | None], dict[str, datetime] | None]


def availability(service: Service, zone: str, at: datetime, queue: QueueView | None, *, now: bool) -> dict[str, Any]:
    """`queue` is as it is seen, None where nothing is; `now`: a call is asked for at once, and not for `at`.

    Raises OutOfReach for a year of which nothing is known.
    """
    answer, both = opening(service.hours, at), _both(service.hours.tz, zone_of(zone))
    crowd = Crowd(queue.waiting + queue.coming, queue.agents, queue.newcomer) if queue else None
    decision = admit(service, zone, at, crowd) if now else call_back(service, zone, at, Why.ASKED, at)
    return {
        "service": service.id,
        "at": at,
        "time_zone": zone,
        "open": answer.open,
        "why": {"ru": answer.why_ru, "en": answer.why_en},
        "until": both(answer.until),
        "next_open_at": both(answer.next_open_at),
        **_decided(decision, at, both),
        "queue": _queue(queue) if now and queue else None,
    }


def _decided(decision: Decision, at: datetime, both: Both) -> dict[str, Any]:
    match decision:
        case Now():
            return {"decision": "now", "would_call_at": both(at), "because": None}
        case Later():
            because = {"slug": decision.why.value, "words": decision.en, "words_ru": decision.ru}
            return {
                "decision": "later" if decision.at else "none",
                "would_call_at": both(decision.at),
                "because": because,
            }
        case Full():
            because = {"slug": Why.FULL.value, "words": decision.en, "words_ru": decision.ru}
            return {"decision": "none", "would_call_at": None, "because": because}


def _both(desk: ZoneInfo, citizen: ZoneInfo) -> Both:
    def clocks(at: datetime | None) -> dict[str, datetime] | None:
        return {"desk": at.astimezone(desk), "citizen": at.astimezone(citizen)} if at else None

    return clocks


def _queue(queue: QueueView) -> dict[str, Any]:
    pair = queue.newcomer.for_page
    return {"waiting": queue.waiting, "wait_s": {"likely": pair[0], "at_most": pair[1]} if pair else None}
