"""How often a program or a network address may ask. Windows slide over the last minute (or hour) and live in memory:
a restart forgives, and what must not be forgiven (calls, codes, wrong codes) is counted in the ledger instead.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from ..ledger.access import Client
from .problems import Problem

#: Operations that machines of the operator's own ask all the time.
UNCOUNTED = frozenset({"isAlive", "isReady", "getMetrics"})
_FORWARDED = "X-Forwarded-For"


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """None: no limit. `refused` are tokens and secrets that were not believed, of one address in a minute; `streams_…`
    are those open at one time; `proxies` are networks that are believed when they say for whom they ask."""

    per_program: int | None = None
    per_address: int | None = None
    refused: int | None = None
    calls_per_hour: int | None = None
    streams_per_program: int | None = None
    streams_per_citizen: int | None = None
    proxies: Sequence[IPv4Network | IPv6Network] = ()


class Limits:
    """Counts, and refuses with Problem too-many-requests."""

    def __init__(self, chosen: RequestLimits) -> None:
        self._chosen = chosen
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    def address(self, request: web.Request) -> str:
        """Who asks: the peer, or whom a trusted proxy names; of several the last that is not a proxy of ours."""
        peer = request.remote or "-"
        hops = [hop.strip() for line in request.headers.getall(_FORWARDED, []) for hop in line.split(",")]
        while hops and self._is_proxy(peer):
            peer = hops.pop()
        return _household(peer)

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._chosen.proxies)

    async def of_address(self, request: web.Request) -> None:
        """One more request from this address, unless too many of its tokens and secrets were refused."""
        address = self.address(request)
        if self._chosen.refused is not None:
            item = RateLimitItemPerMinute(self._chosen.refused)
            if not await self._windows.test(item, "refused", address):
                raise await self._wait(item, "refused", address)
        if self._chosen.per_address is not None:
            await self._hit(RateLimitItemPerMinute(self._chosen.per_address), "address", address)

    async def of_program(self, client: Client) -> None:
        """One more request of this program."""
        limit = client.limits.requests_per_minute or self._chosen.per_program
        if limit is not None:
            await self._hit(RateLimitItemPerMinute(limit), "program", client.id)

    async def of_calls(self, client: Client) -> None:
        """One more call of this program."""
        limit = client.limits.calls_per_hour or self._chosen.calls_per_hour
        if limit is not None:
            await self._hit(RateLimitItemPerHour(limit), "calls", client.id)

    async def refused(self, request: web.Request) -> None:
        """What this address showed was not believed."""
        if self._chosen.refused is not None:
            await self._windows.hit(RateLimitItemPerMinute(self._chosen.refused), "refused", self.address(request))

    async def _hit(self, item: RateLimitItem, *whose: str) -> None:
        if not await self._windows.hit(item, *whose):
            raise await self._wait(item, *whose)

    async def _wait(self, item: RateLimitItem, *whose: str) -> Problem:
        stats = await self._windows.get_window_stats(item, *whose)
        return Problem("too-many-requests", retry_after_s=max(1, math.ceil(stats.reset_time - time.time())))


def _household(peer: str) -> str:
    """Whoever has one IPv6 address has 2^64 of them (RFC 6177): they count as one."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((int(address), 64), strict=False))
    return peer


LIMITS: web.AppKey[Limits] = web.AppKey("limits", Limits)
