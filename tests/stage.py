"""A stage for whole calls: Asterisk, an operator, telephones, the service and a portal, all real.

    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.call(citizen)
    await ann.talks()
    await ann.hang_up()
    end = await stage.end(call)
    assert end.outcome == "completed"

Everything is asked and seen from outside: the public HTTP API, the telephones, the operator, and Asterisk's own
lists of what is left.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from pbx_bridge.asterisk.ami import Ami
from tests.ending import Ending, check_laws, path
from tests.restarts.wires import Wire
from workshop.desk import Agent, Queue, desk
from workshop.phone import Phone
from workshop.portal import Portal
from workshop.prefix import Prefix
from workshop.server import AsteriskServer
from workshop.service import Service
from workshop.trunk import Trunk

# Numbers of the operator's sandbox (workshop/trunk.py).
TRYING, RINGING, ANSWERS = "+79000000100", "+79000000180", "+79000000200"
FACT_S = 10.0
# Not a tone of the network, and none a multiple of another.
TONES_HZ = (500, 610, 735, 815, 900, 1040, 1120, 1270, 1400, 1560)
MOBILES = 6
NOT_IN_USE = 1

_T = TypeVar("_T")
_Phone = TypeVar("_Phone", bound=Phone)


@dataclass(frozen=True)
class Plan:
    """What a module's stage looks like. `terms` are PBX_TERMS__…; waiting is short, so that tests are.

    `trunks` are more endpoints (name → the lines of its contact's section) and `routes` the numbers that go there.
    """

    terms: Mapping[str, int] = field(default_factory=dict)
    agents: Sequence[Agent] = (Agent("ann"), Agent("bob"))
    registering: bool = True
    """Whether agents' phones register; else each has a fixed place, which an Asterisk that was killed knows again."""
    queues: Sequence[Queue] = ()
    citizens: Sequence[str] = ()
    pjsip: str = ""
    routes: Sequence[tuple[str, str]] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    """Files of the services folder; none: one service that never closes."""
    prompts: Callable[[Path], Path] | None = None
    """Makes a folder of prompts in the folder that it is given; None: those of `make prompts`."""
    records: bool = False
    """Whether there is a place for recordings."""
    wired: bool = False
    """Whether the service reaches Asterisk by wires that can be cut."""


TERMS = {"RING_S": 4, "QUEUE_S": 30, "TIME_LIMIT_S": 60}
#: An agent is free again at once, rings for two seconds, and again a second later.
QUICK = {"wrapuptime": "0", "timeout": "2", "retry": "1"}


class Mobile(Phone):
    """A citizen's mobile phone: an operator's trunk of its own leads to it."""

    def __init__(self, number: str, port: int, **keywords: Any) -> None:
        super().__init__(f"citizen-{number[-1]}", listen_port=port, catchall=True, register=False, **keywords)
        self.number = number


@dataclass(repr=False)
class Stage:
    """One module's stage. Telephones last for one test, everything else for all of them."""

    server: AsteriskServer
    trunk: Trunk
    service: Service
    portal: Portal
    ports: Sequence[int]
    places: Mapping[str, int]
    """Agent → the port of a phone that does not register."""
    wires: Mapping[str, Wire]
    """`ari` and `ami`, if the plan says so."""
    _phones: list[Phone] = field(default_factory=list)
    _before: dict[str, tuple[str, int]] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)
    _numbers: int = 0

    # People.

    async def agent(self, name: str, queue: str = "support", **keywords: Any) -> Phone:
        """The agent's phone, registered, and free in Asterisk's eyes."""
        how = {"registrar": f"127.0.0.1:{self.server.ports.sip}", "password": "secret"}
        if name in self.places:
            how = {"listen_port": self.places[name]}
        phone = Phone(name, tone_hz=self._tone(), **how, **keywords)
        await self._switch_on(phone)
        await self.is_member(queue, name, NOT_IN_USE)
        return phone

    def phone(self, name: str) -> Phone:
        """A phone of this test."""
        return next(phone for phone in self._phones if phone.name == name)

    async def citizen(self, **keywords: Any) -> Mobile:
        """A mobile phone that rings until it is told to do something."""
        place = sum(isinstance(phone, Mobile) for phone in self._phones)
        how = {"behaviour": "ring", "tone_hz": self._tone(), **keywords}
        phone = Mobile(mobile_number(place), self.ports[place], **how)
        return await self._switch_on(phone)

    async def softphone(self, name: str) -> Phone:
        """A citizen's SIP client that registers and rings: the device {"kind": "sip", "address": name}."""
        registrar, tone = f"127.0.0.1:{self.server.ports.sip}", self._tone()
        phone = Phone(f"citizen-{name}", registrar=registrar, password="secret", tone_hz=tone, behaviour="ring")
        return await self._switch_on(phone)

    async def takes(self, citizen: Phone, call: str) -> None:
        """It rings in everybody's eyes, then the citizen answers."""
        await asyncio.gather(self.becomes(call, "ringing"), citizen.rings())
        await citizen.answer()
        await citizen.talks()

    async def talk(self, citizen: Mobile, agent: Phone) -> str:
        """A call in which these two talk; its id."""
        call = await self.call(citizen)
        await self.takes(citizen, call)
        assert (await self.becomes(call, "talking"))["legs"][-1]["agent"] == agent.name
        await agent.talks()
        return call

    async def occupy(self, agent: Phone, **more: Any) -> str:
        """Give the agent a call to talk in, so that the next citizen waits; its id."""
        call = await self.call(ANSWERS, **more)
        await self.becomes(call, "talking")
        await agent.talks()
        return call

    def number(self) -> str:
        """A number nobody has called yet, at the operator's: rings for a second and is answered."""
        self._numbers += 1
        return f"+79001{self._numbers:06d}"

    def _tone(self) -> int:
        return TONES_HZ[len(self._phones)]

    async def _switch_on(self, phone: _Phone) -> _Phone:
        self._phones.append(phone)
        await phone.start()
        return phone

    # Calls.

    async def call(self, whom: Mobile | str, **more: Any) -> str:
        """Ask for a call to a phone or a number; the call's id."""
        number = whom if isinstance(whom, str) else whom.number
        devices = more.get("devices", [{"kind": "mobile"}])
        self._asked.update(device.get("number", number) for device in devices if device["kind"] == "mobile")
        before = len(await self.trunk.invites(number))
        call = await self.portal.call(number, **more)
        self._before[call] = number, before
        return call

    def expects(self, number: str) -> None:
        """One more call to it is asked for, by another portal than this stage's."""
        self._asked[number] += 1

    async def rings(self, call: str) -> int:
        """How many INVITEs of this call have reached the operator's sandbox."""
        number, before = self._before[call]
        return len(await self.trunk.invites(number)) - before

    async def becomes(self, call: str, state: str, within_s: float = FACT_S) -> Mapping[str, Any]:
        """The snapshot with which the call came into the state."""
        return (await self.portal.until(call, state, within_s=within_s)).last

    async def end(self, call: str, within_s: float = 30.0) -> Ending:
        """Wait for the end; the laws of every call are checked, and that nothing of it is left in Asterisk."""
        await self.portal.until(call, within_s=within_s)
        ending = Ending(await self.events(call))
        assert ending.call == await self.portal.get(call), "the last event is the call as it stands"
        await self.is_gone(call)
        return ending

    async def ends(self, *calls: str, within_s: float = 30.0) -> list[Ending]:
        return list(await asyncio.gather(*(self.end(call, within_s) for call in calls)))

    async def events(self, call: str) -> list[dict[str, Any]]:
        """The whole log so far; its laws are checked."""
        events = await self.portal.events(call)
        check_laws(events)
        return events

    async def path(self, call: str) -> str:
        return path(await self.events(call))

    # Asterisk's own view.

    async def channels(self) -> dict[str, str]:
        """Channel id → name, of every channel there is."""
        headers = {"Authorization": aiohttp.encode_basic_auth(self.server.ari_user, self.server.ari_password)}
        url = f"http://127.0.0.1:{self.server.ports.http}/ari/channels"
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as reply:
            return {each["id"]: each["name"] for each in await reply.json()}

    async def is_gone(self, call: str) -> None:
        """The citizen's channels of this call are gone. They go before call.ended is told."""
        left = [name for channel, name in (await self.channels()).items() if call in channel]
        assert not left, f"{call} has ended, but Asterisk still has {left}"

    async def is_quiet(self) -> None:
        """No channel at all is left, agents' included."""
        await until(self.channels, lambda channels: not channels, "Asterisk to have no channel left")

    async def is_member(self, queue: str, name: str, *statuses: int) -> None:
        """The agent has one of these device states in the queue (QueueMemberStatus)."""
        await until(
            lambda: self.members(queue), lambda members: members.get(name) in statuses, f"{name} in {queue}: {statuses}"
        )

    async def members(self, queue: str) -> dict[str, int]:
        server = self.server
        ami = Ami("127.0.0.1", server.ports.ami, server.ami_user, server.ami_password, events=())
        async with ami.listen():
            status = await ami.queue_status(queue)
        return {member.name: member.status for member in status.queues[queue].members}

    # Asterisk's and the service's life.

    @asynccontextmanager
    async def asterisk_dead(self) -> AsyncIterator[None]:
        """Killed (-9) when entered; afterwards started again. Telephones are told nothing."""
        self.server.kill()
        await self.server.wait()
        yield
        await self.server.start()

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        """The status of /readyz, and what it says of each part."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.service.url}/readyz") as reply:
            body = await reply.json(content_type=None)
            return reply.status, body["parts"]

    async def is_ready(self, ready: bool = True, within_s: float = 5.0) -> dict[str, Any]:
        """What /readyz says of each part, once it says that the service is ready (or is not)."""
        what = f"/readyz to say {'ready' if ready else 'not ready'}"
        _, parts = await until(self.readiness, lambda said: said[0] == (200 if ready else 503), what, within_s)
        return parts

    @asynccontextmanager
    async def service_dead(self) -> AsyncIterator[None]:
        """Killed (-9) when entered; afterwards started again, and it has compared itself with Asterisk."""
        await self.service.kill()
        yield
        await self.service.start()

    async def clear(self) -> None:
        """The end of a test: everybody goes home, and the next one finds the stage as this one did.

        Whatever the test was about: no phone may have rung more often than a call to it was asked for.
        """
        rung = Counter(invite.number for invite in await self.trunk.invites() if invite.number in self._asked)
        phones, self._phones[:] = list(self._phones), []
        for phone in phones:
            if isinstance(phone, Mobile):
                rung[phone.number] = phone.rung_count
        too_often = {number: times for number, times in rung.items() if times > self._asked[number]}
        for place in range(MOBILES):
            self._asked.pop(mobile_number(place), None)
        await asyncio.gather(*(phone.stop() for phone in phones))
        for wire in self.wires.values():
            await wire.mend()
        if not self.server.running:
            await self.server.start()
        if not self.service.running:
            await self.service.start()
        for channel in await self.channels():
            await self.server.cli(f"channel request hangup {(await self.channels()).get(channel, channel)}")
        await self.is_quiet()
        await self.is_ready(within_s=20)
        assert not too_often, f"rung too often: {too_often}"


def mobile_number(place: int) -> str:
    return f"+7901000000{place + 1}"


async def until(look: Callable[[], Awaitable[_T]], true: Callable[[_T], bool], what: str, within_s: float = 5.0) -> _T:
    """Look until it is true; AssertionError with what was seen last."""
    deadline = time.monotonic() + within_s
    while True:
        seen = await look()
        if true(seen):
            return seen
        assert time.monotonic() < deadline, f"waited {within_s:g} s for {what}; there is {seen}"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def building(prefix: Prefix, folder: Path, plan: Plan) -> AsyncIterator[Stage]:
    """A stage with everything running but the telephones (about 1.5 s)."""
    async with AsyncExitStack() as stack:
        trunk = await stack.enter_async_context(Trunk(prefix, folder / "trunk"))
        server = AsteriskServer(prefix, folder / "asterisk", prompts=plan.prompts and plan.prompts(folder))
        stack.callback(server.close)
        spare = iter(server.ports.spare)
        http, ports = next(spare), [next(spare) for _ in range(MOBILES)]
        places = {} if plan.registering else {agent.name: next(spare) for agent in plan.agents}
        mobiles = {f"mobile-{place}": port for place, port in enumerate(ports)}
        server.extra = desk(
            trunks={"operator": trunk.port, **mobiles},
            agents=[replace(agent, port=places.get(agent.name, agent.port)) for agent in plan.agents],
            queues=[Queue("support", QUICK), *plan.queues],
            citizens=plan.citizens,
        )
        if plan.pjsip:
            server.extra["pjsip.d/stage.conf"] = plan.pjsip
        await server.start()
        stack.push_async_callback(server.stop)
        stack.callback(server.kill)
        routes = [("+7900", "operator"), *((mobile_number(place), f"mobile-{place}") for place in range(MOBILES))]
        service = Service(
            folder / "service",
            server,
            http,
            trunks=[{"prefix": prefix_, "endpoint": endpoint} for prefix_, endpoint in (*routes, *plan.routes)],
            environment=_environment(plan) | (_archive(server, folder) if plan.records else {}),
            services=plan.services,
        )
        wires = await _wires(stack, server, service) if plan.wired else {}
        await service.start()
        stack.push_async_callback(service.kill)
        portal = await stack.enter_async_context(await service.portal())
        yield Stage(server, trunk, service, portal, ports, places, wires)


async def _wires(stack: AsyncExitStack, server: AsteriskServer, service: Service) -> dict[str, Wire]:
    ari = await stack.enter_async_context(Wire(server.ports.http))
    ami = await stack.enter_async_context(Wire(server.ports.ami))
    service.with_plan(ari_port=ari.port, ami_port=ami.port)
    return {"ari": ari, "ami": ami}


def _archive(server: AsteriskServer, folder: Path) -> dict[str, str]:
    places = {"SPOOL": server.folder / "spool/monitor/pbx-bridge", "STORE": folder / "recordings"}
    return {f"PBX_RECORDINGS__{name}": str(place) for name, place in places.items()}


def _environment(plan: Plan) -> dict[str, str]:
    terms = {f"PBX_TERMS__{name}": str(seconds) for name, seconds in {**TERMS, **plan.terms}.items()}
    return {**terms, **plan.environment}
