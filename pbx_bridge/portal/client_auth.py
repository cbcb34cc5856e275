"""Which program stands at a token endpoint: proven by its secret, or by a token that it signed itself (RFC 7523)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import structlog
from aiohttp import hdrs, web

from .. import jws
from ..ledger.access import Client, KeyKind
from .clients import is_secret
from .needs import NEEDS, Needs
from .oauth import Refusal
from .signatures import verify

log = structlog.get_logger(__name__)

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("EdDSA", "Ed25519", "ES256", "PS256", "RS256")
_TYPES = frozenset({None, "jwt", "application/jwt", "client-authentication+jwt"})
#: No assertion may be good for longer (seconds): it is remembered for as long, so that it counts once.
LONGEST_ASSERTION_S = 300
_LONGEST_TEXT = 8192
_LONGEST_JTI = 128


async def authenticate(request: web.Request, form: dict[str, str]) -> Client:
    """The program that asks, and has signed its request if it must. Raises Refusal, Problem, LedgerUnavailable."""
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    ways = [bool(headers), "client_secret" in form, "client_assertion" in form]
    if len(headers) > 1 or sum(ways) > 1:
        raise Refusal("invalid_request", f"the client must authenticate once, by one of {', '.join(METHODS)}")
    if "client_assertion" in form:
        client = await _by_assertion(request, form["client_assertion"], form.get("client_assertion_type"))
    elif headers:
        client = await _by_secret(request, *_basic(headers[0]))
    elif "client_secret" in form and "client_id" in form:
        client = await _by_secret(request, form["client_id"], form["client_secret"])
    else:
        raise Refusal("invalid_client", f"the client must authenticate, by one of {', '.join(METHODS)}")
    if form.get("client_id", client.id) != client.id:
        raise Refusal("invalid_request", "client_id is not the client that authenticates")
    await verify(request, client)
    return client


async def _by_secret(request: web.Request, client_id: str, secret: str) -> Client:
    needs = request.app[NEEDS]
    client = await _living(needs, client_id)
    known = is_secret(client_id, secret, client, needs.clock(), needs.settings.pepper)
    if client is None or not known:
        raise _unknown()
    return client


async def _living(needs: Needs, client_id: Any) -> Client | None:
    # NUL and overlong text would be refused by the database, not answered by it.
    if not isinstance(client_id, str) or not client_id.isascii() or not client_id.isprintable() or len(client_id) > 128:
        return None
    client = await needs.ledger.client(client_id)
    return client if client and client.disabled_at is None else None


def _unknown() -> Refusal:
    """The same words for whoever cannot prove to be a living client: they tell nothing about which there are."""
    log.warning("a client could not prove who it is")
    return Refusal("invalid_client", "client and proof do not belong together, or the client was disabled")


def _basic(header: str) -> tuple[str, str]:
    """RFC 6749, 2.3.1: both parts are form-encoded before they are joined."""
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        if not colon:
            raise ValueError
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (ValueError, binascii.Error):
        raise Refusal("invalid_client", "the Authorization header is not in the form of HTTP Basic") from None


# ── private_key_jwt ──
def audiences(issuer: str) -> tuple[str, ...]:
    """What an assertion may be for: the issuer or, where that is a URL, the token endpoint. Never a name from the
    request: then an assertion made for somebody else could be passed on to us."""
    return (issuer, f"{issuer.rstrip('/')}/oauth/token") if "://" in issuer else (issuer,)


async def _by_assertion(request: web.Request, assertion: str, kind: str | None) -> Client:
    needs = request.app[NEEDS]
    if kind != ASSERTION_TYPE:
        raise Refusal("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}")
    said = jws.peek(assertion, _LONGEST_TEXT)
    client = await _living(needs, said.claims.get("iss")) if said else None
    if said is None or client is None:
        raise _unknown()
    try:
        claims = jws.verify(said, _keys(client, needs.clock()), ALGORITHMS, _TYPES)
    except jws.NotGenuine:
        raise _unknown() from None
    # From here on the client itself speaks, and may be told what is wrong.
    until = _demand(claims, client, needs)
    await _once(needs, client, claims["jti"], until)
    return client


def _keys(client: Client, at: datetime) -> Collection[jws.Key]:
    keys = (jws.key_of(json.loads(key.material)) for key in client.living_keys(KeyKind.PUBLIC, at))
    return [key for key in keys if key is not None]


def _demand(claims: dict[str, Any], client: Client, needs: Needs) -> datetime:
    """RFC 7523, 3. Returns when the assertion ends."""
    now = int(needs.clock().timestamp())
    try:
        jws.demand(
            claims,
            now=now,
            issuer=client.id,
            audiences=audiences(needs.settings.issuer),
            essential=("sub", "jti"),
            leeway_s=needs.settings.skew_s,
        )
    except jws.NotGenuine as error:
        raise Refusal("invalid_client", f"client_assertion: {error}") from None
    if claims["sub"] != client.id:
        raise Refusal("invalid_client", "client_assertion: iss and sub must both be the client")
    if claims["exp"] > now + LONGEST_ASSERTION_S:
        raise Refusal("invalid_client", f"client_assertion: exp may be at most {LONGEST_ASSERTION_S} seconds ahead")
    if len(claims["jti"]) > _LONGEST_JTI or not claims["jti"].isprintable():
        raise Refusal("invalid_client", f"client_assertion: jti must be at most {_LONGEST_JTI} printable characters")
    return datetime.fromtimestamp(claims["exp"], UTC)


async def _once(needs: Needs, client: Client, jti: str, until: datetime) -> None:
    """RFC 7523, 3: an assertion that was used is not good again."""
    nonce = (client.id, f"jwt:{jti}")
    # A second more, so that it is remembered while the last fraction of its last second lasts.
    used = await needs.ledger.remember_nonces([nonce], needs.clock(), until + timedelta(seconds=1))
    if nonce in used:
        raise Refusal("invalid_client", "client_assertion: it was used before; make a new one for each request")
