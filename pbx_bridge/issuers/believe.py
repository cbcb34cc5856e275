"""Whose token is it, and is it good? The one door of this room."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Any

import structlog

from .. import jws
from ..conductor.ports import Clock
from ..subject import IssuerAway, NotBelieved, Subject
from .claims import check, subject_of
from .fetch import Fetch
from .introspection import Introspection
from .issuer import Issuer
from .keys import Keys

log = structlog.get_logger(__name__)

#: Characters of a token that are worth a look.
LONGEST = 16 * 1024
#: Of access tokens (RFC 9068), ID tokens and plain ones. Not of logout tokens and the like, which the same keys sign.
_TYPES = frozenset({None, "jwt", "application/jwt", "at+jwt", "application/at+jwt"})


class Issuers:
    """Those that are configured. Raises ValueError with a sentence when two have the same name."""

    def __init__(self, issuers: Iterable[Issuer], clock: Clock) -> None:
        self._issuers: dict[str, _Known] = {}
        for issuer in issuers:
            if issuer.issuer in self._issuers:
                raise ValueError(f"the issuer {issuer.issuer} is there twice")
            self._issuers[issuer.issuer] = _Known(issuer, clock)

    async def believe(self, token: str, allowed: frozenset[str]) -> Subject:
        """Who the token is for, if one of the `allowed` issuers gave it. Raises NotBelieved, IssuerAway."""
        if not token or len(token) > LONGEST or not token.isascii() or not token.isprintable():
            raise NotBelieved("the token is not in a form that any issuer uses")
        said = jws.peek(token, LONGEST)
        try:
            if said is not None and "iss" in said.claims:
                return await self._of(said.claims["iss"], allowed).believe(token, said)
            return await self._opaque(token, allowed)
        except IssuerAway as error:
            log.warning("a citizen's token cannot be checked", why=str(error))
            raise

    def _of(self, name: Any, allowed: Collection[str]) -> _Known:
        """The issuer that the token names; whether that is true is seen when it is checked."""
        if not isinstance(name, str) or name not in allowed or name not in self._issuers:
            raise NotBelieved("the token is not of an issuer that your client may speak for")
        return self._issuers[name]

    async def _opaque(self, token: str, allowed: Collection[str]) -> Subject:
        """A token that says nothing: the issuers are asked, one after the other. One that checks signatures too gives
        no such tokens. When none knows it but one could not be asked, it is not known."""
        asked = [known for name, known in self._issuers.items() if name in allowed and known.is_asked_only]
        away: IssuerAway | None = None
        for known in asked:
            try:
                return await known.believe(token, None)
            except NotBelieved:
                continue
            except IssuerAway as error:
                away = error
        if away is not None:
            raise away
        raise NotBelieved("no issuer that your client may speak for knows the token")

    async def close(self) -> None:
        """Hang up."""
        await asyncio.gather(*(known.fetch.close() for known in self._issuers.values()))


class _Known:
    """One issuer, and what is needed to ask it."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self.fetch = Fetch(issuer.ca_file)
        self._keys = Keys(issuer.jwks_url, self.fetch, clock) if issuer.jwks_url else None
        self._introspection = Introspection(issuer, self.fetch, clock) if issuer.introspection_url else None

    @property
    def is_asked_only(self) -> bool:
        """Whether it need not sign its tokens."""
        return self._keys is None

    async def believe(self, token: str, said: jws.Unverified | None) -> Subject:
        """Raises NotBelieved, IssuerAway."""
        signed = await self._by_keys(said) if self._keys and said else None
        told = await self._introspection.claims(token) if self._introspection else None
        now = int(self._clock().timestamp())
        if told is not None:
            check(told, self._issuer, now)
        if signed is None and told is None:
            raise NotBelieved("the token is not in the form that its issuer uses")
        return subject_of(self._issuer, now, signed, told)

    async def _by_keys(self, said: jws.Unverified) -> dict[str, Any]:
        assert self._keys is not None
        try:
            claims = jws.verify(said, await self._keys.of(said), self._issuer.algorithms, _TYPES)
            jws.demand(
                claims,
                now=int(self._clock().timestamp()),
                issuer=self._issuer.issuer,
                audiences=(self._issuer.audience,),
                essential=(self._issuer.subject_claim,),
                leeway_s=self._issuer.leeway_s,
                late_s=self._issuer.leeway_s,
            )
        except jws.NotGenuine as error:
            raise NotBelieved(str(error)) from None
        return claims
