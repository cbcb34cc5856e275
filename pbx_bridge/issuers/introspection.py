"""Ask an issuer whether a token lives (RFC 7662). Answers are kept for seconds, by the token's hash."""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from ..conductor.ports import Clock
from ..subject import NotBelieved
from .claims import is_number
from .fetch import Fetch
from .issuer import Issuer

#: A refusal is kept for at most so long (seconds): the citizen may log in again.
REFUSAL_S = 5
#: Answers that are kept.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer that counts from `since` until `until`, and at no other time: clocks may be set back."""

    since: float
    until: float
    claims: dict[str, Any] | None = field(repr=False)


class Introspection:
    """Questions to one issuer."""

    def __init__(self, issuer: Issuer, fetch: Fetch, clock: Clock) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        pair = f"{quote_plus(issuer.introspection_client)}:{quote_plus(issuer.introspection_secret)}"
        self._headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    async def claims(self, token: str) -> dict[str, Any]:
        """What the issuer says about a living token. Raises NotBelieved, IssuerAway."""
        claims = await self._answer(token)
        if claims is None:
            raise NotBelieved("the issuer says that the token does not live")
        return claims

    async def _answer(self, token: str) -> dict[str, Any] | None:
        mark, now = hashlib.sha256(token.encode()).digest(), self._clock().timestamp()
        kept = self._kept.get(mark)
        if kept is not None and kept.since <= now < kept.until:
            return kept.claims
        form = {"token": token, "token_type_hint": "access_token"}
        answer = await self._fetch.post(self._issuer.introspection_url, form, self._headers)
        claims = answer if answer.get("active") is True else None
        self._keep(mark, _Kept(now, self._until(now, claims), claims))
        return claims

    def _until(self, now: float, claims: dict[str, Any] | None) -> float:
        cache_s = self._issuer.introspection_cache_s
        if claims is None:
            return now + min(cache_s, REFUSAL_S)
        expires_at = claims.get("exp")
        return min(now + cache_s, expires_at) if is_number(expires_at) else now + cache_s

    def _keep(self, mark: bytes, kept: _Kept) -> None:
        self._kept.pop(mark, None)
        if kept.until > kept.since:
            self._kept[mark] = kept
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
