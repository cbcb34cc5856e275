"""Who asks, and may they? Every operation but the open ones passes here before its handler is called."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from aiohttp import hdrs, web
from aiohttp.web_urldispatcher import SystemRoute

from ..ledger.access import Client, Role
from .grant import CLIENT, GRANT, Grant
from .limits import LIMITS, UNCOUNTED
from .needs import NEEDS, Ledger
from .operations import OPERATION_OF, Handler
from .problems import Problem
from .revocations import REVOCATIONS
from .rights import Right
from .signatures import verify
from .signing_keys import SIGNING_KEYS
from .tokens import NotAToken, Stale, Tokens, UnknownKey

TOKENS: web.AppKey[Tokens] = web.AppKey("tokens", Tokens)


class Programs:
    """The programs that asked a moment ago, so that a busy one does not cost a reading for each request."""

    def __init__(self, ledger: Ledger, seconds: float) -> None:
        self._ledger = ledger
        self._seconds = seconds
        self._living: dict[str, tuple[float, Client]] = {}

    async def living(self, client_id: str) -> Client | None:
        """The program, unless it was disabled or removed `seconds` ago or earlier. Raises LedgerUnavailable."""
        now = asyncio.get_running_loop().time()
        until, client = self._living.get(client_id, (0.0, None))
        if client is not None and now < until:
            return client
        return await self.look(client_id)

    async def look(self, client_id: str) -> Client | None:
        """The program as it is this moment. Raises LedgerUnavailable."""
        client = await self._ledger.client(client_id)
        if client is None or client.disabled_at is not None:
            self._living.pop(client_id, None)
            return None
        self._living[client_id] = (asyncio.get_running_loop().time() + self._seconds, client)
        return client


PROGRAMS: web.AppKey[Programs] = web.AppKey("programs", Programs)
#: Seconds after which it may be known again what was revoked.
BLIND_RETRY_S = 2
_REALM = 'Bearer realm="pbx-bridge"'
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+) *", re.IGNORECASE)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse whoever may not; leave the grant in the request.

    A route that no operation owns is a system route of aiohttp (404, 405) or a CORS preflight; both hold nothing.
    Anything else without an operation is a mistake, and stays shut.
    """
    route = request.match_info.route
    operation = request.app[OPERATION_OF].get(route)
    if operation is None and not isinstance(route, SystemRoute) and request.method != hdrs.METH_OPTIONS:
        raise Problem("not-found")
    if operation is not None:
        if operation.right is None:  # forgotten in the table: shut
            raise Problem("not-found")
        limits = request.app[LIMITS]
        if operation.id not in UNCOUNTED:
            await limits.of_address(request)
        if operation.right.scope is not None:
            request[GRANT], request[CLIENT] = await _grant(request, operation.right)
            await limits.of_program(request[CLIENT])
    limit = request.app[NEEDS].settings.body_limit
    if (request.content_length or 0) > limit:  # also where no body is read: it would have to be thrown away
        raise Problem("too-large", max_bytes=limit)
    return await handler(request)


async def _grant(request: web.Request, right: Right) -> tuple[Grant, Client]:
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    if not headers:
        raise Problem("unauthorized", headers={hdrs.WWW_AUTHENTICATE: _REALM})
    match = _BEARER.fullmatch(headers[0])
    if len(headers) > 1 or match is None:
        raise _invalid("there must be one Authorization header, of the form `Bearer <token>`")
    try:
        grant = await _believed(request.app, match[1])
    except NotAToken as error:
        if not isinstance(error, Stale):  # many citizens behind one proxy may be late, and nobody guesses so
            await request.app[LIMITS].refused(request)
        raise _invalid(str(error)) from None
    client = await request.app[PROGRAMS].living(grant.client)
    if client is None:
        raise _invalid("the token's client was disabled or removed")
    await verify(request, client, grant)
    if right.scope not in grant.scopes & client.scopes:
        words = f'{_REALM}, error="insufficient_scope", scope="{right.scope}"'
        raise Problem("insufficient-scope", headers={hdrs.WWW_AUTHENTICATE: words}, scope=right.scope)
    # What the program is now counts, not what it was when the token was issued.
    grant = replace(grant, role=client.role if grant.citizen is None else Role.CITIZEN)
    if grant.role not in right.roles:
        raise Problem("wrong-role", role=grant.role.value)
    return grant, client


async def _believed(app: web.Application, token: str) -> Grant:
    """What the token grants, if it lives. Raises NotAToken, Problem, LedgerUnavailable."""
    revocations = app[REVOCATIONS]
    if revocations.blind:
        raise Problem("database-unavailable", retry_after_s=BLIND_RETRY_S)
    grant = await examine(app, token)
    if revocations.dead(grant):
        raise Stale("the token was revoked")
    return grant


async def examine(app: web.Application, token: str) -> Grant:
    """What the token grants by itself. Raises NotAToken, LedgerUnavailable."""
    try:
        return app[TOKENS].check(token)
    except UnknownKey:
        await app[SIGNING_KEYS].reread()
        return app[TOKENS].check(token)


def _invalid(detail: str) -> Problem:
    words = f'{_REALM}, error="invalid_token", error_description="{detail}"'
    return Problem("invalid-token", detail, headers={hdrs.WWW_AUTHENTICATE: words})
