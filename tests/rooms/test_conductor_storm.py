"""Everything at once: many people, and a connection, an Asterisk, a database and a service that come and go.

What must hold in any weather: every call ends, once, with a history without gaps; no device is rung twice for one
attempt; no telephone is left ringing or talking for a call that is over; nothing is left to be done.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from pbx_bridge.call.model import Terms
from pbx_bridge.call.states import State
from pbx_bridge.conductor import errors
from pbx_bridge.conductor.conductor import Opened
from tests.ending import Ending
from tests.house import House, mobile, wanted

pytest_plugins = ("tests.house_plugin",)

#: More weathers: SEEDS=500 in the environment.
SEEDS = int(os.environ.get("SEEDS", "8"))
CALLS = 60
TERMS = Terms(ring_s=25, queue_s=120, time_limit_s=300, grace_s=10)
WAYS = (
    {"hangs_up_after_s": 15},
    {},
    {},
    {"hangs_up_after_s": 200},
    {},
    {"answers": False},
    {"busy": True},
    {"declines": True},
    {"unknown": True},
    {"silent": True},
    {"refuses": 503},
)


class Storm:
    """One weather, the same for the same seed."""

    def __init__(self, service: House, seed: int) -> None:
        self.service, self.dice = service, random.Random(seed)
        self.calls: dict[str, list[str]] = {}

    def people(self) -> None:
        fake = self.service.fake
        fake.queue("support", timeout_s=5, retry_s=1, wrapup_s=1)
        for name, ways in (("ann", {}), ("bob", {"declines": True}), ("cid", {"lets_ring": True}), ("dan", {})):
            fake.agent(name, after_s=2, hangs_up_after_s=self.dice.choice([5.0, 20.0]), **ways)

    async def citizens(self) -> None:
        for number in range(CALLS):
            await self.service.time.advance(self.dice.uniform(0, 3))
            devices = [f"+7916{number:03}{place:04}" for place in range(self.dice.choice([1, 1, 2, 3]))]
            for device in devices:
                self.service.fake.citizen(device, after_s=self.dice.uniform(0, 8), **self.dice.choice(WAYS))
            order = wanted(
                devices[0],
                user=f"user-{number}",
                key=f"key-{number}",
                terms=TERMS,
                devices=[mobile(each) for each in devices],
            )
            call = await self._insist(lambda order=order: self.service.conductor.open(order))
            self.calls[call.call_id] = devices
            if self.dice.random() < 0.2:
                asyncio.get_running_loop().call_later(
                    self.dice.uniform(0, 30), lambda call=call: self._abort_soon(call.call_id)
                )

    def _abort_soon(self, call_id: str) -> None:
        async def abort() -> None:
            await self.service.conductor.abort(call_id, by="client:portal")

        self._task = asyncio.create_task(abort())

    async def _insist(self, ask: Callable[[], Awaitable[Opened]]) -> Opened:
        """As a portal does: the same key until there is an answer."""
        while True:
            try:
                async with asyncio.timeout(5):
                    return await ask()
            except (errors.MemoryUnavailable, TimeoutError):
                await asyncio.sleep(1)

    async def weather(self) -> None:
        troubles: list[Callable[[], Awaitable[None]]] = [
            self.cut, self.silence, self.restart, self.lock, self.lose_replies,
        ]  # fmt: skip
        while True:
            await self.service.time.advance(self.dice.uniform(0.01, 8))
            await self.dice.choice(troubles)()

    async def cut(self) -> None:
        self.service.fake.cut()
        await self.service.time.advance(self.dice.choice([0.01, 1, 10, 30]))
        self.service.fake.mend()

    async def silence(self) -> None:
        self.service.fake.close_line()

    async def restart(self) -> None:
        await self.service.stop()
        await self.service.time.advance(self.dice.choice([0, 0.1, 5, 20]))
        self.service.start_deaf()

    async def lock(self) -> None:
        with self.service.locked():
            await self.service.time.advance(self.dice.choice([0.1, 3]))

    async def lose_replies(self) -> None:
        for what in ("dial", "hang_up", "look"):
            if self.dice.random() < 0.5:
                self.service.fake.lose_reply(what, done=self.dice.random() < 0.5)

    async def rages(self) -> None:
        self.people()
        weather = asyncio.create_task(self.weather())
        await self.citizens()
        weather.cancel()
        await asyncio.gather(weather, return_exceptions=True)
        self.service.fake.mend()
        await self.service.hears()

    async def calm(self) -> list[Ending]:
        """What is left when it is over."""
        ends = []
        for call in self.calls:
            await self.service.until(call, State.ENDED)
            ends.append(Ending(await self.service.history(call)))
        await self.service.time.advance(60)
        assert not self.service.fake.living
        assert await self.service.unsettled() == []
        assert await self.service.ledger.next_wake() is None
        return ends

    def rung_at_most_once(self) -> None:
        again = {device: count for device, count in self.service.fake.rings.items() if count > 1}
        assert not again


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_every_call_ends_once_and_nobody_is_rung_twice(service: House, seed: int) -> None:
    storm = Storm(service, seed)
    await storm.rages()
    ends = await storm.calm()
    storm.rung_at_most_once()
    outcomes = Counter(end.outcome for end in ends)
    assert outcomes["lost"] == 0, "Asterisk never died"
    assert outcomes["completed"] > 5


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_also_when_asterisk_itself_dies(service: House, seed: int) -> None:
    storm = Storm(service, seed)

    async def crashes() -> None:
        while True:
            await service.time.advance(storm.dice.uniform(10, 40))
            service.fake.crash(back_after_s=storm.dice.uniform(0.5, 5))

    crashing = asyncio.create_task(crashes())
    await storm.rages()
    crashing.cancel()
    ends = await storm.calm()
    storm.rung_at_most_once()
    assert Counter(end.outcome for end in ends)["lost"] > 0
