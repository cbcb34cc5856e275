"""Somebody who knows what everybody may know, and sometimes a little more."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OKPKey, RSAKey

from pbx_bridge import jws
from tests.hostile.asker import Answer, Asker
from tests.hostile.fort import Fort

Sign = Callable[[bytes], bytes]


def encoded(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(members: Mapping[str, Any]) -> str:
    """A part of a token; what is None is left out."""
    return encoded(json.dumps({name: value for name, value in members.items() if value is not None}).encode())


class Attacker(Asker):
    """Asks without any token, unless it has found or forged one."""

    def __init__(self, fort: Fort) -> None:
        super().__init__(fort)
        self.own_key = ed25519.Ed25519PrivateKey.generate()

    # ── tokens ──
    async def published(self) -> dict[str, Any]:
        """The newest key that the service publishes."""
        key: dict[str, Any] = (await self.ask("GET", "/.well-known/jwks.json")).json["keys"][-1]
        return key

    def seen(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of a token that was overheard."""
        header, claims, _ = (json.loads(base64.urlsafe_b64decode(each + "==")) for each in _three(token))
        return header, claims

    def forges(
        self, token: str, *, header: Mapping[str, Any] | None = None, sign: Sign | None = None, **claims: Any
    ) -> str:
        """The token with changes, signed with the attacker's own key unless `sign` says how."""
        kept, said = self.seen(token)
        message = f"{part({**kept, **(header or {})})}.{part({**said, **claims})}"
        return f"{message}.{encoded((sign or self.own_key.sign)(message.encode()))}"

    async def with_token(self, token: str) -> Answer:
        """Looks at calls with it."""
        return await self.ask("GET", "/v1/calls", Authorization=f"Bearer {token}")

    def own_jwk(self) -> dict[str, Any]:
        """The public half of the attacker's key."""
        return {"kty": "OKP", "crv": "Ed25519", "x": encoded(self.own_key.public_key().public_bytes_raw())}


def _three(token: str) -> list[str]:
    header, claims, _ = token.split(".")
    return [header, claims, part({})]


def unsigned(message: bytes) -> bytes:
    """For `alg: none`."""
    return b""


def by_hmac(key: bytes) -> Sign:
    """HS256 with what is no secret."""
    return lambda message: hmac.digest(key, message, hashlib.sha256)


def shapes_of(jwk: Mapping[str, Any]) -> dict[str, bytes]:
    """A published key in every form in which a careless library might take it for a shared one."""
    x = str(jwk["x"])
    raw = base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))
    key = Ed25519PublicKey.from_public_bytes(raw)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "PEM": pem,
        "PEM without its end": pem.strip(),
        "DER": key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "raw": raw,
        "x": x.encode(),
        "JWK": json.dumps(dict(jwk), separators=(",", ":")).encode(),
        "nothing": b"",
    }


def signed_otherwise(algorithm: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A sound token by a fresh key of another family, which the header carries."""
    made: dict[str, Callable[[], Any]] = {
        "RS256": lambda: RSAKey.import_key(rsa.generate_private_key(65537, 2048)),
        "ES256": lambda: ECKey.import_key(ec.generate_private_key(ec.SECP256R1())),
        "EdDSA": lambda: OKPKey.import_key(ed25519.Ed25519PrivateKey.generate()),
    }
    key = made[algorithm]()
    return jws.sign({**header, "alg": algorithm, "jwk": key.as_dict(private=False)}, dict(claims), key)
