"""An issuer's public keys (JWKS, RFC 7517): fetched when needed, kept for minutes, by one question at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from .. import jws
from ..conductor.ports import Clock
from ..subject import IssuerAway
from .fetch import Fetch

log = structlog.get_logger(__name__)

#: Seconds that keys count without being fetched again: no longer is a key believed that the issuer took back.
KEPT_S = 600
#: An unknown key may be a new one; but whoever invents names must not make us ask more often (seconds).
AGAIN_S = 60
#: After a failure nobody asks for so long (seconds).
PAUSE_S = 2
MOST_KEYS = 100


class Keys:
    """The keys of one issuer."""

    def __init__(self, url: str, fetch: Fetch, clock: Clock) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: list[tuple[str | None, str | None, jws.Key]] = []
        self._fetched_at = float("-inf")
        self._failed_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def of(self, said: jws.Unverified) -> list[jws.Key]:
        """The keys that may have signed the token. Raises IssuerAway."""
        if not self._within(self._fetched_at, KEPT_S):
            await self._renew()
        found = self._find(said)
        if not found and not self._within(self._fetched_at, AGAIN_S):
            await self._renew()
            found = self._find(said)
        return found

    def _within(self, since: float, seconds: float) -> bool:
        return 0 <= self._clock().timestamp() - since < seconds

    def _find(self, said: jws.Unverified) -> list[jws.Key]:
        fitting = [(kid, key) for kid, algorithm, key in self._keys if algorithm in (None, said.header.get("alg"))]
        if "kid" in said.header:
            return [key for kid, key in fitting if kid == said.kid]
        return [key for _, key in fitting] if len(self._keys) == 1 else []  # who names no key must have but one

    async def _renew(self) -> None:
        """All who need the keys wait for one fetch. It goes on when the one who began it has gone."""
        if self._within(self._failed_at, PAUSE_S):
            raise IssuerAway("the issuer's keys could not be fetched a moment ago")
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._load(), name="issuer's keys")
            self._fetching.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._fetching)

    async def _load(self) -> None:
        try:
            listed = (await self._fetch.get(self._url)).get("keys")
            if not isinstance(listed, list) or len(listed) > MOST_KEYS:
                raise IssuerAway("the issuer's set of keys is not in its form")
        except IssuerAway as error:
            self._failed_at = self._clock().timestamp()
            log.warning("an issuer's keys could not be fetched", why=str(error))
            raise
        self._keys = [entry for jwk in listed if (entry := _entry(jwk)) is not None]
        self._fetched_at = self._clock().timestamp()


def _entry(jwk: Any) -> tuple[str | None, str | None, jws.Key] | None:
    if not isinstance(jwk, Mapping):
        return None
    kid, algorithm, key = jwk.get("kid"), jwk.get("alg"), jws.key_of(jwk)
    if key is None or not isinstance(kid, str | None) or not isinstance(algorithm, str | None):
        return None
    return kid, algorithm, key
