"""What the room does without being asked: again and again, whatever becomes of one time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from aiohttp import web

from ..ledger.errors import LedgerUnavailable

log = structlog.get_logger(__name__)

#: Seconds that one time may take.
PATIENCE_S = 5.0


class Repeated:
    """Runs `work` every `every_s` seconds while the application lives. Give `context` to `app.cleanup_ctx`."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], every_s: float) -> None:
        self._name = name
        self._work = work
        self._every_s = every_s

    async def context(self, app: web.Application) -> AsyncIterator[None]:
        """The first time is waited for, and its failure is the application's: it does not start without."""
        await self._work()
        task = asyncio.create_task(self._run(), name=self._name)
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._work()
            except (LedgerUnavailable, TimeoutError) as error:
                log.warning("to be tried again", what=self._name, why=str(error) or "no answer in time")
            except Exception as error:
                log.error("failed for a reason nobody foresaw", what=self._name, exc_info=error)
