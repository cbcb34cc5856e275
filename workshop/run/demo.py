"""The one call of a run: asked for by the client that portals use, told as its events come, heard at both ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any

from pbx_bridge.client import Bridge, BridgeError, Call
from workshop.phone import Phone, PhoneError
from workshop.run.people import CITIZEN_HZ, People, over
from workshop.run.tell import Teller
from workshop.sms import GatewayError

NUMBER = "+79161234567"
TALK_S = 3.0
STORY_S = 40.0

Deed = Callable[[Bridge, Call, People, Teller], Awaitable[None]]


async def one_call(bridge: Bridge, people: People, tell: Teller) -> bool:
    """Place it, confirm it, tell it, and end it after three seconds of talk.

    False, with a warning, when it went otherwise.
    """
    deeds: dict[str, asyncio.Task[None]] = {}
    try:
        async with asyncio.timeout(STORY_S):
            tell.fact(
                "the portal", "asks for a call; the request is signed by its own key, the answer by the service's"
            )
            call = await bridge.start_call({"id": "citizen-1", "phone": NUMBER}, subject="Не приходит СМС")
            outcome = await _follow(bridge, call["id"], people, tell, deeds)
        await asyncio.gather(*deeds.values())
    except TimeoutError:
        tell.warn(f"The call did not end within {STORY_S:.0f} s.")
        return False
    except BridgeError as error:
        tell.warn(f"The call went wrong: {error}")
        return False
    finally:
        for each in deeds.values():
            each.cancel()
    if outcome != "completed":
        tell.warn(f"The call was expected to end as completed, not {outcome}.")
    return outcome == "completed"


async def _follow(
    bridge: Bridge, call_id: str, people: People, tell: Teller, deeds: dict[str, asyncio.Task[None]]
) -> str | None:
    accepted: datetime | None = None
    outcome = None
    async with aclosing(bridge.follow(call_id, patience_s=STORY_S)) as events:
        async for event in events:
            call = event["data"]["call"]
            accepted = accepted or datetime.fromisoformat(event["time"])
            tell.state(event, accepted)
            state, outcome = call["state"], call["outcome"]
            if state in DEEDS and state not in deeds:
                deeds[state] = asyncio.create_task(_do(DEEDS[state], bridge, call, people, tell))
    return outcome


async def _do(deed: Deed, bridge: Bridge, call: Call, people: People, tell: Teller) -> None:
    await deed(bridge, call, people, tell)


async def _confirm(bridge: Bridge, call: Call, people: People, tell: Teller) -> None:
    """The citizen's part of the second step, and the portal's; given up, the call ends."""
    try:
        code = await people.code(NUMBER)
        tell.fact("the citizen", "reads the text message, and types the code into the portal's page")
        await bridge.confirm(call["id"], code)
    except (BridgeError, GatewayError) as error:
        tell.warn(f"The code was not confirmed, so the call is given up: {error}")
        await bridge.abort(call["id"])


async def _talk(_: Bridge, call: Call, people: People, tell: Teller) -> None:
    """Both listen for the other's tone; then the agent hangs up."""
    agent = people.agents[_agent(call)]
    began = asyncio.get_running_loop().time()
    try:
        await asyncio.gather(people.citizen.hears(agent.tone_hz), agent.hears(CITIZEN_HZ))
        here, there = await asyncio.gather(people.citizen.heard(), agent.heard())
        tell.fact("the citizen", f"hears {agent.name}: {here} ({agent.name} hums {agent.tone_hz} Hz)")
        tell.fact(agent.name, f"hears the citizen: {there} (the citizen hums {CITIZEN_HZ} Hz)")
    except PhoneError as error:
        tell.warn(f"They do not hear each other. {error}")
    await asyncio.sleep(began + TALK_S - asyncio.get_running_loop().time())
    await _hang_up(agent, people, tell)


async def _hang_up(agent: Phone, people: People, tell: Teller) -> None:
    tell.fact(agent.name, f"hangs up after {TALK_S:.0f} s")
    calls = [(phone, phone.live_calls[-1]) for phone in (agent, people.citizen)]
    await agent.hang_up()
    for phone, call in calls:
        await over(phone, call)


def _agent(call: Mapping[str, Any]) -> str:
    return next(str(leg["agent"]) for leg in call["legs"] if leg["party"] == "agent")


#: What people do when the call comes into a state for the first time.
DEEDS: Mapping[str, Deed] = {"awaiting_code": _confirm, "talking": _talk}
