"""Signed requests (RFC 9421, RFC 9530): who holds a program's token must hold one of its keys too.

The library checks the signature itself. What a signature must say to count here is checked around it, because the
library leaves that to us: one signature, by a key of the program that the token names; its algorithm is the key's, and
never the message's choice; every part of the request that changes its meaning is covered; it is fresh by the
service's clock; and its nonce was never used before.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import http_sf
from aiohttp import hdrs, web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    MappingKeyResolver,
    VerifyResult,
)
from http_message_signatures.algorithms import ED25519, HMAC_SHA256
from multidict import CIMultiDictProxy

from ..ledger.access import Client, KeyKind
from . import bodies
from .grant import Grant
from .needs import NEEDS
from .nonces import Nonces
from .problems import Problem

NONCES: web.AppKey[Nonces] = web.AppKey("nonces", Nonces)

INPUT, SIGNATURE, DIGEST = "Signature-Input", "Signature", "Content-Digest"
#: Derived from the request line. Proxies change the authority and the scheme, so those cannot be covered.
LINE = ("@method", "@path", "@query")
#: Headers that change what a request means: whichever is sent must be covered, so that none can be added or changed.
MEANING = (hdrs.AUTHORIZATION, DIGEST, "Idempotency-Key", hdrs.IF_MATCH, hdrs.IF_NONE_MATCH, "Last-Event-ID")
#: Bounds, so that nobody makes the service work for nothing (characters, components).
LONGEST_FIELD = 4096
LONGEST_NONCE = 128
MOST_COMPONENTS = 32
_REQUIRED = frozenset({"created", "keyid", "nonce"})
_KNOWN = _REQUIRED | {"alg", "expires"}
#: RFC 9421, 5.1. What a signature must cover at least.
_ACCEPT = {
    "Accept-Signature": 'sig=("@method" "@path" "@query" "authorization" "content-digest");created;keyid;nonce',
    hdrs.WWW_AUTHENTICATE: 'Bearer realm="pbx-bridge"',
}

Key = Ed25519PublicKey | bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A request as the library reads it. The authority in `url` stands for nothing: it cannot be covered."""

    method: str
    url: str
    headers: CIMultiDictProxy[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """A request that was signed as it should be, by `key` (an HMAC key is its bytes)."""

    message: Message
    keyid: str
    nonce: str
    key: Key = field(repr=False)


#: Left in a request once its signature was found good and its nonce fresh: the answer will be signed.
PROOF: web.RequestKey[Proof] = web.RequestKey("proof", Proof)


class _Verifier(HTTPMessageVerifier):
    """The library's, which would look at a clock of its own."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Left to `_in_time`."""


async def verify(request: web.Request, client: Client, grant: Grant | None = None) -> None:
    """Let a request of `client` pass when its signature is good, or none is needed. Raises Problem, LedgerUnavailable.

    A citizen's token may be in a browser, which has no key of the program's: there a signature is checked when there
    is one, and not demanded.
    """
    if INPUT not in request.headers and SIGNATURE not in request.headers:
        if client.require_signature and (grant is None or grant.citizen is None):
            raise Problem("signature-required", headers=_ACCEPT)
        return
    needs = request.app[NEEDS]
    body = await bodies.read(request)
    if not request.raw_path.startswith("/"):
        raise _invalid("the request target must be a path")
    message = Message(request.method, f"http://service{request.raw_path}", request.headers)
    proof = check(message, body, client, needs.clock(), needs.settings.skew_s)
    if not await request.app[NONCES].use(f"{client.id}:{proof.keyid}", proof.nonce):
        raise Problem("signature-replayed", headers=_ACCEPT)
    request[PROOF] = proof


def check(message: Message, body: bytes, client: Client, now: datetime, skew_s: int) -> Proof:
    """Everything but whether the nonce is new. Raises Problem."""
    components, parameters = _read(message.headers)
    _in_time(parameters, now, skew_s)
    keyid = parameters["keyid"]
    key = _key(client, keyid, now)
    if parameters.get("alg", _algorithm(key).algorithm_id) != _algorithm(key).algorithm_id:
        raise _invalid("alg is not the algorithm of the key")
    _covers(components, message.headers, body)
    _is_signed(message, body, keyid, key)
    return Proof(message, keyid, parameters["nonce"], key)


def _read(headers: CIMultiDictProxy[str]) -> tuple[list[str], Mapping[str, Any]]:
    """The components and the parameters of the one signature."""
    inputs, signatures = _dictionary(headers, INPUT), _dictionary(headers, SIGNATURE)
    if len(inputs) != 1 or inputs.keys() != signatures.keys():
        raise _invalid("there must be exactly one signature, under the same label in both headers")
    listed, parameters = next(iter(inputs.values()))
    if not isinstance(listed, list):
        raise _invalid("Signature-Input must list the covered components")
    if len(listed) > MOST_COMPONENTS:
        raise _invalid(f"at most {MOST_COMPONENTS} components may be covered")
    _has_parameters(parameters)
    return [_component(*item) for item in listed], parameters


def _dictionary(headers: CIMultiDictProxy[str], name: str) -> dict[str, Any]:
    text = ", ".join(headers.getall(name, []))
    if not text:
        raise _invalid(f"{name} is missing")
    if len(text) > LONGEST_FIELD:
        raise _invalid(f"{name} is too long")
    try:
        parsed: Any = http_sf.parse(text.encode("ascii"), tltype="dictionary", on_duplicate_key=_twice)
    except ValueError:
        raise _invalid(f"{name} is not a dictionary of RFC 8941, each name once") from None
    found: dict[str, Any] = parsed
    return found


def _twice(name: str, where: str) -> None:
    raise ValueError(where)


def _component(name: Any, parameters: Mapping[str, Any]) -> str:
    if type(name) is not str or name != name.lower() or parameters:
        raise _invalid("components must be names in small letters, without parameters")
    if name.startswith("@") and name not in LINE:
        raise _invalid("the derived components are @method, @path and @query; a proxy may change the others")
    return name


def _has_parameters(parameters: Mapping[str, Any]) -> None:
    if missing := _REQUIRED - parameters.keys():
        raise _invalid(f"the signature lacks a parameter: {', '.join(sorted(missing))}")
    if parameters.keys() - _KNOWN:
        raise _invalid(f"the parameters may be: {', '.join(sorted(_KNOWN))}")
    for name, value in parameters.items():
        if type(value) is not (int if name in ("created", "expires") else str):
            raise _invalid(f"{name} is not of its type")
    if not 0 < len(parameters["nonce"]) <= LONGEST_NONCE:
        raise _invalid(f"nonce must have 1 to {LONGEST_NONCE} characters")


def _in_time(parameters: Mapping[str, Any], now: datetime, skew_s: int) -> None:
    seconds = now.timestamp()
    if abs(seconds - parameters["created"]) > skew_s or parameters.get("expires", seconds) < seconds:
        said = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        raise Problem("signature-stale", headers=_ACCEPT, server_time=said)


def _key(client: Client, keyid: str, now: datetime) -> Key:
    for key in client.living_keys(KeyKind.HMAC, now):
        if key.id == keyid:
            return base64.b64decode(key.material)
    for key in client.living_keys(KeyKind.PUBLIC, now):
        if key.id == keyid and (public := _public_key(key.material)):
            return public
    raise _invalid("keyid is not that of a living Ed25519 or HMAC key of the token's client")


@lru_cache(maxsize=1024)
def _public_key(jwk: str) -> Ed25519PublicKey | None:
    """None for a key that only proves who asks for a token (private_key_jwt), such as RSA."""
    described = json.loads(jwk)
    if (described.get("kty"), described.get("crv")) != ("OKP", "Ed25519"):
        return None
    encoded = described["x"]
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


def _algorithm(key: Key) -> type[ED25519] | type[HMAC_SHA256]:
    return HMAC_SHA256 if isinstance(key, bytes) else ED25519


def _covers(components: list[str], headers: CIMultiDictProxy[str], body: bytes) -> None:
    if body and DIGEST not in headers:
        raise _invalid("a request with a body needs a Content-Digest")
    wanted = [*LINE, *(name.lower() for name in MEANING if name in headers)]
    if missing := [name for name in wanted if name not in components]:
        raise _invalid(f"the signature does not cover: {', '.join(missing)}")


def _is_signed(message: Message, body: bytes, keyid: str, key: Key) -> None:
    resolver = MappingKeyResolver(public_keys={keyid: key}, private_keys={})
    verifier = _Verifier(signature_algorithm=_algorithm(key), key_resolver=resolver)
    try:
        results: list[VerifyResult] = verifier.verify(message, max_age=None)
    except HTTPMessageSignaturesException:
        raise _invalid("the signature does not fit the request and the key") from None
    try:
        verifier.verify_body(message, results, body)
    except HTTPMessageSignaturesException:
        raise _invalid("Content-Digest does not fit the body") from None


def _invalid(detail: str) -> Problem:
    return Problem("signature-invalid", detail, headers=_ACCEPT)
