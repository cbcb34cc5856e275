"""Virtual time for tests that ask for it: `virtual_time`, see tests/virtual_time.py.

pytest_plugins = ("tests.virtual_time_plugin",)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from pbx_bridge.ledger.threads import Threads
from tests.virtual_time import VirtualLoop, VirtualTime


@pytest.fixture
async def virtual_time(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VirtualTime]:
    """Virtual time from here to the end of the test."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "the test must name this fixture, not only ask for it while it runs"
    run = Threads.run

    async def waited_for(threads: Threads, work: Callable[[], Any]) -> Any:
        with loop.thread_at_work():
            return await run(threads, work)

    # The ledger keeps threads of its own, of which no loop knows.
    monkeypatch.setattr(Threads, "run", waited_for)
    loop.become_virtual()
    yield VirtualTime(loop)
    loop.become_real()


def wants_virtual_time(item: pytest.Item) -> bool:
    """Whether a test needs a loop that can become virtual: by asking for the time, or for a choice of exchanges."""
    return not {"virtual_time", "town"}.isdisjoint(getattr(item, "fixturenames", ()))


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Everybody else keeps the loop that Python gives."""
    return {"loop": VirtualLoop if wants_virtual_time(item) else asyncio.new_event_loop}
