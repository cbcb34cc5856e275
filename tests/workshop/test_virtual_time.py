"""The clock of the tests keeps its promises, for a test that runs on a wrong clock proves nothing."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from tests.virtual_time import NOON, Stuck, VirtualLoop, VirtualTime

pytest_plugins = ("tests.virtual_time_plugin",)


async def test_a_year_passes_at_once(virtual_time: VirtualTime) -> None:
    began = time.monotonic()
    await virtual_time.advance(365 * 86400)
    assert virtual_time() == NOON + timedelta(days=365)
    assert time.monotonic() - began < 5


async def test_what_happens_meanwhile_happens_in_its_order_and_at_its_time(virtual_time: VirtualTime) -> None:
    seen: list[tuple[str, float]] = []

    async def later(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, virtual_time.elapsed))

    await asyncio.gather(later("third", 60), later("first", 0.5), later("second", 2))
    assert seen == [("first", 0.5), ("second", 2.0), ("third", 60.0)]


async def test_time_stands_still_while_a_thread_works(virtual_time: VirtualTime) -> None:
    alarm = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.to_thread(time.sleep, 0.05)
    assert virtual_time.elapsed == 0
    assert not alarm.done()
    alarm.cancel()


async def test_a_conversation_over_a_socket_takes_no_time(virtual_time: VirtualTime) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with asyncio.timeout(1):
        for number in range(100):
            writer.write(b"%d\n" % number)
            assert await reader.readline() == b"%d\n" % number
    writer.close()
    server.close()
    assert virtual_time.elapsed == 0


async def test_a_timeout_is_over_when_its_time_is(virtual_time: VirtualTime) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(900):
            await asyncio.Event().wait()
    assert virtual_time.elapsed == 900


def test_waiting_for_nothing_is_an_error_and_not_a_hang() -> None:
    async def wait_for_ever() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.become_virtual()
        await asyncio.Event().wait()

    with pytest.raises(Stuck), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(wait_for_ever())


async def test_other_tests_keep_the_loop_that_python_gives() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)
