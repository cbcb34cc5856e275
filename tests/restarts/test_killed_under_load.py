"""Many calls at once, and the service is killed (-9) and started again at moments that chance has chosen.

Nobody is rung twice, nobody is cut off, every call ends once, and every history is whole.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from tests.ending import Ending
from tests.stage import Plan, Stage
from workshop.desk import Agent
from workshop.prefix import Prefix
from workshop.trunk import Agents

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLS, KILLS, AGENTS = 30, 5, 8
#: Over so many seconds the portal asks for the calls.
RUSH_S = 6.0
TALK_MS = 1200
#: One call in so many goes to a number that does not answer.
ODD = 6
REFUSING = {"+79000000486": "busy", "+79000000603": "rejected", "+79000000404": "invalid_number"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(prefix: Prefix, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Agents]:
    """Agents who answer after 0.2 s and hang up after 1.2 s."""
    async with Agents(prefix, tmp_path_factory.mktemp("agents"), answer_after_ms=200, talk_ms=TALK_MS) as running:
        yield running


@pytest.fixture(scope="module")
def plan(crowd: Agents) -> Plan:
    agents = tuple(Agent(f"agent{place}", port=crowd.port) for place in range(AGENTS))
    return Plan(terms={"RING_S": 20, "QUEUE_S": 120, "TIME_LIMIT_S": 300}, agents=agents)


@dataclass
class Portal:
    """A portal as ours tells every portal to be: it asks again, with the same key, until it has an answer."""

    stage: Stage
    lost: int = 0

    async def press(self, number: str, key: str) -> str:
        """The id of the call."""
        while True:
            try:
                reply = await self.stage.portal.initiate(number, key=key, user=f"u-{key}")
            except aiohttp.ClientError:
                self.lost += 1
                await asyncio.sleep(0.05)
                continue
            assert reply.status == 202, reply
            return str(reply.body["call"]["id"])


async def rush(portal: Portal, numbers: list[str], chance: random.Random) -> list[str]:
    async def one(place: int, number: str, at: float) -> str:
        await asyncio.sleep(at)
        return await portal.press(number, f"press-{place}")

    moments = [chance.uniform(0, RUSH_S) for _ in numbers]
    presses = [one(place, number, at) for place, (number, at) in enumerate(zip(numbers, moments, strict=True))]
    return list(await asyncio.gather(*presses))


async def killer(stage: Stage, chance: random.Random) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.05, 0.8))
        async with stage.service_dead():
            await asyncio.sleep(chance.uniform(0, 0.5))


@pytest.mark.parametrize("seed", [2026])
async def test_nobody_is_rung_twice_and_nobody_is_cut_off(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    portal = Portal(stage)
    await stage.portal.token()
    numbers = [chance.choice(list(REFUSING)) if place % ODD == ODD - 1 else stage.number() for place in range(CALLS)]
    calls, _ = await asyncio.gather(rush(portal, numbers, chance), killer(stage, chance))
    assert len(set(calls)) == CALLS, "each press is one call, however often it was sent"
    ends = await stage.ends(*calls, within_s=60)
    for number, end in zip(numbers, ends, strict=True):
        check(number, end)
    wanted = Counter(numbers)
    rung = Counter(invite.number for invite in await stage.trunk.invites())
    assert rung == wanted
    listed = [call["id"] for call in (await stage.portal.ask("GET", "/v1/calls?limit=200")).body["calls"]]
    assert sorted(listed) == sorted(calls), "no call that nobody asked for"
    await stage.is_quiet()


def check(number: str, end: Ending) -> None:
    """The laws of every call were checked by `end`; this is what these calls have to come to."""
    story = f"{end.call['id']}: {end.path}, {end.cause}"
    if number in REFUSING:
        assert end.outcome == REFUSING[number], story
        return
    assert end.outcome == "completed", story
    assert end.cause.slug == "agent_hung_up", story
    assert end.path.endswith("talking ended"), story
    assert len(end.talked_to) == 1, story
