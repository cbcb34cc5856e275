"""What is known about one citizen: supply it, look at it, take all of it along, have it erased.

Every look and every change is a line in the audit, written before the data is touched.
"""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web
from pydantic import TypeAdapter

from ...identity import Identity
from ...ledger.access import Citizen
from ...ledger.errors import StillActive
from .. import citizen_answers as answers
from .. import complaints
from ..bodies import as_json, read_json, read_query
from ..citizens import citizen_of, identity_of, keep_identity, program_of
from ..needs import NEEDS
from ..noting import note
from ..operations import Answer, Body, Header, Operation
from ..problems import Problem
from ..queries import CitizenQuery, NoQuery
from ..schemas import IdentityBody, SearchBody
from ..turns import TURNS

_BODY, _SEARCH = TypeAdapter(IdentityBody), TypeAdapter(SearchBody)


async def show(request: web.Request) -> web.Response:
    """The citizen's identity, masked."""
    citizen = citizen_of(request, read_query(request, CitizenQuery).client)
    await note(request, "read-identity", citizen)
    kept = await request.app[NEEDS].ledger.citizen(*citizen)
    if kept is None:
        raise Problem("unknown-citizen")
    return _shown(kept, Identity.from_data(kept.data))


async def put(request: web.Request) -> web.Response:
    """Keep what the portal tells in place of all that was known."""
    read_query(request, NoQuery)
    citizen = citizen_of(request)
    body, _ = await read_json(request, _BODY)
    identity = identity_of(body)
    async with request.app[TURNS].of(citizen):
        kept = await keep_identity(request, citizen, identity)
    return _shown(kept, identity)


async def find(request: web.Request) -> web.Response:
    """The citizens of a program that have exactly this value. The audit names the kind of value, and whom it found."""
    read_query(request, NoQuery)
    body, _ = await read_json(request, _SEARCH)
    client, sought = program_of(request, body.client), body.value()
    if sought is None:
        words = "there must be exactly one of phone, email, snils, inn and passport"
        raise complaints.problem([complaints.item("body", "", words)])
    kind, value = sought
    await note(request, "find-citizens", detail={"client": client, "by": kind})
    normal = Identity(**{kind: value}).marks()[kind]
    found = await request.app[NEEDS].ledger.find_citizens(client, kind, normal)
    for each in found:
        await note(request, "read-identity", (each.client, each.user))
    return as_json({"citizens": [_picture(each, Identity.from_data(each.data)) for each in found]})


async def export(request: web.Request) -> web.Response:
    """Everything that is kept about the citizen, in clear, to be saved as a file."""
    citizen = citizen_of(request, read_query(request, CitizenQuery).client)
    await note(request, "export", citizen)
    found = await request.app[NEEDS].ledger.export(*citizen)
    return as_json(found, headers={hdrs.CONTENT_DISPOSITION: 'attachment; filename="citizen.json"'})


async def erase(request: web.Request) -> web.Response:
    """Forget the citizen, unless a call of theirs is going on."""
    citizen = citizen_of(request, read_query(request, CitizenQuery).client)
    needs = request.app[NEEDS]
    async with request.app[TURNS].of(citizen):
        await note(request, "erase", citizen)
        try:
            gone = await needs.ledger.erase(*citizen, needs.clock())
        except StillActive as active:
            await note(request, "erase", citizen, "refused", {"why": "a call is active"})
            headers: dict[str, str] = {hdrs.LOCATION: f"/v1/calls/{active.call_id}"}
            raise Problem("citizen-busy", call_id=active.call_id, headers=headers) from None
    return as_json({"calls": gone.calls, "events": gone.events, "records": gone.records})


def _shown(kept: Citizen, identity: Identity) -> web.Response:
    return as_json(_picture(kept, identity))


def _picture(kept: Citizen, identity: Identity) -> dict[str, Any]:
    return {
        "client": kept.client,
        "user": kept.user,
        "identity": identity.masked(),
        "updated_at": kept.updated_at,
    }


_EXAMPLES = {
    "whole": {
        "phone": "+79161234567",
        "email": "anna@example.ru",
        "snils": "112-233-445 95",
        "inn": "500100732259",
        "passport": "4509 123456",
        "verified": ["phone", "snils"],
    },
    "nothing": {},
}
_ONE = {"application/json": answers.OneCitizen}
_FILE = Header("Content-Disposition", "an attachment: browsers save it", required=True)

OPERATIONS = (
    Operation(
        id="getCitizen",
        method="GET",
        path="/v1/users/{user_id}/identity",
        summary="What is known about a citizen, masked",
        handler=show,
        query=CitizenQuery,
        answers=(Answer(200, "The citizen", _ONE),),
        problems=("unknown-citizen",),
    ),
    Operation(
        id="putCitizen",
        method="PUT",
        path="/v1/users/{user_id}/identity",
        summary="Supply what you know about your citizen",
        description="It takes the place of all that was known. Numbers must be right by their check digits; that they "
        "are the citizen's own is for you to verify.",
        handler=put,
        body=Body(IdentityBody, _EXAMPLES),
        answers=(Answer(200, "The citizen as known from now on, masked", _ONE),),
        problems=("unknown-citizen", "validation-failed"),
    ),
    Operation(
        id="findCitizens",
        method="POST",
        path="/v1/user-search",
        summary="Find citizens by what is known about them",
        description="By one whole value, compared in its normal form; the database holds only blind marks of it.",
        handler=find,
        body=Body(SearchBody, {"by SNILS": {"snils": "112-233-445 95"}}),
        answers=(Answer(200, "Those who have it, masked", {"application/json": answers.FoundCitizens}),),
        problems=("unknown-citizen", "validation-failed"),
    ),
    Operation(
        id="exportCitizen",
        method="GET",
        path="/v1/users/{user_id}/export",
        summary="Everything that is kept about a citizen, in clear",
        handler=export,
        query=CitizenQuery,
        answers=(Answer(200, "A file for the citizen", {"application/json": {"type": "object"}}, (_FILE,)),),
        problems=("unknown-citizen",),
    ),
    Operation(
        id="eraseCitizen",
        method="DELETE",
        path="/v1/users/{user_id}",
        summary="Erase a citizen",
        description="Calls stay as figures that name nobody. Repeating it is harmless.",
        handler=erase,
        query=CitizenQuery,
        answers=(Answer(200, "How much was erased", {"application/json": answers.ErasedCitizen}),),
        problems=("unknown-citizen", "citizen-busy"),
    ),
)
