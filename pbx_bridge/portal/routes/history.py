"""What happened: a citizen's calls in words, one call stage by stage, and its ladder as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from aiohttp import hdrs, web

from ...call.model import Call
from ...call.snapshot import snapshot
from ...history import Durations, Stage, Told, durations, ladder, stages, status
from ...history.picture import svg
from ...history.status import STATES
from ...history.told import Words
from ...hours.period import zone_of
from ...ledger import BadCursor, Refused
from ...ledger.access import Role
from ...ledger.values import AuditFilter, CallFilter, StoredEvent
from .. import complaints
from .. import history_answers as answers
from ..bodies import as_json, read_query
from ..citizens import citizen_of
from ..grant import GRANT
from ..needs import NEEDS
from ..noting import note, note_read
from ..operations import Answer, Header, Operation
from ..own import own_call
from ..queries import ActivityQuery, LadderQuery, NoQuery
from ..rights import RIGHTS

#: Lines of the audit beside one timeline.
MOST_LINES = 500
#: Members of an activity that are those of the call.
_AS_IN_CALLS = (
    "ticket", "ended_at", "service", "direction", "callback", "state", "phase", "phase_label", "outcome", "cause",
    "scheduled_for", "scheduled_because",
)  # fmt: skip
#: The picture is drawn by its own style sheet and nothing else.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


async def activity(request: web.Request) -> web.Response:
    """A page of a citizen's calls."""
    query = read_query(request, ActivityQuery)
    whose = citizen_of(request, query.client)
    needs = request.app[NEEDS]
    try:
        page = await needs.ledger.calls(CallFilter(*whose), cursor=query.cursor, limit=query.limit)
    except (BadCursor, Refused):
        words = "did not come from here; start again without one"
        raise complaints.problem([complaints.item("query", "/cursor", words)]) from None
    if not request[GRANT].owns:
        await note(request, "read-activity", whose)
    events = await needs.ledger.events_of([call.id for call in page.calls])
    stories: dict[str, list[Told]] = {call.id: [] for call in page.calls}
    for event in events:
        stories[event.call_id].append(told(event))
    shown = [_activity(request, call, stories[call.id]) for call in page.calls]
    return as_json({"activity": shown, "next_cursor": page.next_cursor})


async def timeline(request: web.Request) -> web.Response:
    """One call, stage by stage."""
    read_query(request, NoQuery)
    call = await own_call(request)
    await note_read(request, "read-timeline", [call])
    found = stages(await _story(request, call))
    named, now = request[GRANT].role is not Role.CITIZEN, request.app[NEEDS].clock()
    return as_json(
        {
            "call_id": call.id,
            "ticket": call.ticket,
            "stages": [_stage(stage, now, named) for stage in found],
            "seconds": _seconds(durations(found, now)),
            "audit": await _audit(request, call),
        }
    )


async def picture(request: web.Request) -> web.Response:
    """The ladder of one call."""
    query = read_query(request, LadderQuery)
    call = await own_call(request)
    await note_read(request, "read-timeline", [call])
    drawn = ladder(await _story(request, call), agents=request[GRANT].role is not Role.CITIZEN)
    return web.Response(
        text=svg(drawn, zone_of(query.time_zone), query.lang),
        content_type="image/svg+xml",
        charset="utf-8",
        headers={hdrs.CACHE_CONTROL: "no-store", "Content-Security-Policy": POLICY},
    )


def told(event: StoredEvent) -> Told:
    """The event, as the history reads it."""
    return Told(event.sequence, event.type, event.time, event.data["call"])


async def _story(request: web.Request, call: Call) -> Sequence[Told]:
    found = [told(event) for event in await request.app[NEEDS].ledger.events_of([call.id])]
    # The call's own row is as true as an event, where a release before has told none.
    return found or [Told(1, "call.accepted", call.accepted_at, snapshot(call))]


async def _audit(request: web.Request, call: Call) -> list[dict[str, Any]] | None:
    """The call's lines, for those who could also ask for them by themselves."""
    grant, right = request[GRANT], RIGHTS["listAudit"]
    if grant.role not in right.roles or right.scope not in grant.scopes:
        return None
    await note(request, "read-audit", detail={"call": call.id})
    found = await request.app[NEEDS].ledger.audit_page(AuditFilter(call_id=call.id), limit=MOST_LINES)
    return [
        {
            "id": each.id,
            "at": each.line.at,
            "actor": each.line.actor,
            "action": each.line.action,
            "verdict": each.line.verdict,
        }
        for each in found
    ]


def _activity(request: web.Request, call: Call, story: Sequence[Told]) -> dict[str, Any]:
    needs, shown = request.app[NEEDS], snapshot(call)
    service = needs.directory().services.get(call.request.service)
    names = Words(service.name("en"), service.name("ru")) if service else Words(*[call.request.service] * 2)
    said = status(shown)
    return {
        "call_id": call.id,
        "at": shown["accepted_at"],
        **{name: shown[name] for name in _AS_IN_CALLS},
        "service_name": _both(names),
        "status": _both(said.short),
        "why": _both(said.why),
        "next": _both(said.next),
        "seconds": _seconds(durations(stages(story), needs.clock())),
    }


def _stage(stage: Stage, now: datetime, named: bool) -> dict[str, Any]:
    return {
        "state": stage.state.value,
        "words": _both(STATES[stage.state]),
        "since": _time(stage.since),
        "until": _time(stage.until) if stage.until else None,
        "seconds": stage.lasted(now),
        "by": stage.by,
        "attempt": stage.attempt,
        "device": stage.device,
        "queue": stage.queue,
        "agents": list(_names(stage.agents, named)),
        "sequence": stage.told.sequence,
    }


def _names(agents: Iterable[str], named: bool) -> Iterable[str]:
    return agents if named else ()


def _both(words: Words) -> dict[str, str]:
    return {"ru": words.ru, "en": words.en}


def _seconds(of: Durations) -> dict[str, float]:
    return {"ring": of.ring, "wait": of.wait, "talk": of.talk, "hold": of.hold, "whole": of.whole}


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_SVG = {"type": "string", "description": "SVG 1.1 without scripts"}
_CSP = Header("Content-Security-Policy", "nothing but its own style sheet", required=True)

OPERATIONS = (
    Operation(
        id="getTimeline",
        method="GET",
        path="/v1/calls/{call_id}/timeline",
        summary="A call, stage by stage",
        description="Each stage with its time, how long it lasted and who brought it about; made of the same events "
        "that streams and webhooks carry. Citizens see no agents' names, auditors see the call's audit lines too.",
        handler=timeline,
        answers=(Answer(200, "The stages", {"application/json": answers.Timeline}),),
        problems=("unknown-call", "validation-failed"),
    ),
    Operation(
        id="getLadder",
        method="GET",
        path="/v1/calls/{call_id}/ladder.svg",
        summary="A call as a ladder: who said what to whom",
        handler=picture,
        query=LadderQuery,
        answers=(Answer(200, "The picture", {"image/svg+xml": _SVG}, (_CSP,)),),
        problems=("unknown-call",),
    ),
    Operation(
        id="getActivity",
        method="GET",
        path="/v1/users/{user_id}/activity",
        summary="A citizen's calls in words, newest first",
        description="For «Активность» in the citizen's cabinet. Follow `next_cursor` for older ones; calls that come "
        "meanwhile do not shift the pages.",
        handler=activity,
        query=ActivityQuery,
        answers=(Answer(200, "A page of the citizen's calls", {"application/json": answers.Activities}),),
        problems=("unknown-citizen",),
    ),
)
