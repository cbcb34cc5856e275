"""The one call of a run: asked for through the public API, told as its events come, heard at both ends."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import aiohttp

from pbx_bridge.client import BridgeError
from workshop.phone import Phone, PhoneError
from workshop.portal import Portal
from workshop.run.people import CITIZEN_HZ, People, over
from workshop.run.tell import Teller

NUMBER = "+79161234567"
TALK_S = 3.0
STORY_S = 40.0


async def one_call(portal: Portal, people: People, tell: Teller) -> bool:
    """Place it, tell it, end it after three seconds of talk. False, with a warning, when it went otherwise."""
    talks: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(STORY_S):
            call_id = await portal.call(NUMBER, user="citizen-1", subject="Не приходит СМС")
            outcome = await _follow(portal, call_id, people, tell, talks)
        await asyncio.gather(*talks)
    except TimeoutError:
        tell.warn(f"The call did not end within {STORY_S:.0f} s.")
        return False
    except (aiohttp.ClientError, BridgeError, AssertionError) as error:
        tell.warn(f"The call went wrong: {error}")
        return False
    finally:
        for each in talks:
            each.cancel()
    if outcome != "completed":
        tell.warn(f"The call was expected to end as completed, not {outcome}.")
    return outcome == "completed"


async def _follow(
    portal: Portal, call_id: str, people: People, tell: Teller, talks: list[asyncio.Task[None]]
) -> str | None:
    accepted: datetime | None = None
    outcome = None
    async for event in portal.follow(call_id):
        call = event["data"]["call"]
        accepted = accepted or datetime.fromisoformat(event["time"])
        tell.state(event, accepted)
        if call["state"] == "talking" and not talks:
            talks.append(asyncio.create_task(_talk(people, people.agents[_agent(call)], tell)))
        outcome = call["outcome"]
    return outcome


def _agent(call: dict[str, Any]) -> str:
    return next(str(leg["agent"]) for leg in call["legs"] if leg["party"] == "agent")


async def _talk(people: People, agent: Phone, tell: Teller) -> None:
    """Both listen for the other's tone; then the agent hangs up."""
    began = asyncio.get_running_loop().time()
    try:
        await asyncio.gather(people.citizen.hears(agent.tone_hz), agent.hears(CITIZEN_HZ))
        here, there = await asyncio.gather(people.citizen.heard(), agent.heard())
        tell.fact("the citizen", f"hears {agent.name}: {here} ({agent.name} hums {agent.tone_hz} Hz)")
        tell.fact(agent.name, f"hears the citizen: {there} (the citizen hums {CITIZEN_HZ} Hz)")
    except PhoneError as error:
        tell.warn(f"They do not hear each other. {error}")
    await asyncio.sleep(began + TALK_S - asyncio.get_running_loop().time())
    tell.fact(agent.name, f"hangs up after {TALK_S:.0f} s")
    calls = [(phone, phone.live_calls[-1]) for phone in (agent, people.citizen)]
    await agent.hang_up()
    for phone, call in calls:
        await over(phone, call)
