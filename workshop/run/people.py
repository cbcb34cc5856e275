"""The people of the run: a citizen, two agents, an operator whose numbers behave as told and who carries messages.

They are real SIP user agents with sound. Each hums a tone of its own, so who hears whom is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

from pbx_bridge.phone import NotAPhone
from pbx_bridge.phone import Phone as Number
from workshop.desk import Agent, desk
from workshop.phone import Phone, PhoneCall, PhoneError
from workshop.prefix import Prefix
from workshop.run.tell import Teller
from workshop.sms import Gateway, Sms
from workshop.trunk import Trunk

#: Away from the tones of the network (425 Hz) and of the keys, and none a multiple of another.
CITIZEN_HZ = 610
AGENTS_HZ = {"ann": 500, "bob": 735}
ROUTES = ({"prefix": "+7", "endpoint": "operator"}, {"prefix": "+79000000", "endpoint": "sandbox"})
#: How long people let a phone ring, and talk when nobody hangs up before; seconds.
RINGS_S = 1.0
TALKS_S = 5.0
HEARS_S = 5.0
FOREVER_S = 10 * 365 * 86_400.0
UNLIMITED = {
    "PBX_LIMITS__CODE_PAUSE_S": "0",
    "PBX_LIMITS__CODES_PER_HOUR_OF_CITIZEN": "1000",
    "PBX_LIMITS__CODES_PER_HOUR_OF_NUMBER": "1000",
    "PBX_LIMITS__CALLS_PER_HOUR_OF_CITIZEN": "1000",
    "PBX_LIMITS__CALLS_PER_HOUR_OF_NUMBER": "1000",
    "PBX_LIMITS__WRONG_CODES": "1000",
}


class People:
    """All phones, the sandbox and the SMS gateway. The outside comes first, the agents when Asterisk is up."""

    def __init__(self, prefix: Prefix, folder: Path, spare: range, tell: Teller) -> None:
        """`folder` gets the sandbox's log; `spare` are free ports. Messages are shown as they come."""
        self._tell = tell
        self.sms = Gateway(spare[10], self._show)
        self.sandbox = Trunk(prefix, folder / "trunk", port=spare[0], media_port=spare[2])
        self.citizen = Phone("citizen", catchall=True, tone_hz=CITIZEN_HZ, answer_after_s=RINGS_S)
        self.agents: dict[str, Phone] = {}

    async def start_outside(self) -> None:
        """The far ends of the trunks, and the gateway."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.sms.start())
            group.create_task(self.sandbox.start())
            group.create_task(self.citizen.start())

    async def start_agents(self, sip_port: int) -> None:
        """Both phones register; returns when they have."""
        for name, tone in AGENTS_HZ.items():
            self.agents[name] = Phone(
                name,
                registrar=f"127.0.0.1:{sip_port}",
                password=Agent(name).password,
                tone_hz=tone,
                answer_after_s=RINGS_S,
            )
        async with asyncio.TaskGroup() as group:
            for phone in self.agents.values():
                group.create_task(phone.start())

    async def stop_agents(self) -> None:
        await asyncio.gather(*(phone.stop() for phone in self.agents.values()))

    async def stop_outside(self) -> None:
        await asyncio.gather(self.citizen.stop(), self.sandbox.stop(), self.sms.stop())

    def configuration(self) -> dict[str, str]:
        """The files that make Asterisk know them; after start_outside()."""
        trunks = {"operator": self.citizen.port, "sandbox": self.sandbox.port}
        return desk(trunks=trunks, agents=[Agent(name) for name in AGENTS_HZ])

    def settings(self) -> dict[str, str]:
        """The variables that make the service know the gateway. Not in the file: its port is another in each run.

        Whoever tries things out asks for more codes, and mistypes more of them, than one citizen may.
        """
        return {"PBX_SMS__URL": self.sms.url, **UNLIMITED}

    async def code(self, number: str) -> str:
        """The code of the next message to the number. Raises GatewayError when none comes."""
        return await self.sms.code_for(number)

    def _show(self, message: Sms) -> None:
        """Whoever sits at the terminal plays the citizen, so the text is shown as it is."""
        self._tell.fact("SMS", f"to {message.masked}: {message.text}")

    def dead(self) -> Iterator[tuple[str, str]]:
        """Who is gone without having been stopped, and where to read why."""
        if not self.sandbox.running:
            yield "the sandbox operator (sipp)", str(self.sandbox.errors_path)
        for phone in (self.citizen, *self.agents.values()):
            if not phone.port:
                yield f"{phone.name}'s phone", "nowhere: a phone keeps no log"

    async def go_on(self, tell: Teller) -> None:
        """Answer every call from now on, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_citizen_goes_on(self.citizen, tell))
            for agent in self.agents.values():
                group.create_task(_agent_goes_on(agent, tell))


async def _citizen_goes_on(citizen: Phone, tell: Teller) -> None:
    """It answers by itself; this only tells of it."""
    while True:
        call = await citizen.rings(FOREVER_S)
        if call.ended is None:
            tell.fact("citizen's phone", f"rings as {_masked(call.dialled)}")


async def _agent_goes_on(agent: Phone, tell: Teller) -> None:
    while True:
        call = await agent.talks(FOREVER_S)
        if call.ended is None:
            await _one_talk(agent, call, tell)


async def _one_talk(agent: Phone, call: PhoneCall, tell: Teller) -> None:
    tell.fact(agent.name, f"answers, and hears {await _who(agent, call)}")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TALKS_S):
            await over(agent, call)
    if call.ended is None:
        tell.fact(agent.name, f"hangs up after {TALKS_S:.0f} s")
        with contextlib.suppress(PhoneError):  # the other side was quicker
            await agent.hang_up(call)
    await over(agent, call)
    tell.fact(agent.name, f"the talk is over ({call.how})")


async def over(phone: Phone, call: PhoneCall) -> None:
    """Wait until this call has ended."""
    while call.ended is None:
        await phone.ended(FOREVER_S)


async def _who(agent: Phone, call: PhoneCall) -> str:
    """Whose tone it is, by listening."""
    with contextlib.suppress(PhoneError):
        await agent.hears_sound(HEARS_S, call)
        heard = await agent.heard(call)
        if abs(heard.hz - CITIZEN_HZ) < 10:
            return f"the citizen ({heard})"
        if abs(heard.hz - agent.tone_hz) < 10:
            return f"itself, as sandbox numbers return what they get ({heard})"
        return str(heard)
    return "nobody"


def _masked(number: str) -> str:
    try:
        return Number(number).masked
    except NotAPhone:
        return "a number"
