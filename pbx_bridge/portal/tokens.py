"""Access tokens: JWTs after RFC 9068, issued and checked here and nowhere else. A token holds no private value."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Any

from .. import jws
from ..conductor.ports import Clock
from ..subject import Subject
from .grant import Grant
from .signing_keys import ALGORITHM, LONGEST_TOKEN_S, SigningKeys

_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_ESSENTIAL = ("sub", "client_id", "iat", "jti")
#: A token of ours has some 500 bytes; longer ones are not worth a look.
_LONGEST = 4096
#: Tokens that are remembered as good. A program asks with the same one for minutes, a citizen's page too.
_REMEMBERED = 5000
#: The clocks of our own processes may disagree by so much (seconds).
_APART_S = 5


class NotAToken(Exception):
    """The text is not a living token of ours. `str()` says why, without the token."""


class Stale(NotAToken):
    """We signed it, but it does not count now: an honest asker who is late, not somebody who guesses."""


class UnknownKey(NotAToken):
    """It names a key that this process does not know (yet)."""


class Tokens:
    """Issues and checks."""

    def __init__(self, keys: SigningKeys, issuer: str, audience: str, clock: Clock) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._good: OrderedDict[str, Grant] = OrderedDict()

    def _now(self) -> int:
        return int(self._clock().timestamp())

    def issue(self, client: str, scopes: frozenset[str], lifetime_s: int) -> str:
        """A token for the program itself (RFC 9068, 2.2: then `sub` is the client). Seconds beyond
        LONGEST_TOKEN_S are cut. Raises LookupError when no key may sign; see SigningKeys.ready."""
        return self._sign(client, client, scopes, lifetime_s, {})

    def issue_for(self, subject: Subject, client: str, scopes: frozenset[str], lifetime_s: int) -> str:
        """A token for a citizen of the program. Raises ValueError for a citizen who is called like the program:
        nobody could tell their tokens apart (RFC 9068, 5), and LookupError as above."""
        if subject.user == client:
            raise ValueError("a citizen has the id of the program")
        more = {
            "acr": subject.acr,
            "amr": sorted(subject.amr) or None,
            "auth_time": subject.auth_time,
        }
        return self._sign(subject.user, client, scopes, lifetime_s, more)

    def _sign(self, sub: str, client: str, scopes: frozenset[str], lifetime_s: int, more: dict[str, Any]) -> str:
        now, key = self._now(), self._keys.signer()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": sub,
            "client_id": client,
            "scope": " ".join(sorted(scopes)),
            "iat": now,
            "nbf": now,
            "exp": now + min(lifetime_s, LONGEST_TOKEN_S),
            "jti": secrets.token_urlsafe(12),
        } | {name: value for name, value in more.items() if value is not None}
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}
        return jws.sign(header, claims, key.private)

    def check(self, token: str) -> Grant:
        """What the token grants now, unless it was revoked (revocations.py). Raises NotAToken, UnknownKey."""
        known = self._good.get(token)
        if known is not None and self._now() < known.expires_at:
            return known
        grant = self._examine(token)
        self._good[token] = grant
        if len(self._good) > _REMEMBERED:
            self._good.popitem(last=False)
        return grant

    def _examine(self, token: str) -> Grant:
        said = jws.peek(token, _LONGEST)
        if said is None or said.kid is None:
            raise NotAToken(_NOT_OURS)
        key = self._keys.find(said.kid)
        if key is None:
            raise UnknownKey(_NOT_OURS)
        try:
            claims = jws.verify(said, [key.public], (ALGORITHM,), _TYPES)
        except jws.NotGenuine as error:
            raise NotAToken(str(error)) from None
        try:
            jws.demand(
                claims,
                now=self._now(),
                issuer=self._issuer,
                audiences=(self._audience,),
                essential=_ESSENTIAL,
                leeway_s=_APART_S,
            )
        except jws.NotGenuine as error:
            raise Stale(str(error)) from None
        return _grant(claims)


_NOT_OURS = "the token is not one of this service"


def _grant(claims: dict[str, Any]) -> Grant:
    """Only what we signed comes here. Its form is looked at all the same: a mistake of ours must not become a right."""
    client, sub, scope = claims["client_id"], claims["sub"], claims.get("scope", "")
    acr, amr, auth_time = claims.get("acr"), claims.get("amr", []), claims.get("auth_time")
    texts = isinstance(client, str) and isinstance(scope, str) and isinstance(acr, str | None)
    if not texts or not isinstance(amr, list) or not isinstance(auth_time, int | None):
        raise NotAToken(_NOT_OURS)
    return Grant(
        client=client,
        scopes=frozenset(scope.split()),
        expires_at=int(claims["exp"]),
        token_id=claims["jti"],
        issued_at=int(claims["iat"]),
        citizen=None if sub == client else sub,
        acr=acr,
        amr=frozenset(str(each) for each in amr),
        auth_time=auth_time,
    )
