"""What others need to know about our tokens: the keys they are signed with, and where what is."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import hdrs, web

from .. import client_auth, exchange, token_answers
from ..bodies import as_json
from ..needs import NEEDS
from ..operations import Answer, Operation
from ..problems import Problem
from ..rights import SCOPES
from ..signed_answers import ANSWER_KEYS
from ..signing_keys import SIGNING_KEYS

#: A key is published an hour before it signs, so a copy may be this old (seconds).
FRESH_S = 300
_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")


async def keys(request: web.Request) -> web.Response:
    """The public keys."""
    found = request.app[SIGNING_KEYS].published() + request.app[ANSWER_KEYS].published()
    return as_json({"keys": found}, headers={hdrs.CACHE_CONTROL: f"public, max-age={FRESH_S}"})


async def metadata(request: web.Request) -> web.Response:
    """Where what is, and what can be done there."""
    issuer = request.app[NEEDS].settings.issuer
    if "://" in issuer:
        headers: dict[str, str] = {hdrs.CACHE_CONTROL: f"public, max-age={FRESH_S}"}
        return as_json(_metadata(issuer, issuer.rstrip("/")), headers=headers)
    # Made of the request's own words, so no copy may be shown to others.
    headers = {hdrs.CACHE_CONTROL: f"private, max-age={FRESH_S}", hdrs.VARY: hdrs.HOST}
    return as_json(_metadata(issuer, _origin(request)), headers=headers)


def _origin(request: web.Request) -> str:
    if not _HOST.match(request.host):
        raise Problem("malformed-request", "the Host header is not in its form")
    return f"{request.scheme}://{request.host}"


def _metadata(issuer: str, base: str) -> dict[str, Any]:
    methods, algorithms = list(client_auth.METHODS), list(client_auth.ALGORITHMS)
    return {
        "issuer": issuer,
        "token_endpoint": f"{base}/oauth/token",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "service_documentation": f"{base}/docs",
        "scopes_supported": sorted(SCOPES),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials", exchange.GRANT_TYPE],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
    }


OPERATIONS = (
    Operation(
        id="getKeys",
        method="GET",
        path="/.well-known/jwks.json",
        summary="The keys that sign access tokens and answers",
        handler=keys,
        answers=(Answer(200, "A JWK Set (RFC 7517)", {"application/json": token_answers.KeySet}),),
    ),
    Operation(
        id="getMetadata",
        method="GET",
        path="/.well-known/oauth-authorization-server",
        summary="Where tokens are had, and how (RFC 8414)",
        handler=metadata,
        answers=(Answer(200, "The metadata", {"application/json": token_answers.Metadata}),),
    ),
)
