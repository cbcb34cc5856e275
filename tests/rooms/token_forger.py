"""Tokens made by hand, header and claims as told: a library would not sign what is wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from pbx_bridge.portal.signing_keys import SigningKeys
from pbx_bridge.portal.tokens import Tokens

from .portal_house import House

Signer = Callable[[bytes], bytes]


def part(members: Mapping[str, Any]) -> str:
    """A part of a token; what is None is left out."""
    kept = {name: value for name, value in members.items() if value is not None}
    return base64.urlsafe_b64encode(json.dumps(kept).encode()).rstrip(b"=").decode()


def made(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Signer) -> str:
    """Signed, whatever it says."""
    message = f"{part(header)}.{part(claims)}"
    return f"{message}.{base64.urlsafe_b64encode(sign(message.encode())).rstrip(b'=').decode()}"


def unsigned(message: bytes) -> bytes:
    """For `alg: none`."""
    return b""


def by_hmac(key: bytes) -> Signer:
    """HS256."""
    return lambda message: hmac.new(key, message, hashlib.sha256).digest()


class Forger:
    """Somebody who has read the ledger's key, so that all but one thing about a token can be right."""

    def __init__(self, house: House) -> None:
        kept = next(key for key in house.signing_keys_.values() if key.purpose == "token")
        key = load_pem_private_key(kept.private, None)
        assert isinstance(key, Ed25519PrivateKey)
        self.key = key
        self.kid = kept.id
        self.now = int(house.clock().timestamp())

    @property
    def public_pem(self) -> bytes:
        """What everybody may know."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def public_raw(self) -> bytes:
        """The same, as the key set tells it."""
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def forge(self, *, sign: Signer | None = None, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A good token of the program `c`, but for what is told."""
        good = {
            "iss": "pbx-bridge",
            "aud": "pbx-bridge",
            "sub": "c",
            "client_id": "c",
            "jti": "j",
            "scope": "calls:read",
            "iat": self.now,
            "nbf": self.now,
            "exp": self.now + 60,
        }
        named = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid, **(header or {})}
        return made(named, good | claims, sign or self.key.sign)


async def tokens_of(house: House) -> Tokens:
    """The room's tokens without its HTTP."""
    keys = SigningKeys(house, house.clock, 7 * 86400)
    await keys.look()
    return Tokens(keys, "pbx-bridge", "pbx-bridge", house.clock)
