"""Agents at their queues: by the codes that they dial, by the service, and as Asterisk is seen to have them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pbx_bridge.conductor.ports import Member, NoSuchAgent
from pbx_bridge.directory.service import Agent, Directory
from tests.contract.real_town import RealPerson, RealTown
from tests.contract.town import OTHER, QUICK, Ear, listening, talking
from tests.stage import until
from workshop.prefix import Prefix

DIRECTORY = Directory({}, {"ann": Agent("ann", "Anna", {QUICK: 0, OTHER: 2})}, {"2": "lunch"})


@pytest.fixture
async def town(prefix: Prefix, tmp_path: Path) -> AsyncIterator[RealTown]:
    async with AsyncExitStack() as stack:
        town = RealTown(prefix, tmp_path, stack)
        await town.open()
        yield town


@pytest.fixture
async def ear(town: RealTown) -> AsyncIterator[Ear]:
    async with listening(town) as ear:
        await town.exchange.mirror(DIRECTORY, town.now())
        yield ear


async def seen(ear: Ear, queue: str) -> dict[str, Member]:
    """The members of a queue, by name."""
    queues = {each.queue: each for each in await ear.line.queues()}
    return {member.name: member for member in queues[queue].members}


async def told(ear: Ear, queue: str) -> dict[str, Member]:
    """The same as the line has told it last, without anybody asking."""
    known = ear.queues.get(queue)
    return {member.name: member for member in known.members} if known else {}


async def dials(town: RealTown, agent: RealPerson, code: str) -> None:
    await agent.calls(code)
    await agent.answered()
    await until(lambda: town.server.cli("core show channels concise"), lambda shown: not shown.strip(), "a goodbye", 15)


async def test_an_agent_logs_in_and_out_by_a_code(town: RealTown, ear: Ear) -> None:
    ann = await town.agent("ann")
    assert "ann" not in await seen(ear, OTHER)
    await dials(town, ann, "*41")
    assert (await seen(ear, OTHER))["ann"] == Member("ann", penalty=2)
    await dials(town, ann, "*42")
    assert "ann" not in await seen(ear, OTHER)


async def test_an_agent_pauses_for_a_reason_and_comes_back_by_a_code(town: RealTown, ear: Ear) -> None:
    ann = await town.agent("ann")
    await dials(town, ann, "*432")
    paused = (await seen(ear, QUICK))["ann"]
    assert (paused.paused, paused.reason, paused.works) == (True, "lunch", False)
    await dials(town, ann, "*44")
    assert (await seen(ear, QUICK))["ann"].works


async def test_nobody_logs_in_who_is_not_in_the_directory(town: RealTown, ear: Ear) -> None:
    bob = await town.agent("bob")
    await dials(town, bob, "*41")
    assert "bob" not in await seen(ear, OTHER)


async def test_the_service_logs_in_pauses_and_logs_out_and_may_repeat_it(town: RealTown, ear: Ear) -> None:
    await town.agent("ann")
    for _ in range(2):
        await town.exchange.log_in("ann", OTHER, 3)
    assert (await seen(ear, OTHER))["ann"].penalty == 3
    for _ in range(2):
        await town.exchange.pause("ann", True, "lunch", OTHER)
    assert (await seen(ear, OTHER))["ann"].reason == "lunch"
    for _ in range(2):
        await town.exchange.log_out("ann", OTHER)
    assert "ann" not in await seen(ear, OTHER)


async def test_what_asterisk_does_not_know_is_refused_in_words(town: RealTown, ear: Ear) -> None:
    with pytest.raises(NoSuchAgent, match="No such queue"):
        await town.exchange.log_in("ann", "nowhere")
    with pytest.raises(NoSuchAgent):
        await town.exchange.pause("nobody", True)


async def test_a_talk_and_a_pause_are_told_without_being_asked_for(town: RealTown, ear: Ear) -> None:
    anna, ann = await town.citizen(), await town.agent("ann")
    await talking(town, ear, anna, ann)
    await until(lambda: told(ear, QUICK), lambda members: "ann" in members and members["ann"].busy, "ann to be busy")
    await ann.hangs_up()
    await until(lambda: told(ear, QUICK), lambda members: not members["ann"].busy, "ann to be free")
    await town.exchange.pause("ann", True, "lunch", QUICK)
    await until(lambda: told(ear, QUICK), lambda members: members["ann"].paused, "ann to pause")
