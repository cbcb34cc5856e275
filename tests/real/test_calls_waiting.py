"""Between the answer and the talk: places in the queue, agents who do not answer, citizens who give up."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime

import pytest

from tests.ending import Cause
from tests.stage import QUICK, Plan, Stage
from workshop.desk import Agent, Queue
from workshop.phone import Phone

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")

ALONE = "requested dialing ringing answered queued"
SERVED = f"{ALONE} offered talking ended"
QUEUE_S = 5


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(
        terms={"QUEUE_S": QUEUE_S},
        agents=(Agent("ann"), Agent("bob"), Agent("eve", queues=("small",))),
        queues=(Queue("small", {**QUICK, "maxlen": "1"}), Queue("night", QUICK)),
        environment={
            "PBX_SERVICES": '{"support": "support", "night": "night", "small": "small", "typo": "no-such-queue"}'
        },
    )


async def offered(stage: Stage, agents: tuple[Phone, Phone]) -> tuple[str, Phone, Phone]:
    """A call that rings at one of two agents; its id, that agent and the other one."""
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    first = (await stage.becomes(call, "offered"))["legs"][-1]["agent"]
    ringing = next(agent for agent in agents if agent.name == first)
    other = next(agent for agent in agents if agent.name != first)
    await ringing.rings()
    return call, ringing, other


async def two_agents(stage: Stage) -> tuple[Phone, Phone]:
    return await stage.agent("ann", behaviour="ring"), await stage.agent("bob", behaviour="ring")


@pytest.mark.parametrize("code", [486, 603])
async def test_when_an_agent_declines_the_next_one_rings(stage: Stage, code: int) -> None:
    call, first, second = await offered(stage, await two_agents(stage))
    await second.set_behaviour("answer")
    await first.decline(code)
    await second.talks()
    await second.hang_up()
    end = await stage.end(call)
    assert end.outcome == "completed"
    assert end.offered_to == [first.name, second.name]
    assert end.talked_to == [second.name]
    assert end.path == f"{ALONE} offered queued offered talking ended"
    assert (first.rung_count, second.rung_count) == (1, 1)


async def test_when_an_agent_does_not_answer_the_next_one_rings(stage: Stage) -> None:
    call, first, second = await offered(stage, await two_agents(stage))
    await second.set_behaviour("answer")
    await second.talks()
    assert (await first.ended()).how == "cancelled there"
    await second.hang_up()
    end = await stage.end(call)
    assert end.outcome == "completed"
    assert end.offered_to == [first.name, second.name]
    assert end.talked_to == [second.name]
    assert end.path == f"{ALONE} offered queued offered talking ended"
    assert (first.rung_count, second.rung_count) == (1, 1)


async def test_a_citizen_who_hangs_up_while_an_agent_rings_has_given_up(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await asyncio.gather(stage.becomes(call, "offered"), ann.rings())
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == f"{ALONE} offered ended"
    assert end.outcome == "abandoned"
    assert end.cause == Cause("hung_up_waiting", "citizen")
    assert end.words == "the citizen hung up before an agent answered"
    assert end.words_ru == "Вы завершили звонок до ответа специалиста."
    assert (await ann.ended()).how == "cancelled there"
    assert (citizen.rung_count, ann.rung_count) == (1, 1)


async def test_a_citizen_who_hangs_up_while_waiting_has_given_up(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    other = await stage.occupy(ann)
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    assert (await stage.becomes(call, "queued"))["queue"]["position"] == 1
    await citizen.hang_up()
    end = await stage.end(call)
    assert end.path == f"{ALONE} ended"
    assert end.outcome == "abandoned"
    assert end.cause == Cause("hung_up_waiting", "citizen")
    assert (citizen.rung_count, ann.rung_count) == (1, 1)
    await ann.hang_up()
    assert (await stage.end(other)).outcome == "completed"


async def test_who_waits_moves_up_when_the_one_before_is_served_or_gives_up(stage: Stage) -> None:
    ann = await stage.agent("ann")
    citizens = [await stage.citizen() for _ in range(3)]
    before = await stage.occupy(ann)
    calls = []
    for place, citizen in enumerate(citizens, start=1):
        calls.append(await stage.call(citizen))
        await stage.takes(citizen, calls[-1])
        assert (await stage.becomes(calls[-1], "queued"))["queue"]["position"] == place
    await citizens[0].hang_up()
    await ann.hang_up()
    await stage.becomes(calls[1], "talking")
    await citizens[1].hang_up()
    await stage.becomes(calls[2], "talking")
    await citizens[2].hang_up()
    ends = await stage.ends(before, *calls)
    assert [end.outcome for end in ends] == ["completed", "abandoned", "completed", "completed"]
    positions = [
        [event["data"]["call"]["queue"]["position"] for event in end.events if event["type"] == "call.queue_updated"]
        for end in ends
    ]
    assert positions == [[], [], [1], [2, 1]]
    assert [citizen.rung_count for citizen in citizens] == [1, 1, 1]


async def test_nobody_logged_in_is_told_at_once(stage: Stage) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered ended"
    assert end.outcome == "queue_timeout"
    assert end.cause == Cause("queue_empty", "queue")
    assert end.words == "no agent is logged in to the queue"
    assert end.words_ru == "Сейчас нет свободных специалистов."
    assert (await citizen.ended()).how == "hung up there"


async def test_a_queue_without_members_is_told_at_once(stage: Stage) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen, service="night")
    await stage.takes(citizen, call)
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered ended"
    assert end.cause == Cause("queue_empty", "queue")


async def test_when_the_last_agent_logs_out_the_waiting_citizen_is_told(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    await asyncio.gather(stage.becomes(call, "offered"), ann.rings())
    await ann.stop()
    end = await stage.end(call)
    assert end.path in (f"{ALONE} offered ended", f"{ALONE} offered queued ended")
    assert end.outcome == "queue_timeout"
    assert end.cause == Cause("queue_empty", "queue")


async def test_a_queue_that_is_full_is_told_at_once(stage: Stage) -> None:
    await stage.agent("eve", "small", behaviour="ring")
    waiting, late = await stage.citizen(), await stage.citizen()
    first = await stage.call(waiting, service="small")
    await stage.takes(waiting, first)
    await stage.becomes(first, "offered")
    second = await stage.call(late, service="small")
    await stage.takes(late, second)
    end = await stage.end(second)
    assert end.path == "requested dialing ringing answered ended"
    assert end.outcome == "congestion"
    assert end.cause == Cause("queue_full", "queue")
    assert end.words == "the queue is full"
    await waiting.hang_up()
    await stage.end(first)


async def test_a_service_without_a_queue_in_asterisk_fails_in_words_for_the_engineer(stage: Stage) -> None:
    citizen = await stage.citizen()
    call = await stage.call(citizen, service="typo")
    await stage.takes(citizen, call)
    end = await stage.end(call)
    assert end.path == "requested dialing ringing answered ended"
    assert end.outcome == "failed"
    assert end.cause == Cause("queue_unknown", "queue")
    assert end.words == "Asterisk has no queue of this name; `pbx-bridge doctor` lists the queues"


#: The words with which a queue that gave up says goodbye (prompts/ru.toml, all-busy), at the longest.
GOODBYE_S = 15


async def test_who_waits_too_long_is_told_that_the_queue_gave_up(stage: Stage) -> None:
    ann = await stage.agent("ann")
    citizens = [await stage.citizen(), await stage.citizen()]
    before = await stage.occupy(ann)
    calls = [await stage.call(citizen) for citizen in citizens]
    await asyncio.gather(*map(stage.takes, citizens, calls))
    for end in await stage.ends(*calls):
        assert end.path == f"{ALONE} ended"
        assert end.outcome == "queue_timeout"
        assert end.cause == Cause("queue_timeout", "queue")
        assert end.words == "no agent answered within the queue's time"
        waited = next(event["time"] for event in end.events if event["data"]["call"]["state"] == "queued")
        assert QUEUE_S - 0.5 < seconds_between(waited, end.events[-1]["time"]) < QUEUE_S + GOODBYE_S
    assert ann.rung_count == 1
    await ann.hang_up()
    await stage.end(before)


async def test_an_agent_who_never_answers_does_not_keep_the_citizen_beyond_the_queues_time(stage: Stage) -> None:
    ann, citizen = await stage.agent("ann", behaviour="ring"), await stage.citizen()
    call = await stage.call(citizen)
    await stage.takes(citizen, call)
    end = await stage.end(call)
    assert re.fullmatch(f"{ALONE}( offered queued)+( offered)? ended", end.path), end.path
    assert end.outcome == "queue_timeout"
    assert end.cause == Cause("queue_timeout", "queue")
    assert set(end.offered_to) == {"ann"}
    assert len(end.offered_to) == ann.rung_count
    assert citizen.rung_count == 1


def seconds_between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
