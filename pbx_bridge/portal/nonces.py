"""Each nonce counts once. Requests that come while the database writes share the next write: one for all of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from ..conductor.ports import Clock
from .needs import Ledger

Nonce = tuple[str, str]
#: Added to the time that a nonce is remembered, for clocks of several processes that do not agree (seconds).
MARGIN_S = 10


class Nonces:
    """What was used, kept in the ledger for as long as a signature with it could still be in time.

    `keep_s` seconds is that time.
    """

    def __init__(self, ledger: Ledger, clock: Clock, keep_s: int) -> None:
        self._ledger = ledger
        self._clock = clock
        self._keep = timedelta(seconds=keep_s + MARGIN_S)
        self._waiting: dict[Nonce, asyncio.Future[bool]] = {}
        self._writer: asyncio.Task[None] | None = None

    async def use(self, scope: str, nonce: str) -> bool:
        """Whether it is used for the first time; returns once that is durable. Raises LedgerUnavailable."""
        pair = (scope, nonce)
        if pair in self._waiting:
            return False
        used: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[pair] = used
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await used

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, {}
                await self._write_one(batch)
        finally:
            self._writer = None

    async def _write_one(self, batch: dict[Nonce, asyncio.Future[bool]]) -> None:
        at = self._clock()
        try:
            replays = await self._ledger.remember_nonces(list(batch), at, at + self._keep)
        except BaseException as error:
            for used in batch.values():
                if not used.done():
                    used.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for pair, used in batch.items():
            if not used.done():  # else whoever asked has gone
                used.set_result(pair not in replays)
