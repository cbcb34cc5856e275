"""Signed tokens (JWS, RFC 7515; JWT, RFC 7519): what is demanded of every one, whoever signed it. Pure.

Nothing that a token says about itself is trusted before its signature is: not which algorithm to use (the caller names
those that may be), not which key (the caller gives those that count), nothing "critical" (we understand none). Only
algorithms with a private half are known here, so who can check a token can never make one.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry, deserialize_compact

Key = ECKey | OKPKey | RSAKey

#: Algorithm to the type of its keys and their curve (RFC 7518, 8037, 9864: EdDSA is Ed25519's older name).
_KEYS: Mapping[str, tuple[str, str | None]] = {
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    **{f"{family}{bits}": ("RSA", None) for family in ("RS", "PS") for bits in (256, 384, 512)},
}
#: RFC 7518, 3.3.
_SHORTEST_RSA_BITS = 2048
_LONGEST_RSA_BITS = 8192
_PUBLIC_MEMBERS = frozenset({"kty", "crv", "x", "y", "n", "e", "kid"})
#: Bytes. A header with a chain of certificates has some thousands.
_LONGEST_HEADER = 8192


class NotGenuine(Exception):
    """The text is not a token that one of the keys signed, or not one that counts now. `str()` says why, without it."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says, before anybody has checked that it is true."""

    token: str = field(repr=False)
    header: dict[str, Any]
    claims: dict[str, Any] = field(repr=False)

    @property
    def kid(self) -> str | None:
        """The key it names."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None


class _Registry(JWSRegistry):
    """Headers of others may say more than we know: what matters of it is checked in `verify`."""

    max_header_length = 2 * _LONGEST_HEADER
    max_signature_length = 2048

    def get_alg(self, name: str) -> Any:
        # Without the warning that EdDSA has a newer name, which would cost more than the rest of the check.
        return self.algorithms[name]


_registry = _Registry(strict_check_header=False)


def sign(header: dict[str, Any], claims: dict[str, Any], key: Key) -> str:
    """A token, signed with the private half of the key."""
    return jwt.encode(header, claims, key, registry=_registry)


def peek(token: str, longest: int) -> Unverified | None:
    """What the text says about itself; None when it is no signed token, or longer than `longest` characters."""
    parts = token.split(".") if len(token) <= longest and token.isascii() else ()
    if len(parts) != 3 or len(parts[0]) > _LONGEST_HEADER:
        return None
    header, claims = _members(parts[0]), _members(parts[1])
    return None if header is None or claims is None else Unverified(token, header, claims)


def _members(part: str) -> dict[str, Any] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        return None
    return found if isinstance(found, dict) else None


def verify(
    said: Unverified, keys: Iterable[Key], algorithms: Collection[str], types: Collection[str | None]
) -> dict[str, Any]:
    """The claims of the token, signed by one of the keys. Its header's `typ` must be one of `types` (lower case; None:
    absent). Raises NotGenuine."""
    header = said.header
    algorithm, kind = header.get("alg"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in _KEYS:
        raise NotGenuine("the token is not signed by an algorithm that is allowed")
    if "crit" in header or "b64" in header:
        raise NotGenuine("the token's header demands what is not understood here")
    if not isinstance(kind, str | None) or (kind and kind.lower()) not in types:
        raise NotGenuine("the token is not of the type that is asked for")
    for key in keys:
        if not _fits(key, algorithm):
            continue
        try:
            deserialize_compact(said.token, key, algorithms=[algorithm], registry=_registry)
        except BadSignatureError:
            continue
        except (JoseError, ValueError, TypeError, RecursionError):
            break
        return said.claims
    raise NotGenuine("the token is not signed by a key that is known")


def _fits(key: Key, algorithm: str) -> bool:
    kind, curve = _KEYS[algorithm]
    return key.key_type == kind and (curve is None or (isinstance(key, ECKey | OKPKey) and key.curve_name == curve))


def key_of(jwk: Mapping[str, Any]) -> Key | None:
    """The public key that a JWK (RFC 7517) describes; None for one that cannot check signatures here: secret, of
    another use, too short, or not in its form."""
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    if jwk.get("kty") not in ("EC", "OKP", "RSA"):
        return None
    try:
        key = import_key({name: value for name, value in jwk.items() if name in _PUBLIC_MEMBERS})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key, RSAKey):
        public = key.public_key
        fine = isinstance(public, RSAPublicKey) and _SHORTEST_RSA_BITS <= public.key_size <= _LONGEST_RSA_BITS
        return key if fine else None
    return key if isinstance(key, ECKey | OKPKey) and algorithms_of(key) else None


def algorithms_of(key: Key) -> frozenset[str]:
    """Those that a key can check."""
    return frozenset(name for name in _KEYS if _fits(key, name))


def demand(
    claims: dict[str, Any],
    *,
    now: int,
    issuer: str,
    audiences: Collection[str],
    essential: Iterable[str] = (),
    leeway_s: int = 0,
    late_s: int = 0,
) -> None:
    """That the claims are of the issuer, for one of the audiences, and count now; `exp` and the `essential` ones must
    be there. `nbf` and `iat` may be `leeway_s` seconds ahead, `exp` at most `late_s` (no more than that) ago. Raises
    NotGenuine."""
    demanded: dict[str, Any] = {name: {"essential": True} for name in (*essential, "exp")}
    demanded["iss"] = {"essential": True, "value": issuer}
    demanded["aud"] = {"essential": True, "values": list(audiences)}
    try:
        jwt.JWTClaimsRegistry(now=now, leeway=leeway_s, **demanded).validate(claims)
    except ExpiredTokenError:
        raise NotGenuine(_EXPIRED) from None
    except MissingClaimError as error:
        raise NotGenuine(f"the token does not say what it must: {error.claim}") from None
    except InvalidClaimError as error:
        raise NotGenuine(_WRONG.get(error.claim, "a claim of the token is not in its form")) from None
    if claims["exp"] <= now - late_s:
        raise NotGenuine(_EXPIRED)


_EXPIRED = "the token has expired"
_WRONG = {
    "iss": "the token is of another issuer",
    "aud": "the token is for another audience",
    "nbf": "the token is not valid yet",
    "iat": "the token was issued in the future",
}
