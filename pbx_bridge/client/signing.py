"""Sign requests and check answers (RFC 9421, RFC 9530), as docs/how-to/sign-requests.md says."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519, HMAC_SHA256
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from .errors import Untrusted
from .keys import Key

_LINE = ("@method", "@path", "@query")
#: Covered when the request has them.
_SENT = ("Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID")
#: What an answer must cover: its status, and the request it is for.
_BOUND = ("@status", '"@method";req', '"@path";req', '"@query";req', '"signature";req')
#: What it must cover when it has it.
_MEANING = ("Content-Type", "Location", "ETag", "Retry-After", "Idempotent-Replayed")

PublicKeys = Callable[[bool], Awaitable[Mapping[str, Ed25519PublicKey]]]
"""The service's keys; True: ask for them anew."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes out."""

    method: str
    url: str
    headers: CIMultiDict[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Got:
    """An answer as the library reads it."""

    status_code: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    request: Sent


def sign(key: Key, method: str, url: URL, headers: CIMultiDict[str], body: bytes, now: datetime | None = None) -> Sent:
    """Add the headers to `headers`. The signature has a nonce of its own: it is good for one sending.

    The authority is not covered, as proxies change it, so a placeholder stands in its place.
    """
    sent = Sent(method, f"http://service{url.raw_path_qs}", headers)
    resolver = MappingKeyResolver(public_keys={}, private_keys={key.id: key.material})
    HTTPMessageSigner(signature_algorithm=_algorithm(key), key_resolver=resolver).sign(
        sent,
        key_id=key.id,
        created=now or datetime.now(UTC),
        nonce=secrets.token_urlsafe(16),
        label="sig",
        include_alg=False,
        covered_component_ids=[*_LINE, *(name.lower() for name in _SENT if name in headers)],
        body=body or None,
    )
    return sent


def _algorithm(key: Key) -> type[ED25519] | type[HMAC_SHA256]:
    return HMAC_SHA256 if isinstance(key.material, bytes) else ED25519


class _Service(HTTPSignatureKeyResolver):
    """The service's keys; remembers which one was asked for in vain."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self._keys = keys
        self.missing = False

    def resolve_public_key(self, key_id: str) -> Any:
        """None for a key that is not known."""
        found = self._keys.get(key_id)
        self.missing = found is None
        return found


class _Verifier(HTTPMessageVerifier):
    """An answer is bound to the request's nonce, so its age says nothing more."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Nothing to look at."""


async def check(
    key: Key, sent: Sent, status: int, headers: CIMultiDictProxy[str], body: bytes, public_keys: PublicKeys
) -> None:
    """Raises Untrusted unless the answer is the service's own, and to this request.

    An answer to a request that was signed by HMAC must be signed with the same key.
    """
    got = _Got(status, headers, sent)
    if isinstance(key.material, bytes):
        _check(got, body, HMAC_SHA256, _Service({key.id: key.material}))
        return
    service = _Service(await public_keys(False))
    try:
        _check(got, body, ED25519, service)
    except Untrusted:
        if not service.missing:
            raise
        _check(got, body, ED25519, _Service(await public_keys(True)))


def _check(got: _Got, body: bytes, algorithm: type[ED25519] | type[HMAC_SHA256], service: _Service) -> None:
    # That a body's digest is covered, the library sees to when it is given the body.
    wanted = [*_BOUND, *(name.lower() for name in _MEANING if name in got.headers)]
    verifier = _Verifier(signature_algorithm=algorithm, key_resolver=service)
    try:
        verifier.verify(got, max_age=None, require_components=wanted, body=body)
    except InvalidSignature as error:
        raise Untrusted(f"the answer ({got.status_code}) is not signed by the service: {error}") from None
