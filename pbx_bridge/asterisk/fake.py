"""An exchange without Asterisk, at the same seam as exchange.py: with people, not with replies.

    fake = FakeExchange(clock)
    ann = fake.agent("ann", after_s=2, hangs_up_after_s=60)
    fake.citizen("+79161234567", answers=True)

For tests on virtual time and for a demonstration without any telephony. Its timers are the running loop's, so it needs
one. The connection can be `cut` and Asterisk can `crash`; whatever the conductor does meanwhile, the telephones ring,
talk and hang up as people do, and `rings` counts what the citizens suffered. tests/contract runs against this and
against a real Asterisk alike.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from ..call.causes import Cause, Source
from ..call.events import LegEvent
from ..call.model import Device, DeviceKind, Terms, call_of_leg
from ..call.recovery import LegState, Picture, Trace
from ..conductor.ports import (
    AlreadyDialled,
    Announcement,
    Clock,
    CodeOrder,
    DialOrder,
    DialRefused,
    Heard,
    Incoming,
    NoSuchAgent,
    NoSuchLeg,
    OutOfReach,
    QueueSeen,
    Replaced,
    Unanswered,
)
from ..directory.service import Directory
from ..phone import Phone
from .agi import Answer
from .fake_codes import FakeCodeLeg
from .fake_hotline import FakeLegThatCameIn
from .fake_legs import FakeLeg
from .fake_line import FakeLine
from .fake_people import Agent, Citizen, citizen
from .fake_queues import FakeQueue
from .fake_recorder import FakeRecorder
from .fake_staff import FakeStaff, seen
from .legs import caller, leg_that_came_in
from .look import SKEW

#: How long a request takes to Asterisk, and its answer back (seconds). Facts may come before the answer does.
REQUEST_S, REPLY_S = 0.005, 0.02
#: AstDB reaches the disk within so long (seconds): what was written later dies with Asterisk.
ASTDB_S = 1.0


class FakeExchange:
    """One Asterisk that exists in memory. `clock` stamps what is heard and remembered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock()
        self._citizens: dict[str, Citizen] = {}
        self._legs: dict[str, FakeLeg] = {}
        self._memory: dict[str, Trace] = {}
        self._line: FakeLine | None = None
        self._away: str | None = None
        self._breaks = 0
        self._lost_replies: dict[str, deque[bool]] = {}
        self._queues: dict[str, FakeQueue] = {}
        self._directory = Directory({})
        self._answer: Answer | None = None
        self._deciding: set[asyncio.Task[None]] = set()
        self._came = 0
        self.rings: Counter[str] = Counter()
        """Initial rings of each citizen's device, by number or address."""
        self.on_ring: Callable[[str], None] = lambda name: None
        """Told of each ring, before it."""
        self.code_rings: Counter[str] = Counter()
        """The same of calls that only read a code."""
        self.trunk_down = False
        self.step_s = 0.001
        """What Asterisk itself takes from the answer to the queue, and from the queue to the first ring."""
        self.delays: dict[str, float] = {}
        """How long requests of a kind (`dial`, `say_code`, `hang_up`, `redirect`) take, where not as usual."""
        self.announced: list[Announcement] = []
        """What was said to those who wait."""
        staff = FakeStaff(self._ask, self._queues)
        self.log_in, self.log_out, self.pause = staff.log_in, staff.log_out, staff.pause
        self.recorder = recorder = FakeRecorder(self._ask, self._leg)
        self.pause_recording, self.resume_recording = recorder.pause, recorder.resume
        self.stop_recording, self.play_notice = recorder.stop, recorder.notice
        self.queue("support")

    # ── people ───────────────────────────────────────────────────────────────────────────────────────
    def queue(self, name: str, **conf: float) -> FakeQueue:
        """A queue; `timeout_s`, `retry_s` and `wrapup_s` as in queues.conf."""
        queue = FakeQueue(name, lambda: self._loop.time(), self.later, lambda: self.step_s, **conf)
        queue.changed = lambda: self._tell_queue(queue)
        self._queues[name] = queue
        return queue

    def citizen(self, name: str, **ways: Any) -> Citizen:
        """A citizen behind this number or address; see fake_people.citizen for the ways. A number that nobody has
        is answered by the network (404), an address that nobody has cannot be dialled."""
        person = self._citizens[name] = citizen(name, **ways)
        return person

    def agent(
        self,
        name: str,
        queue: str = "support",
        *,
        answers: bool = True,
        lets_ring: bool = False,
        declines: bool = False,
        after_s: float = 1.0,
        hangs_up_after_s: float | None = None,
        logged_in: bool = True,
        paused: bool = False,
    ) -> Agent:
        """A member of a queue, which is made if there is none of the name."""
        person = Agent(
            name,
            answers=answers and not lets_ring,
            after_s=after_s,
            hangs_up_after_s=hangs_up_after_s,
            declines=603 if declines else None,
            logged_in=logged_in,
            paused=paused,
        )
        (self._queues.get(queue) or self.queue(queue)).add(person)
        return person

    # ── trouble ──────────────────────────────────────────────────────────────────────────────────────
    def cut(self) -> None:
        """The connection breaks and Asterisk cannot be asked; the telephones go on."""
        self._away = "the connection to Asterisk broke"
        self._breaks += 1
        self._end_line(OutOfReach(self._away))

    def mend(self) -> None:
        """Asterisk can be reached again."""
        self._away = None

    def close_line(self) -> None:
        """Asterisk closes the connection for the events only; it still answers requests."""
        self._end_line(None)

    def crash(self, back_after_s: float = 2.0) -> None:
        """Asterisk dies as by kill -9: every leg is gone without a word, and so is the last second of its memory.
        It is back after a while."""
        self._away = "Asterisk does not run"
        self._breaks += 1
        self._end_line(None)
        for leg in self._legs.values():
            leg.vanish()
        self._legs.clear()
        for queue in self._queues.values():
            queue.clear()
        on_disk = self._clock() - timedelta(seconds=ASTDB_S)
        self._memory = {leg: trace for leg, trace in self._memory.items() if trace.ended_at <= on_disk}
        self.later(back_after_s, self._boot)

    def _boot(self) -> None:
        self._since = self._clock()
        self._away = None

    def lose_reply(self, to: str, *, done: bool) -> None:
        """The next answer to `dial`, `say_code`, `hang_up`, `redirect`, `connect`, `check` or `look` gets lost. `done`:
        what was asked for was done."""
        self._lost_replies.setdefault(to, deque()).append(done)

    # ── the seam ─────────────────────────────────────────────────────────────────────────────────────
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[FakeLine]:
        """See conductor.ports.Telephony."""
        await self._looked_up("connect")
        self._end_line(Replaced("another process listens to this exchange now: stop"))
        line = self._line = FakeLine(self)
        try:
            yield line
        finally:
            line.end(None)
            if self._line is line:
                self._line = None

    async def dial(self, order: DialOrder) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("dial", lambda: self._dial(order))

    async def say_code(self, order: CodeOrder) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("say_code", lambda: self._say_code(order))

    async def hang_up(self, leg: str) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("hang_up", lambda: self._leg(leg).drop())

    async def redirect(self, leg: str, queue: str) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("redirect", lambda: self._answered_leg(leg).to_queue(queue))

    async def forward(self, leg: str, number: Phone) -> None:
        """See conductor.ports.Telephony."""
        person = self._route(Device(DeviceKind.MOBILE, phone=number))
        await self._ask("forward", lambda: self._answered_leg(leg).to_person(person))

    async def set_limit(self, leg: str, time_limit_s: int, left_s: int | None) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("set_limit", lambda: self._leg(leg).set_limit(time_limit_s, left_s))

    @asynccontextmanager
    async def receiving(self, answer: Answer, host: str = "", port: int = 0, address: str = "") -> AsyncIterator[None]:
        """See exchange.Exchange."""
        self._answer = answer
        try:
            yield
        finally:
            self._answer = None

    async def mirror(self, directory: Directory, at: datetime, terms: Terms | None = None) -> int:
        """See exchange.Exchange."""
        await self._looked_up("mirror")
        changed = int(directory.digest != self._directory.digest or not self._directory.services)
        self._directory = directory
        return changed

    def incoming(self, number: str, dialled: str) -> str | None:
        """Somebody dials a public number; their leg, or None when the directory that was mirrored last has no such
        number."""
        service = self._directory.dialled(dialled)
        if service is None:
            return None
        self._came += 1
        leg = leg_that_came_in(f"{int(self._clock().timestamp())}.{self._came}") or ""
        person = self._citizens.get(number) or self.citizen(number)
        incoming = Incoming(leg, dialled, caller(number), self._clock())
        came = self._legs[leg] = FakeLegThatCameIn(incoming, service, person, self)
        task = came.ring_in(None if self._away else self._answer)
        self._deciding.add(task)
        task.add_done_callback(self._deciding.discard)
        return leg

    async def announce(self, order: Announcement) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("announce", lambda: self._announce(order))

    async def hush(self, leg: str) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("hush", lambda: None)

    async def check(self) -> None:
        """Raises OutOfReach."""
        await self._looked_up("check")

    async def _looked_up(self, what: str) -> None:
        """A question that changes nothing."""
        await asyncio.sleep(REQUEST_S)
        lost = self._lost_replies.get(what)
        if lost:
            lost.popleft()
            raise OutOfReach(f"the answer to {what} was lost")
        if self._away:
            raise OutOfReach(self._away)

    async def close(self) -> None:
        """There is nothing to let go of."""

    @property
    def legs(self) -> Mapping[str, FakeLeg]:
        """The legs that there are now, by their ids."""
        return self._legs

    @property
    def living(self) -> frozenset[str]:
        """The legs that there are now."""
        return frozenset(self._legs)

    async def picture(self, since: datetime) -> Picture:
        """What a look shows; a leg that ends meanwhile is in both lists."""
        await self._looked_up("look")
        started, breaks = self._since, self._breaks
        legs = {leg: each.seen() for leg, each in self._legs.items()}
        await asyncio.sleep(REPLY_S)
        if self._away or self._breaks != breaks:
            raise OutOfReach("the connection broke during a look")
        traces = {leg: trace for leg, trace in self._memory.items() if trace.ended_at >= since - SKEW}
        return Picture(self._clock(), started, legs, traces)

    # ── Asterisk ─────────────────────────────────────────────────────────────────────────────────────
    def _dial(self, order: DialOrder) -> None:
        person = self._route(order.device)
        if order.leg in self._legs:
            raise AlreadyDialled(order.leg)
        self.rings[person.name] += 1
        self.on_ring(person.name)
        leg = self._legs[order.leg] = FakeLeg(order, person, self)
        leg.invite()

    def _say_code(self, order: CodeOrder) -> None:
        person = self._route(Device(DeviceKind.MOBILE, phone=order.phone))
        if order.leg in self._legs:
            raise AlreadyDialled(order.leg)
        self.code_rings[person.name] += 1
        leg = self._legs[order.leg] = FakeCodeLeg(order, person, self)
        leg.invite()

    def _route(self, device: Device) -> Citizen:
        if device.kind is DeviceKind.MOBILE and device.phone:
            if self.trunk_down:
                raise DialRefused(Cause("trunk_down", Source.NETWORK))
            number = device.phone.e164
            return self._citizens.get(number) or self.citizen(number, unknown=True)
        known = self._citizens.get(device.address or "")
        if device.kind is not DeviceKind.SIP or known is None:
            raise DialRefused(Cause("no_endpoint", Source.SERVICE))
        return known

    def _announce(self, order: Announcement) -> None:
        self._leg(order.leg)
        self.announced.append(order)

    def all_seen(self) -> list[QueueSeen]:
        """Every queue as it is now."""
        return [seen(queue, self._clock()) for queue in self._queues.values()]

    def _tell_queue(self, queue: FakeQueue) -> None:
        if self._line:
            self._line.put(seen(queue, self._clock()))

    def _leg(self, leg: str) -> FakeLeg:
        if leg not in self._legs:
            raise NoSuchLeg(leg)
        return self._legs[leg]

    def _answered_leg(self, leg: str) -> FakeLeg:
        if self._leg(leg).state is not LegState.UP:
            raise NoSuchLeg(leg)
        return self._leg(leg)

    async def _ask(self, what: str, do: Callable[[], None]) -> None:
        """One request: does it get there, what does Asterisk say, and does the answer get back?"""
        if self._away:
            raise OutOfReach(self._away)
        lost = self._lost_replies.get(what)
        done = lost.popleft() if lost else None
        breaks, refusal = self._breaks, None
        await asyncio.sleep(self.delays.get(what, REQUEST_S))
        if done is not False and breaks == self._breaks:
            try:
                do()
            except (AlreadyDialled, DialRefused, NoSuchAgent, NoSuchLeg) as error:
                refusal = error
        await asyncio.sleep(REPLY_S)
        if done is not None or breaks != self._breaks:
            raise Unanswered(f"the answer to {what} was lost")
        if refusal:
            raise refusal

    def later(self, seconds: float, do: Callable[[], None]) -> Callable[[], None]:
        """Asterisk's own timers, which no cut connection stops. Returns what stops one."""
        return self._loop.call_later(seconds, do).cancel

    @property
    def queues(self) -> Mapping[str, FakeQueue]:
        """The queues by name."""
        return self._queues

    def now(self) -> datetime:
        """Asterisk's clock."""
        return self._clock()

    def tell(self, fact: LegEvent) -> None:
        """Say it to whoever listens; what nobody hears is lost."""
        call_id = call_of_leg(fact.leg)
        if self._line and call_id:
            self._line.put(Heard(call_id, fact, self._clock()))

    def remember(self, leg: str, trace: Trace) -> None:
        """The dialplan's `leg-gone`."""
        self._memory[leg] = trace
        self._legs.pop(leg, None)

    def _end_line(self, error: Exception | None) -> None:
        line, self._line = self._line, None
        if line:
            line.end(error)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()
