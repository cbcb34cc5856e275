"""Tokens for programs (RFC 6749, 4.4) and, in exchange for a portal's own, for its citizens (RFC 8693)."""

from __future__ import annotations

from typing import Any

import structlog
from aiohttp import web

from ...ledger.access import Client
from .. import exchange, token_answers
from ..bodies import as_json
from ..client_auth import authenticate
from ..guard import TOKENS
from ..oauth import FORM, NO_STORE, Refusal, of_form
from ..operations import Answer, Body, Header, Operation
from ..problems import OF_SIGNATURES
from ..signing_keys import LONGEST_TOKEN_S, SIGNING_KEYS

log = structlog.get_logger(__name__)


@of_form
async def token(request: web.Request, form: dict[str, str]) -> web.Response:
    """A token, or the RFC's own form of error."""
    client = await authenticate(request, form)
    kind = form.get("grant_type")
    if kind is None:
        raise Refusal("invalid_request", "grant_type is required")
    if kind == "client_credentials":
        answer = await _own(request, form, client)
    elif kind == exchange.GRANT_TYPE:
        answer = await exchange.exchange(request, form, client)
    else:
        raise Refusal("unsupported_grant_type", f"the grant_type must be client_credentials or {exchange.GRANT_TYPE}")
    log.info("token issued", client=client.id, grant=kind)
    return as_json(answer, headers=NO_STORE)


async def _own(request: web.Request, form: dict[str, str], client: Client) -> dict[str, Any]:
    scopes = frozenset(form.get("scope", "").split()) or client.scopes
    if not scopes <= client.scopes:
        raise Refusal("invalid_scope", "the client may not have every scope it asks for")
    await request.app[SIGNING_KEYS].ready()
    return {
        "access_token": request.app[TOKENS].issue(client.id, scopes, client.token_lifetime_s),
        "token_type": "Bearer",
        "expires_in": min(client.token_lifetime_s, LONGEST_TOKEN_S),
        "scope": " ".join(sorted(scopes)),
    }


OPERATIONS = (
    Operation(
        id="getToken",
        method="POST",
        path="/oauth/token",
        summary="Get an access token for your application, or for one of its citizens",
        description=(
            "A program proves itself by its secret, in the header or the form, or by a token that it signed with its "
            "registered key (`private_key_jwt`): `iss` and `sub` are the client, `aud` is the issuer that "
            "`/.well-known/oauth-authorization-server` names, `exp` is at most 5 minutes ahead and `jti` is new. "
            "A portal exchanges its citizen's own token for a short one that may go to the citizen's browser: it "
            "sees and moves only that citizen's calls, and ends with the token it was given for."
        ),
        handler=token,
        headers=(Header("Authorization", "HTTP Basic with client id and secret, instead of the form's fields"),),
        body=Body(
            token_answers.TokenForm,
            {
                "in the form": {
                    "grant_type": "client_credentials",
                    "client_id": "client_1",
                    "client_secret": "pbxs_…",
                },
                "for a citizen": {
                    "grant_type": exchange.GRANT_TYPE,
                    "client_id": "client_1",
                    "client_secret": "pbxs_…",
                    "subject_token": "eyJ…",
                    "subject_token_type": exchange.ACCESS_TOKEN,
                },
            },
            FORM,
        ),
        answers=(
            Answer(200, "A token", {"application/json": token_answers.Token}),
            Answer(400, "The request is not valid (RFC 6749, 5.2)", {"application/json": token_answers.TokenError}),
            Answer(
                401,
                "The client could not be authenticated",
                {"application/json": token_answers.TokenError},
                (Header("WWW-Authenticate", "RFC 7617"),),
            ),
            Answer(
                503,
                "The issuer of the subject_token cannot be asked now",
                {"application/json": token_answers.TokenError},
                (Header("Retry-After", "seconds", {"type": "integer"}, required=True),),
            ),
        ),
        problems=("database-unavailable", *OF_SIGNATURES),
    ),
)
