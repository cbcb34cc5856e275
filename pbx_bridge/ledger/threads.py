"""Threads for a database that blocks. Each piece of work costs one hop there and back, and little more:
concurrent.futures and asyncio.shield together take twice as long.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from .errors import LedgerUnavailable

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    over: bool = False

    def settle(self, result: Any, error: BaseException | None) -> None:
        """In the loop's thread."""
        self.over = True
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(result)
        else:
            self.answer.set_exception(error)


class Threads:
    """`count` threads that share the work. One thread does it in order."""

    def __init__(self, name: str, count: int = 1) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self.closed = False
        # Daemons: a process that forgot to close must still be able to end.
        self._threads = [Thread(target=self._toil, name=f"{name}-{number}", daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. A thread cannot be cancelled: a cancelled caller waits for it to finish."""
        if self.closed:
            raise LedgerUnavailable("the ledger is closed; open it again")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._jobs.put(job)
        try:
            return await job.answer  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            await _until_over(job)
            raise

    def close(self) -> None:
        """Finish what was given, then end the threads. Harmless when they have ended."""
        self.closed = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _toil(self) -> None:
        while (job := self._jobs.get()) is not None:
            result, error = None, None
            try:
                result = job.work()
            except BaseException as caught:  # whatever it is, the caller must hear it
                error = caught
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                job.loop.call_soon_threadsafe(job.settle, result, error)
            del job, result, error


async def _until_over(job: _Job) -> None:
    while not job.over:
        # The cancellation took the first answer with it.
        job.answer = job.loop.create_future()
        with contextlib.suppress(BaseException):
            await job.answer
