"""The process dies at any moment: every event arrives at least once, in the order of its call, with the same id."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pbx_bridge.ledger import Ledger
from pbx_bridge.ledger.postings import Owed
from pbx_bridge.webhooks.courier import LEASE_S, Courier
from tests.rooms.ledger_calls import KEY, PEPPER
from tests.virtual_time import VirtualTime

from .desks import Desk, answer, desk, headers_of
from .owed import URL, begins, happens, program
from .receivers import Receivers
from .test_courier import running, states

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

ROOT = Path(__file__).parents[2]


class Mortal:
    """The ledger and the receivers of a process that dies at its `at`-th step: what it asked then is done, if `done`,
    and nobody hears of it; nothing that it asks later is done, not even the orderly things."""

    def __init__(self, ledger: Ledger, receivers: Receivers, at: int, done: bool) -> None:
        self.dead = False
        self._parts = (receivers, ledger)
        self._left, self._done = at, done

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = next(getattr(part, name) for part in self._parts if hasattr(part, name))

        async def step(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self.dead = True
                if self._done:
                    await real(*arguments, **options)
            if self.dead:
                await asyncio.Event().wait()
            return await real(*arguments, **options)

        return step


async def test_at_each_step_of_the_loop(sqlite_ledger: Ledger, virtual_time: VirtualTime) -> None:
    ledger, receivers = sqlite_ledger, Receivers()
    await program(ledger)
    receivers.manners[URL] = lambda message: 500 if message.sequence == 2 and message.number == 1 else 204
    calls, deaths, user = [], 0, 0
    while True:
        user += 1
        calls += [(await happens(ledger, await begins(ledger, f"u{user}{who}"), 2))[0] for who in "ab"]
        mortal = Mortal(ledger, receivers, (user + 1) // 2, done=bool(user % 2))
        courier = Courier(mortal, mortal, virtual_time, f"mortal-{user}", "pbx-1", chance=lambda: 0.0)
        task = asyncio.create_task(courier.run())
        await virtual_time.advance(30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with running(ledger, receivers, virtual_time):
            await virtual_time.advance(LEASE_S + 400)
        assert set(await states(ledger)) == {Owed.DELIVERED}, f"after a death at step {user}"
        if not mortal.dead:
            break
        deaths += 1
    assert deaths > 20
    for call in calls:
        assert list(dict.fromkeys(receivers.order(call.id))) == [1, 2, 3]
        assert receivers.order(call.id) == sorted(receivers.order(call.id))


#: A process with a courier and nothing else.
PROGRAM = f"""
import asyncio, sys
from datetime import UTC, datetime
from ipaddress import ip_network
from pbx_bridge.addresses import Reach
from pbx_bridge.ledger import Ledger
from pbx_bridge.webhooks.courier import Courier
from pbx_bridge.webhooks.post import Post
async def main():
    ledger = await Ledger.open(sys.argv[1], [{KEY!r}], pepper={PEPPER!r})
    post = Post(Reach((ip_network("127.0.0.0/8"),), plain=True))
    print("begins", flush=True)
    await Courier(ledger, post, lambda: datetime.now(UTC), sys.argv[2], "pbx-1", lease_s=0.3, look_s=0.1).run()
asyncio.run(main())
"""


async def lives(url: str, name: str, seconds: float | None, there: Desk, wanted: int) -> None:
    """One life: killed after so many seconds, or once everything has arrived."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, url, name, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    await process.stdout.readline()
    if seconds is not None:
        await asyncio.sleep(seconds)
    else:
        async with asyncio.timeout(30):
            while len({each for each in arrived(there)}) < wanted:  # noqa: ASYNC110  the desk has no bell
                await asyncio.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    await process.wait()


def arrived(there: Desk) -> list[str]:
    return [dict(headers_of(each.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"))["webhook-id"] for each in there.heard]


async def test_a_real_process_that_is_killed_again_and_again(ledger: Ledger, ledger_url: str) -> None:
    chance = random.Random(5)
    events: dict[str, list[str]] = {}
    async with desk(answer("200 OK")) as there:
        await program(ledger, callback_url=there.url())
        for user in range(25):
            call, _ = await happens(ledger, await begins(ledger, f"u{user}"), 3)
            events[call.id] = [each.id for each in await ledger.events(call.id)]
        for life in range(3):
            await lives(ledger_url, f"life-{life}", chance.uniform(0.0, 0.06), there, 100)
        await lives(ledger_url, "the last", None, there, 100)
        heard = arrived(there)
    assert set(heard) == {each for ids in events.values() for each in ids}
    for ids in events.values():
        assert list(dict.fromkeys(each for each in heard if each in ids)) == ids
