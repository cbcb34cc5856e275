"""Names become addresses here once, and only addresses that were looked at are connected to: a second answer of the
name's server, however different, is asked for by nobody."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from threading import Thread
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from ..addresses import Reach

Found = Sequence[tuple[Any, ...]]
#: As socket.getaddrinfo.
LookUp = Callable[..., Found]


class Forbidden(OSError):
    """The name leads to an address that webhooks may not go to."""


class CheckedResolver(AbstractResolver):
    """For an aiohttp connector. One address that is not allowed spoils the name: whoever mixes them means no good."""

    def __init__(self, reach: Reach, look_up: LookUp = socket.getaddrinfo) -> None:
        self._reach = reach
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises Forbidden, OSError."""
        found = await _in_a_thread(self._look_up, host, port, type=socket.SOCK_STREAM, family=family)
        addresses = list(dict.fromkeys(each[4][0] for each in found))
        if not all(self._reach.allows(ip_address(address)) for address in addresses):
            raise Forbidden("it is not on the open Internet, nor in a network that is allowed")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """There is nothing to let go of."""


async def _in_a_thread(look_up: LookUp, *arguments: Any, **options: Any) -> Found:
    """A thread of its own for each question: names whose server is silent must not use up those that all others share,
    nor keep the process from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Found] = loop.create_future()

    def settle(found: Found | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found or ())

    def ask() -> None:
        found, error = None, None
        try:
            found = look_up(*arguments, **options)
        except Exception as caught:  # whatever it is, who asked must hear it
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, found, error)

    Thread(target=ask, name="webhook-name", daemon=True).start()
    return await answer
