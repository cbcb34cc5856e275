"""Time that passes at once: every wait of asyncio's is over as soon as nothing else is left to do.

    pytest_plugins = ("tests.virtual_time_plugin",)

    async def test_it_gives_up_after_an_hour(virtual_time: VirtualTime) -> None:
        ...
        await virtual_time.advance(3600)

`asyncio.sleep`, timeouts and `call_later` all follow, so the code under test runs as it is. Threads keep real time:
the clock stands still while one of them works (SQLite's do), and moves on when its answer has been taken.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
#: What a socket of this machine may take to bring what was written at its other end (seconds of real time).
LOOPBACK_S = 0.002
#: A thread that works longer than this hangs (seconds of real time).
THREAD_S = 60.0


class Stuck(Exception):
    """Nothing is left that could ever happen, and the test still waits."""


class _Selector(selectors.DefaultSelector):
    """Instead of waiting for a timer it moves the clock to it."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        loop = self.loop
        if not loop.virtual:
            return super().select(timeout)
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if loop.threads_at_work:
            ready = super().select(THREAD_S)
            if not ready:
                raise Stuck(f"a thread has worked for {THREAD_S:g} s")
            return ready
        if len(self.get_map()) > 1:  # more than the loop's own wake-up pipe
            ready = super().select(LOOPBACK_S)
            if ready:
                return ready
        if timeout is None:
            raise Stuck(f"no timer runs, no thread works, and no socket has news, but there wait:\n{_waiting(loop)}")
        loop.jump(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An ordinary loop until `virtual` is set."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.loop = self
        self.virtual = False
        self.threads_at_work = 0
        self._now = 0.0
        super().__init__(selector)
        # In days' distance a billionth of a second, asyncio's grain, is less than a float can tell.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._now if self.virtual else super().time()

    def become_virtual(self) -> None:
        """From now on time moves by jumps only."""
        self._now = float(round(super().time()))
        self.virtual = True

    def become_real(self) -> None:
        """As before, for the end of a test: closing a loop waits for threads that only it knows."""
        self.virtual = False

    def jump(self, seconds: float) -> None:
        """Let time pass. Lands exactly on the next timer: a rounding error before it would be a moment for ever."""
        target = self._now + seconds
        timer: float = self._scheduled[0].when() if self._scheduled else target  # type: ignore[attr-defined]
        self._now = timer if abs(timer - target) < 1e-3 else target

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        self.threads_at_work += 1
        future.add_done_callback(self._thread_is_back)
        return future

    @contextmanager
    def thread_at_work(self) -> Iterator[None]:
        """Time stands still inside."""
        self.threads_at_work += 1
        try:
            yield
        finally:
            self.threads_at_work -= 1

    def _thread_is_back(self, _: object) -> None:
        self.threads_at_work -= 1


def _waiting(loop: asyncio.AbstractEventLoop) -> str:
    lines = []
    for task in asyncio.all_tasks(loop):
        lines.append(f"{task.get_name()}: {' > '.join(_places(task.get_coro()))}")
    return "\n".join(lines)


def _places(coroutine: Any) -> Iterator[str]:
    """Where it waits: from the outermost coroutine to the one that awaits a future."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None)
        if frame:
            yield f"{frame.f_code.co_qualname}:{frame.f_lineno}"
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)


class VirtualTime:
    """The wall clock of a test: noon on a Monday when it begins. Call it for the time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._start = loop.time()
        self._set_by = timedelta(0)

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=self.elapsed) + self._set_by

    def set_clock(self, by: timedelta) -> None:
        """Somebody sets the wall clock forward or back; no timer notices."""
        self._set_by += by

    @property
    def elapsed(self) -> float:
        """Seconds since the test began."""
        return round(self._loop.time() - self._start, 6)

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass, with everything that happens in them."""
        await asyncio.sleep(seconds)
