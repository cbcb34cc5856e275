"""Access tokens: JWTs after RFC 9068, signed and checked here and nowhere else.

One symmetric key for now. When keys rotate, only this file changes: the header names its key by `kid` already.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from ..conductor.ports import Clock
from .grant import Grant

_ALGORITHM = "HS256"
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
#: A token of ours has some 400 bytes; longer ones are not worth a hash.
_LONGEST = 4096
#: Tokens whose signature is remembered as good. A portal asks with the same one for minutes.
_REMEMBERED = 1000
#: RFC 7518, 3.2: the key must be at least as long as the hash.
SHORTEST_KEY = 32


class NotAToken(Exception):
    """The text is not a living token of ours. `str()` says why, without the token."""


class Tokens:
    """Issues and checks. Raises ValueError for a key that is too short to be safe."""

    def __init__(self, key: bytes, issuer: str, audience: str, clock: Clock) -> None:
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"the token key needs at least {SHORTEST_KEY} bytes; it has {len(key)}")
        self._key = OctKey.import_key(key)
        # Not a fingerprint of the key alone: a public one would let a weak key be guessed off line.
        self._kid = hashlib.sha256(b"kid\0" + hashlib.sha256(key).digest()).hexdigest()[:8]
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._good: OrderedDict[str, Grant] = OrderedDict()
        self._rules = jwt.JWTClaimsRegistry(
            now=self._now,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            jti={"essential": True},
            client_id={"essential": True},
        )

    def _now(self) -> int:
        return int(self._clock().timestamp())

    def issue(self, client: str, scopes: frozenset[str], lifetime_s: int) -> str:
        """A token for the client itself (RFC 9068, 2.2: then `sub` is the client)."""
        now = self._now()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": client,
            "client_id": client,
            "scope": " ".join(sorted(scopes)),
            "iat": now,
            "exp": now + lifetime_s,
            "jti": secrets.token_urlsafe(12),
        }
        header = {"alg": _ALGORITHM, "typ": "at+jwt", "kid": self._kid}
        return jwt.encode(header, claims, self._key, algorithms=[_ALGORITHM])

    def check(self, token: str) -> Grant:
        """What the token grants now. Raises NotAToken."""
        known = self._good.get(token)
        if known is not None and self._now() < known.expires_at:
            return known
        grant = self._examine(token)
        self._good[token] = grant
        if len(self._good) > _REMEMBERED:
            self._good.popitem(last=False)
        return grant

    def _examine(self, token: str) -> Grant:
        if len(token) > _LONGEST or not token.isascii():
            raise NotAToken("the token is not one of this service")
        try:
            decoded = jwt.decode(token, self._key, algorithms=[_ALGORITHM])
            if str(decoded.header.get("typ")).lower() not in _TYPES:
                raise NotAToken("the token is not an access token")
            self._rules.validate(decoded.claims)
        except JoseError as error:
            raise NotAToken(_WORDS.get(error.error, "the token is not one of this service")) from None
        claims = decoded.claims
        client, scope = claims["client_id"], claims.get("scope", "")
        if not isinstance(client, str) or not isinstance(scope, str):
            raise NotAToken("the token is not one of this service")
        return Grant(client, frozenset(scope.split()), int(claims["exp"]), str(claims["jti"]))


_WORDS = {"expired_token": "the token has expired", "invalid_claim": "the token is not for this service or this time"}
