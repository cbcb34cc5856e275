"""A program's own key: it signs requests, and proves who asks for a token."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

#: Seconds that an assertion counts. It is made anew for each request.
ASSERTION_S = 60
SHORTEST_HMAC = 32


@dataclass(frozen=True, slots=True)
class Key:
    """`id` is what the service calls it: `pbx-bridge client add` and `/v1/clients` say it. `material` is an Ed25519
    private key, or the bytes of an HMAC key."""

    id: str
    material: Ed25519PrivateKey | bytes = field(repr=False)

    @classmethod
    def from_pem(cls, id: str, pem: bytes | str, password: bytes | None = None) -> Key:
        """An Ed25519 private key in PKCS#8 PEM. Raises ValueError for any other."""
        loaded = load_pem_private_key(pem.encode() if isinstance(pem, str) else pem, password)
        if not isinstance(loaded, Ed25519PrivateKey):
            raise ValueError("the key must be an Ed25519 private key")
        return cls(id, loaded)

    @classmethod
    def from_shared(cls, id: str, text: str) -> Key:
        """A shared HMAC key in base64. Raises ValueError when it is not, or shorter than 32 bytes."""
        try:
            material = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError("the shared key must be base64") from None
        if len(material) < SHORTEST_HMAC:
            raise ValueError(f"the shared key must have {SHORTEST_HMAC} bytes or more")
        return cls(id, material)


def assertion(key: Key, client_id: str, audience: str, now: int) -> str:
    """Who asks for a token, as a JWT signed by the program (RFC 7523, 2.2). Times are seconds since the epoch.

    Raises ValueError for an HMAC key.
    """
    if isinstance(key.material, bytes):
        raise ValueError("private_key must be an Ed25519 key, not a shared one")
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "exp": now + ASSERTION_S,
        "jti": secrets.token_urlsafe(16),
    }
    header = {"alg": "EdDSA", "typ": "JWT", "kid": key.id}
    signed = f"{_part(header)}.{_part(claims)}"
    return f"{signed}.{_encoded(key.material.sign(signed.encode()))}"


def public_keys(key_set: Any) -> dict[str, Ed25519PublicKey]:
    """The Ed25519 keys of a key set (RFC 7517, RFC 8037) by their ids; others are left out."""
    listed = key_set.get("keys", []) if isinstance(key_set, dict) else []
    found = {}
    for each in listed:
        if isinstance(each, dict) and each.get("crv") == "Ed25519" and isinstance(each.get("kid"), str):
            encoded = str(each.get("x", ""))
            raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            found[each["kid"]] = Ed25519PublicKey.from_public_bytes(raw)
    return found


def _part(value: object) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
