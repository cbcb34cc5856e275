"""A town with citizens, agents and one exchange: the same sentences can be said of a fake one and of a real one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

from pbx_bridge.call import events as e
from pbx_bridge.call.model import Device, DeviceKind, leg_id
from pbx_bridge.call.recovery import LegSeen, Picture, Trace
from pbx_bridge.conductor.ports import DialOrder, Incoming, Line, OutOfReach, QueueSeen, Reception, Telephony
from pbx_bridge.directory.service import Directory, Service
from pbx_bridge.hours.schedule import ALWAYS
from pbx_bridge.phone import Phone

#: Before a fact that is waited for is declared missing (the town's seconds).
PATIENCE_S = 10.0
ANNA, BORIS = "+79161111111", "+79162222222"
#: A queue whose agents are rung for 2 s, and again after 1 s, and who need no time to wrap up.
QUICK, OTHER = "quick", "other"
#: The public number of this town.
HOTLINE = "88001002030"
QUICK_TIMES = {"timeout_s": 2, "retry_s": 1, "wrapup_s": 0}
DIRECTORY = Directory({"support": Service("support", QUICK, ALWAYS, numbers=(HOTLINE,))})

_numbers = itertools.count(1)


class Someone(Protocol):
    """A person with a telephone that does what the test tells it, and rings until then."""

    async def rings(self) -> None: ...
    async def answers(self) -> None: ...
    async def declines(self, sip: int = 603) -> None: ...
    async def hangs_up(self) -> None: ...
    async def presses(self, keys: str) -> None: ...
    async def calls(self, number: str) -> None: ...
    async def answered(self) -> None: ...
    async def holds(self, held: bool = True) -> None: ...
    async def hears_the_end(self) -> None: ...
    async def hears_digits(self) -> str: ...
    async def leaves(self) -> None: ...
    async def pauses(self, paused: bool = True) -> None: ...


class Town(Protocol):
    """What a test needs of the world."""

    exchange: Telephony

    async def citizen(self, number: str = ANNA) -> Someone: ...
    async def sip_citizen(self, address: str) -> Someone: ...
    async def refusing_number(self, sip: int) -> str: ...
    async def silent_number(self) -> str: ...
    async def unreachable_number(self) -> str: ...
    async def agent(self, name: str, queue: str = QUICK) -> Someone: ...
    async def receives(self, answer: Callable[[Incoming], Awaitable[Reception | None]]) -> None: ...
    def lose_the_answer_to_dial(self, *, done: bool) -> None: ...
    def lose_the_answer_to_say_code(self, *, done: bool) -> None: ...
    def drop(self, connection: str) -> None: ...
    async def cut(self) -> None: ...
    async def mend(self) -> None: ...
    async def crash(self) -> None: ...
    async def writes_to_disk(self, leg: str) -> None: ...
    def now(self) -> datetime: ...


class Ear:
    """Listens to one line and remembers what it heard."""

    def __init__(self, line: Line, now: Callable[[], datetime]) -> None:
        self.line = line
        self.heard: list[e.LegEvent] = []
        self.queues: dict[str, QueueSeen] = {}
        self.ended: BaseException | bool | None = False
        self._now = now
        self._news = asyncio.Event()

    async def listen(self) -> None:
        try:
            async for heard in self.line:
                if isinstance(heard, QueueSeen):
                    self.queues[heard.queue] = heard
                    self._news.set()
                    continue
                assert isinstance(heard.event, e.LegEvent)
                self.heard.append(heard.event)
                self._news.set()
            self.ended = True
        except OutOfReach as error:
            self.ended = error
        self._news.set()

    async def hears(
        self,
        kind: type[e.LegEvent],
        leg: str | None = None,
        times: int = 1,
        within_s: float = PATIENCE_S,
        **fields: object,
    ) -> e.LegEvent:
        """The fact of this kind about the leg (None: any), when it has come so many times."""
        return await self._until(kind, lambda: self._find(kind, leg, times, fields), within_s)

    async def hears_the_end_of_the_line(self) -> None:
        await self._until("the end of the line", lambda: self.ended)

    async def picture(self) -> Picture:
        return await self.line.look(self._now() - timedelta(seconds=60))

    async def sees(self, leg: str, wanted: LegSeen) -> None:
        """Look until the leg is seen so: a picture may be some milliseconds older than the fact heard before it."""
        seen = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (seen := (await self.picture()).legs.get(leg)) != wanted:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{wanted} was to be seen, but there is {seen}") from None

    async def trace(self, leg: str) -> Trace:
        """What is remembered of a leg that ended."""
        picture = await self.picture()
        assert leg not in picture.legs
        return picture.traces[leg]

    def _find(
        self, kind: type[e.LegEvent], leg: str | None, times: int, fields: dict[str, object]
    ) -> e.LegEvent | None:
        fitting = [
            fact
            for fact in self.heard
            if type(fact) is kind
            and leg in (fact.leg, None)
            and all(getattr(fact, name) == value for name, value in fields.items())
        ]
        return fitting[times - 1] if len(fitting) >= times else None

    async def _until(self, what: object, find: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
        try:
            async with asyncio.timeout(within_s):
                while not (found := find()):
                    if self.ended:
                        break
                    self._news.clear()
                    await self._news.wait()
                else:
                    return found
        except TimeoutError:
            pass
        raise AssertionError(f"{what} was not heard within {within_s:g} s, but: {self.heard}, {self.ended}")


@asynccontextmanager
async def listening(town: Town) -> AsyncIterator[Ear]:
    """A line from here on."""
    async with town.exchange.connect() as line:
        ear = Ear(line, town.now)
        task = asyncio.create_task(ear.listen())
        try:
            yield ear
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def order(
    to: str = ANNA,
    *,
    queue: str = QUICK,
    ring_s: int = 20,
    queue_s: int = 60,
    time_limit_s: int = 300,
    leg: str | None = None,
    **more: Any,
) -> DialOrder:
    """An order to dial a number or an address, as a leg of its own; `more` as in DialOrder."""
    mobile = to.startswith("+")
    device = Device(DeviceKind.MOBILE, phone=Phone(to)) if mobile else Device(DeviceKind.SIP, address=to)
    leg = leg or leg_id(f"call_{next(_numbers):04}", 1)
    return DialOrder(leg, device, queue, ring_s, queue_s, time_limit_s, "123456789", "ru", **more)


async def dialled(town: Town, to: str = ANNA, **terms: Any) -> str:
    """Dial, and give the leg."""
    wanted = order(to, **terms)
    await town.exchange.dial(wanted)
    return wanted.leg


async def waiting(town: Town, ear: Ear, citizen: Someone, to: str = ANNA, **terms: Any) -> str:
    """A leg whose citizen has answered and is in the queue."""
    leg = await dialled(town, to, **terms)
    await citizen.rings()
    await citizen.answers()
    await ear.hears(e.QueueJoined, leg)
    return leg


async def talking(town: Town, ear: Ear, citizen: Someone, agent: Someone, to: str = ANNA, **terms: Any) -> str:
    """A leg whose citizen talks to this agent."""
    leg = await waiting(town, ear, citizen, to, **terms)
    await agent.rings()
    await agent.answers()
    await ear.hears(e.AgentAnswered, leg)
    return leg


def in_stages(facts: list[e.LegEvent], leg: str) -> list[e.LegEvent]:
    """The facts about a leg in the order in which they must have happened.

    The real exchange speaks over two connections, and one can overtake the other by some milliseconds: ARI tells of
    the device, AMI of the queue. Within each the order is kept and is not touched here; between them the only freedom
    that is taken out is the one that each of these reasons gives.
    """
    mine = [fact for fact in facts if fact.leg == leg]
    device = [fact for fact in mine if isinstance(fact, _OF_THE_DEVICE)]
    queue = [fact for fact in mine if not isinstance(fact, _OF_THE_DEVICE)]
    # The queue begins after the answer, and whatever ends the leg is told after what was before.
    answered = next((index + 1 for index, fact in enumerate(device) if isinstance(fact, e.DeviceAnswered)), 0)
    return device[:answered] + queue + device[answered:]


_OF_THE_DEVICE = (
    e.DeviceRang, e.DeviceAnswered, e.Held, e.Unheld, e.DeviceHungUp, e.DeviceGone, e.QueueLeft, e.LimitReached,
)  # fmt: skip
