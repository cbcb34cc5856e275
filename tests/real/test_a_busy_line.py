"""Thirty citizens and three agents, of whom one dies and one pauses: the order is kept, nobody is lost, and every place
that is told is true."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pbx_bridge.asterisk.ami import Ami
from tests.stage import ANSWERS, QUICK, Plan, Stage, until
from workshop.desk import Agent, Queue
from workshop.phone import Phone

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

CITIZENS = 30
TALK_S = 1.0
#: app_queue is no strict line: whoever finds every telephone taken (or rings one that has died) waits a moment before
#: the next try, and somebody behind may be quicker. So many rounds of all agents may pass somebody, and no more.
ROUNDS = 2
AGENTS = ("ann", "bob", "cat")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(
        terms={"QUEUE_S": 300, "TIME_LIMIT_S": 600, "RING_S": 20},
        agents=tuple(Agent(name) for name in AGENTS),
        queues=(Queue("support", QUICK),),
    )


async def serve(agent: Phone) -> None:
    """Talk to whoever comes, one after the other, until the telephone is taken away."""
    while True:
        await agent.talks(within_s=120)
        await asyncio.sleep(TALK_S)
        await agent.hang_up()


@asynccontextmanager
async def at_work(agents: Mapping[str, Phone]) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    """Agents who serve, by name; a task that is cancelled is an agent who does not any more."""
    tasks = {name: asyncio.create_task(serve(phone), name=name) for name, phone in agents.items()}
    try:
        yield tasks
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


@asynccontextmanager
async def manager(stage: Stage) -> AsyncIterator[Ami]:
    """A supervisor's console."""
    server = stage.server
    ami = Ami("127.0.0.1", server.ports.ami, server.ami_user, server.ami_password, events=())
    async with ami.listen():
        yield ami


async def places_in_asterisk(ami: Ami) -> dict[str, int]:
    """Call → place, as Asterisk has it."""
    status = await ami.queue_status("support")
    return {entry.uniqueid.split(".")[1]: entry.position for entry in status.queues["support"].entries}


async def places_told(stage: Stage) -> dict[str, int]:
    """Call → place, as every page shows it at this moment."""
    told = (await stage.portal.ask("GET", "/v1/calls?limit=200")).body["calls"]
    return {each["id"]: each["queue"]["position"] for each in told if each["state"] in ("queued", "offered")}


async def the_places_told_are_true(stage: Stage, ami: Ami, at_least: int = 1) -> dict[str, int]:
    """Both pictures of so many are the same. The queue moves while they are taken, so until it stood still."""

    async def both() -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        before = await places_in_asterisk(ami)
        return before, await places_told(stage), await places_in_asterisk(ami)

    seen = await until(
        both,
        lambda all_: len(all_[0]) >= at_least and all_[0] == all_[1] == all_[2],
        "the places told to be Asterisk's",
        20,
    )
    return seen[1]


def first(events: list[dict[str, Any]], state: str) -> str:
    """When the call first came into the state."""
    return next(str(event["time"]) for event in events if event["data"]["call"]["state"] == state)


async def test_order_is_kept_nobody_is_lost_and_the_places_told_are_true(stage: Stage) -> None:
    agents = {name: await stage.agent(name) for name in AGENTS}
    calls = await asyncio.gather(*(stage.call(stage.number()) for _ in range(CITIZENS)))
    async with manager(stage) as ami, at_work(agents) as tasks:
        told = await the_places_told_are_true(stage, ami, at_least=20)
        assert sorted(told.values()) == list(range(1, len(told) + 1))
        tasks["bob"].cancel()
        await agents["bob"].vanish()
        await ami.action("QueuePause", Queue="support", Interface="PJSIP/cat", Paused="true", Reason="lunch")
        await the_places_told_are_true(stage, ami)
        await ami.action("QueuePause", Queue="support", Interface="PJSIP/cat", Paused="false")
        await ami.action("QueuePause", Queue="support", Interface="PJSIP/bob", Paused="true", Reason="gone")
        await the_places_told_are_true(stage, ami)
        with contextlib.suppress(asyncio.CancelledError):
            ends = await stage.ends(*calls, within_s=180)
        await ami.action("QueuePause", Queue="support", Interface="PJSIP/bob", Paused="false")
    lost = [end.cause for end in ends if end.outcome != "completed"]
    # Whoever talked to bob when his telephone died has talked; everybody else was served to the end.
    assert len(lost) <= 1, lost
    logs = sorted([await stage.events(call) for call in calls], key=joined)
    offered = [first(events, "offered") for events in logs]
    stories = "\n".join(map(story, logs))
    for place, time in enumerate(offered):
        assert sum(later < time for later in offered[place + 1 :]) < ROUNDS * len(AGENTS), stories


def joined(events: list[dict[str, Any]]) -> tuple[str, int]:
    """When the call joined the line, and at which place: several may join in one millisecond."""
    event = next(event for event in events if event["data"]["call"]["state"] == "queued")
    return event["time"], event["data"]["call"]["queue"]["position"]


def story(events: list[dict[str, Any]]) -> str:
    """Where a call stood at which second."""
    waits = [event for event in events if event["data"]["call"]["state"] in ("queued", "offered")]
    calls = [(event["time"][17:23], event["data"]["call"]) for event in waits]
    return " ".join(f"{time}:{call['state']}@{call['queue']['position']}" for time, call in calls)


async def test_a_wait_is_told_with_every_place_and_grows_when_an_agent_leaves(stage: Stage) -> None:
    ann, bob = await stage.agent("ann"), await stage.agent("bob")
    talks = [await stage.call(ANSWERS), await stage.call(ANSWERS)]
    for talk in talks:
        await stage.becomes(talk, "talking")
    await asyncio.gather(ann.talks(), bob.talks())
    call = await stage.call(stage.number())
    before = await stage.becomes(call, "queued")
    assert before["queue"]["position"] == 1
    assert 0 < before["queue"]["wait_s"]["likely"] <= before["queue"]["wait_s"]["at_most"]
    async with manager(stage) as ami:
        await ami.action("QueuePause", Queue="support", Interface="PJSIP/bob", Paused="true")

        async def likely() -> int:
            return int((await stage.portal.get(call))["queue"]["wait_s"]["likely"])

        await until(likely, lambda now: now > before["queue"]["wait_s"]["likely"], "a longer wait to be told")
        await ami.action("QueuePause", Queue="support", Interface="PJSIP/bob", Paused="false")
    await stage.portal.abort(call)
    await stage.end(call)
    await ann.hang_up()
    await bob.hang_up()
