"""The directory of services: what can be called, when, and what would happen at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ...directory.service import Service
from ...hours.opening import OutOfReach
from ...hours.schedule import WEEKDAYS, Override, Periods, Schedule
from ...ledger.access import Role
from .. import complaints
from .. import desk_answers as answers
from ..availability import availability
from ..bodies import as_json, read_query
from ..grant import CLIENT, GRANT
from ..needs import NEEDS, QueueView
from ..operations import Answer, Operation
from ..problems import Problem
from ..profiles import profile_of
from ..queries import AvailabilityQuery, NoQuery


async def find(request: web.Request) -> web.Response:
    """The services that the asker may call."""
    read_query(request, NoQuery)
    return as_json({"services": [_picture(request, each) for each in _services(request).values()]})


async def show(request: web.Request) -> web.Response:
    """One of them."""
    read_query(request, NoQuery)
    return as_json({"service": _picture(request, _service(request))})


async def available(request: web.Request) -> web.Response:
    """What would happen now, or at the moment that is asked about."""
    query, service = read_query(request, AvailabilityQuery), _service(request)
    zone = query.time_zone or await _home(request) or service.hours.zone
    at, seen = query.at or request.app[NEEDS].clock(), _seen(request, service.queue)
    try:
        found = availability(service, zone, at, seen, now=query.at is None)
    except (OutOfReach, OverflowError):
        words = "is too far away: no calendar tells of it"
        raise complaints.problem([complaints.item("query", "/at", words)]) from None
    return as_json(found)


def _services(request: web.Request) -> Mapping[str, Service]:
    """Those that the program is registered for."""
    services, allowed = request.app[NEEDS].directory().services, request[CLIENT].services
    return services if allowed is None else {name: each for name, each in services.items() if name in allowed}


def _service(request: web.Request) -> Service:
    service = _services(request).get(request.match_info["service_id"])
    if service is None:
        raise Problem("unknown-service")
    return service


async def _home(request: web.Request) -> str | None:
    """The zone of the citizen who asks."""
    grant = request[GRANT]
    if grant.role is not Role.CITIZEN or grant.citizen is None:
        return None
    profile = await profile_of(request, grant.client, grant.citizen)
    return profile.time_zone if profile.updated_at else None


def _seen(request: web.Request, queue: str) -> QueueView | None:
    """None while Asterisk is not heard: who is at the desk is not known then."""
    conductor = request.app[NEEDS].conductor
    return None if conductor.health().get("asterisk") else conductor.queues().get(queue)


def _picture(request: web.Request, service: Service) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": service.id,
        "names": dict(service.names),
        "synonyms": {language: list(words) for language, words in service.synonyms.items()},
        "languages": list(service.languages),
        "numbers": list(service.numbers),
        "requires": sorted(service.requires),
        "hours": _hours(request, service.hours),
    }
    return shown if request[GRANT].owns else shown | {"queue": service.queue}


def _hours(request: web.Request, hours: Schedule) -> dict[str, Any]:
    today = request.app[NEEDS].clock().astimezone(hours.tz).date()
    return {
        "time_zone": hours.zone,
        "week": {name: _texts(periods) for name, periods in zip(WEEKDAYS, hours.week, strict=True)},
        "holidays": _texts(hours.holidays),
        "days_off": _texts(hours.days_off),
        "shortened": _texts(hours.shortened),
        "calendar": hours.observed.value,
        "overrides": [_override(each) for each in hours.overrides if each.last >= today],
    }


def _override(override: Override) -> dict[str, Any]:
    return {
        "first": override.first.isoformat(),
        "last": override.last.isoformat(),
        "periods": _texts(override.periods),
        "why": {"ru": override.why_ru, "en": override.why_en},
    }


def _texts(periods: Periods | None) -> list[str] | None:
    return None if periods is None else [str(each) for each in periods]


OPERATIONS = (
    Operation(
        id="listServices",
        method="GET",
        path="/v1/services",
        summary="What can be called, and when",
        handler=find,
        answers=(Answer(200, "The directory, as far as you may call it", {"application/json": answers.Services}),),
        problems=("validation-failed",),
    ),
    Operation(
        id="getService",
        method="GET",
        path="/v1/services/{service_id}",
        summary="One service",
        handler=show,
        answers=(Answer(200, "The service", {"application/json": answers.OneService}),),
        problems=("unknown-service", "validation-failed"),
    ),
    Operation(
        id="getAvailability",
        method="GET",
        path="/v1/services/{service_id}/availability",
        summary="What would happen now, or at another moment",
        description="Open or not, why, until when, when next; when the citizen would be called; and without `at` how "
        "long they would wait.",
        handler=available,
        query=AvailabilityQuery,
        answers=(Answer(200, "The answer for that moment", {"application/json": answers.Availability}),),
        problems=("unknown-service",),
    ),
)
