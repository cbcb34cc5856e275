"""Tokens for programs: the client credentials grant (RFC 6749, 4.4)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote_plus

import structlog
from aiohttp import hdrs, web

from ...ledger.access import Client
from .. import answers
from ..bodies import as_json, read_form
from ..clients import is_secret
from ..guard import TOKENS
from ..needs import NEEDS
from ..operations import Answer, Body, Header, Operation

log = structlog.get_logger(__name__)

_NO_STORE: Mapping[str, str] = {hdrs.CACHE_CONTROL: "no-store", hdrs.PRAGMA: "no-cache"}
_FORM = "application/x-www-form-urlencoded"


class _Refusal(Exception):
    """An error of RFC 6749, 5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


async def token(request: web.Request) -> web.Response:
    """A token, or the RFC's own form of error (which client libraries expect here)."""
    try:
        return await _token(request)
    except _Refusal as refusal:
        answer = {"error": refusal.error, "error_description": refusal.description}
        if refusal.error != "invalid_client":
            return as_json(answer, status=400, headers=_NO_STORE)
        challenge = 'Basic realm="pbx-bridge", charset="UTF-8"'
        return as_json(answer, status=401, headers={**_NO_STORE, hdrs.WWW_AUTHENTICATE: challenge})


async def _token(request: web.Request) -> web.Response:
    form = await read_form(request)
    if form is None:
        raise _Refusal("invalid_request", f"the body must be {_FORM}, each field once")
    client = await _client(request, *_credentials(request, form))
    if form.get("grant_type") is None:
        raise _Refusal("invalid_request", "grant_type is required")
    if form["grant_type"] != "client_credentials":
        raise _Refusal("unsupported_grant_type", "the grant_type must be client_credentials")
    scopes = frozenset(form.get("scope", "").split()) or client.scopes
    if not scopes <= client.scopes:
        raise _Refusal("invalid_scope", "the client may not have every scope it asks for")
    access = request.app[TOKENS].issue(client.id, scopes, client.token_lifetime_s)
    log.info("token issued", client=client.id)
    answer = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": client.token_lifetime_s,
        "scope": " ".join(sorted(scopes)),
    }
    return as_json(answer, headers=_NO_STORE)


async def _client(request: web.Request, client_id: str, secret: str) -> Client:
    needs = request.app[NEEDS]
    # NUL and overlong text would be refused by the database, not answered by it.
    plausible = client_id.isprintable() and client_id.isascii() and len(client_id) <= 128
    client = await needs.ledger.client(client_id) if plausible else None
    living = client if client and client.disabled_at is None else None
    known = is_secret(client_id, secret, living, needs.clock(), needs.settings.pepper)
    if not known or living is None:
        log.warning("token refused")
        raise _Refusal("invalid_client", "client id and secret do not belong together, or the client was disabled")
    return living


def _credentials(request: web.Request, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret from the one place where they are. Raises _Refusal."""
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    in_form = "client_secret" in form
    if len(headers) > 1 or (headers and in_form):
        raise _Refusal("invalid_request", "the client must authenticate once: by HTTP Basic or in the form")
    if headers:
        return _basic(headers[0])
    if not in_form or "client_id" not in form:
        raise _Refusal("invalid_client", "the client must authenticate, by HTTP Basic or in the form")
    return form["client_id"], form["client_secret"]


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
        raise _Refusal("invalid_client", "the Authorization header is not in the form of HTTP Basic") from None


OPERATIONS = (
    Operation(
        id="getToken",
        method="POST",
        path="/oauth/token",
        summary="Get an access token for your application",
        handler=token,
        headers=(Header("Authorization", "HTTP Basic with client id and secret, instead of the form's fields"),),
        body=Body(
            answers.TokenForm,
            {"in the form": {"grant_type": "client_credentials", "client_id": "client_1", "client_secret": "pbxs_…"}},
            _FORM,
        ),
        answers=(
            Answer(200, "A token", {"application/json": answers.Token}),
            Answer(400, "The request is not valid (RFC 6749, 5.2)", {"application/json": answers.TokenError}),
            Answer(
                401,
                "The client could not be authenticated",
                {"application/json": answers.TokenError},
                (Header("WWW-Authenticate", "RFC 7617"),),
            ),
        ),
        problems=("database-unavailable",),
    ),
)
