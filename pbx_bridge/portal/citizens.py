"""Which citizen a request is about, and what is known about them when a call is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import web
from pydantic import ValidationError

from ..directory.service import Service
from ..identity import Identity
from ..ledger.access import Citizen, Client, Role
from . import complaints
from .grant import GRANT
from .needs import NEEDS
from .noting import note
from .problems import Problem
from .queries import CitizenPath
from .schemas import CallRequest, Told, User
from .turns import TURNS

#: Where the user's id stands in `/v1/users/{user_id}/…`: after the root, "v1" and "users".
_USER_PART = 3


class Whose(NamedTuple):
    """A citizen: `user` is the id that the portal `client` knows them by."""

    client: str
    user: str


def citizen_of(request: web.Request, client: str | None = None) -> Whose:
    """The citizen in the path, who must be the asker's own: a portal's citizens, or the citizen themselves.

    Staff say in `client` whose citizen it is. Raises Problem.
    """
    grant, user = request[GRANT], _user(request)
    if grant.role is Role.CITIZEN and grant.citizen != user:
        raise Problem("unknown-citizen")
    return Whose(program_of(request, client, "query"), user)


def program_of(request: web.Request, client: str | None, where: str = "body") -> str:
    """Whose citizens are meant: the portal's own, or those of the program that staff name. Raises Problem."""
    grant = request[GRANT]
    if grant.owns:
        if client not in (None, grant.client):
            raise Problem("unknown-citizen")
        return grant.client
    if client is None:
        words = "is required: say whose citizen it is, as you are not the portal"
        raise complaints.problem([complaints.item(where, "/client", words)])
    return client


def _user(request: web.Request) -> str:
    """The user id in the path. Decoded from the path as it was sent, for aiohttp reads `%FF` and `%25FF` alike."""
    try:
        text = unquote(request.rel_url.raw_parts[_USER_PART], errors="strict")
    except UnicodeDecodeError:
        words = "must be UTF-8, percent-encoded"
        raise complaints.problem([complaints.item("path", "/user_id", words)]) from None
    try:
        return CitizenPath(user_id=text).user_id
    except ValidationError as error:
        raise complaints.from_pydantic(error, "path", {"user_id": text}) from None


def identity_of(told: Told) -> Identity:
    """What a body tells. Raises Problem when something is verified that is not there."""
    names = frozenset(told.verified or ())
    values = told.values()
    _check_verified(names, values.keys(), "/verified")
    return Identity(**values, verified=names)


async def identity_for(request: web.Request, body: CallRequest, client: Client, service: Service) -> Identity:
    """What is known about the citizen who is to be called: what was kept, completed by what the request tells.

    That is then kept too, with a line in the audit. A telephone number alone is not: the call itself keeps it.
    Raises Problem, LedgerUnavailable.
    """
    grant, user = request[GRANT], body.user
    citizen = Whose(client.id, grant.citizen or user.id)
    ledger = request.app[NEEDS].ledger
    tells = user.tells_identity()
    if grant.role is Role.CITIZEN:
        if tells:
            raise Problem("identity-not-yours")
        return known(await ledger.citizen(*citizen))
    if not tells and user.phone and not service.requires:
        return _completed(Identity(), user)  # nothing that was kept could change the answer: most calls are like that
    if not tells:
        return _completed(known(await ledger.citizen(*citizen)), user)
    async with request.app[TURNS].of(citizen):
        before = await ledger.citizen(*citizen)
        after = _completed(known(before), user)
        if before is None or after != known(before):
            await keep_identity(request, citizen, after)
    return after


def check_policy(service: Service, identity: Identity) -> None:
    """Raises Problem when the service asks for more than is known and verified."""
    if missing := identity.missing(service.requires):
        raise Problem("identity-required", service=service.id, missing=missing)


async def keep_identity(request: web.Request, citizen: Whose, identity: Identity) -> Citizen:
    """Note it, then keep it in place of what was known. Raises LedgerUnavailable."""
    needs = request.app[NEEDS]
    kept = Citizen(*citizen, identity.to_data(), identity.marks(), needs.clock())
    await note(request, "write-identity", citizen, detail={"fields": sorted(identity.values())})
    await needs.ledger.keep_citizen(kept)
    return kept


def known(citizen: Citizen | None) -> Identity:
    """What was kept."""
    return Identity.from_data(citizen.data) if citizen else Identity()


def _completed(before: Identity, user: User) -> Identity:
    values = user.values()
    # Before there was `verified`, `phone` was by its description the verified one; portals count on that.
    implied = ("phone",) if user.phone else ()
    names = frozenset(implied if user.verified is None else user.verified)
    after = before.updated(Identity(**values, verified=names & values.keys()))
    _check_verified(names, after.values().keys(), "/user/verified")
    return replace(after, verified=after.verified | names)


def _check_verified(names: frozenset[str], present: object, pointer: str) -> None:
    if names - set(present):  # type: ignore[call-overload]
        words = "names something that is neither given nor known"
        raise complaints.problem([complaints.item("body", pointer, words)])
