"""What programs were told by webhook, and what they are still owed: look at it, send it again, prove a receiver."""

from __future__ import annotations

import re
from typing import Annotated, Any

from aiohttp import web
from pydantic import AwareDatetime, Field

from ...ledger.access import Client
from ...ledger.postings import Delivery, DeliveryFilter, Owed
from .. import answers, complaints
from ..bodies import as_json, read_query
from ..grant import CLIENT, GRANT
from ..needs import NEEDS
from ..noting import note
from ..operations import EVENT_ID_PATTERN, Answer, Operation
from ..problems import Problem
from ..queries import DeliveriesQuery, NoQuery, ProgramQuery

_EVENT_ID = re.compile(EVENT_ID_PATTERN.removesuffix("$") + r"\Z")


class OneDelivery(answers.Part):
    """One event that a program is told."""

    event_id: Annotated[str, Field(description="also its `webhook-id`, in every try and replay")]
    call_id: str
    sequence: int
    type: str
    client: str
    host: Annotated[str | None, Field(description="of the call's own `callback_url`; null: the program's")]
    state: Annotated[
        Owed,
        Field(
            description="`waiting` or `claimed`: still owed; `delivered`; `dead`: never taken, and tried no more; "
            "`dropped`: not to be sent any more"
        ),
    ]
    tries: Annotated[int, Field(description="since its schedule began")]
    next_try_at: AwareDatetime | None
    last_status: Annotated[int | None, Field(description="of the last answer; null where there was none")]
    last_error: Annotated[str | None, Field(description="why the last try failed")]
    created_at: AwareDatetime
    settled_at: AwareDatetime | None


class Deliveries(answers.Part):
    """A page of deliveries, newest event first."""

    deliveries: list[OneDelivery]
    next_cursor: Annotated[str | None, Field(description="leads to the older ones; null on the last page")]


class Replayed(answers.Part):
    """An event is owed anew."""

    event_id: str


class Proved(answers.Part):
    """What a receiver answered to a test."""

    taken: Annotated[bool, Field(description="whether it answered 2xx")]
    status: int | None
    words: Annotated[str | None, Field(description="what was wrong")]


async def find(request: web.Request) -> web.Response:
    """A page of deliveries: a portal's own, staff all."""
    query = read_query(request, DeliveriesQuery)
    grant = request[GRANT]
    if grant.owns and query.client not in (None, grant.client):
        return as_json({"deliveries": [], "next_cursor": None})  # those of others do not exist for a portal
    filter_ = DeliveryFilter(grant.client if grant.owns else query.client, query.call_id, query.state)
    page = await request.app[NEEDS].ledger.deliveries(filter_, before=query.cursor, limit=query.limit)
    return as_json({"deliveries": [_shown(each) for each in page.deliveries], "next_cursor": page.next_cursor})


async def replay(request: web.Request) -> web.Response:
    """Owe an event anew."""
    read_query(request, NoQuery)
    needs, grant = request.app[NEEDS], request[GRANT]
    event_id = request.match_info["event_id"]
    event = await needs.ledger.event(event_id) if _EVENT_ID.match(event_id) else None
    if event is None or (grant.owns and event.client != grant.client):
        raise Problem("unknown-event")
    await note(request, "replay-webhook", detail={"event": event_id, "client": event.client})
    if not await needs.ledger.replay(event, needs.clock()):
        raise Problem("not-replayable")
    return as_json({"event_id": event_id}, status=202)


async def prove(request: web.Request) -> web.Response:
    """Send a test to a program's address now, and say what came back."""
    query = read_query(request, ProgramQuery)
    needs, client = request.app[NEEDS], await _program(request, query.client)
    if needs.prover is None or client.callback_url is None:
        raise Problem("no-address")
    await note(request, "test-webhook", detail={"client": client.id})
    heard = await needs.prover.prove(client)
    taken = heard.status is not None and 200 <= heard.status < 300
    return as_json({"taken": taken, "status": heard.status, "words": None if taken else heard.words})


async def _program(request: web.Request, client_id: str | None) -> Client:
    grant = request[GRANT]
    if grant.owns:
        if client_id not in (None, grant.client):
            raise Problem("unknown-client")
        return request[CLIENT]
    if client_id is None:
        raise complaints.problem([complaints.item("query", "/client", "is required for staff")])
    client = await request.app[NEEDS].ledger.client(client_id)
    if client is None:
        raise Problem("unknown-client")
    return client


def _shown(delivery: Delivery) -> dict[str, Any]:
    owed = delivery.settled_at is None
    return {
        "event_id": delivery.event_id,
        "call_id": delivery.call_id,
        "sequence": delivery.sequence,
        "type": delivery.type,
        "client": delivery.client,
        "host": delivery.target or None,
        "state": delivery.state.value,
        "tries": delivery.tries,
        "next_try_at": delivery.not_before if owed else None,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "created_at": delivery.created_at,
        "settled_at": delivery.settled_at,
    }


OPERATIONS = (
    Operation(
        id="listDeliveries",
        method="GET",
        path="/v1/webhook-deliveries",
        summary="What was told by webhook, and what is still owed",
        description="Newest event first; follow `next_cursor` for older ones. `state=dead` are dead letters.",
        handler=find,
        query=DeliveriesQuery,
        answers=(Answer(200, "A page of deliveries", {"application/json": Deliveries}),),
    ),
    Operation(
        id="replayDelivery",
        method="POST",
        path="/v1/webhook-deliveries/{event_id}/replay",
        summary="Send an event again",
        description="Whatever became of it: by a schedule that begins now, with the same `webhook-id`. An event that "
        "was never owed, since there was no address then, is owed now.",
        handler=replay,
        answers=(Answer(202, "It is owed anew", {"application/json": Replayed}),),
        problems=("unknown-event", "not-replayable", "validation-failed"),
    ),
    Operation(
        id="testWebhook",
        method="POST",
        path="/v1/webhook-deliveries/test",
        summary="Send a test to a program's address",
        description="An event of the type `webhook.test`, signed like all, of no call. It is sent once, at once.",
        handler=prove,
        query=ProgramQuery,
        answers=(Answer(200, "What the receiver answered", {"application/json": Proved}),),
        problems=("no-address", "unknown-client"),
    ),
)
