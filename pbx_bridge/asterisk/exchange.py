"""Asterisk as the conductor sees it: one line made of two connections, and the hands beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Any

import structlog

from ..call.events import LegEvent
from ..call.model import Terms, call_of_leg
from ..call.recovery import Picture
from ..conductor.ports import Clock, Heard, OutOfReach, QueueSeen, Replaced
from ..directory.service import Directory
from . import errors, hear
from .act import Act, Trunk
from .agi import Agi, Answer
from .ami import Ami
from .ari import Ari
from .floor import Floor
from .legs import endpoint_of, leg_of_channel, with_leg
from .look import CoreChannel, Lists, QueueEntry, families, picture
from .mirror import keep, wanted
from .places import Places
from .recorder import Recorder
from .staff import Staff

log = structlog.get_logger(__name__)

#: How often it is looked whether somebody has wrapped up, and how often all queues are asked for anew (seconds).
LOOK_S, CORRECT_S = 0.5, 30.0


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Asterisk's troubles as the conductor knows them, wherever on a line they come up."""
    try:
        yield
    except errors.Replaced as error:
        raise Replaced(str(error)) from error
    except errors.AsteriskError as error:
        raise OutOfReach(str(error)) from error


class Exchange:
    """One Asterisk: `connect` to hear and look, `dial`, `say_code`, `hang_up` and `redirect` to act."""

    def __init__(
        self,
        ari: Ari,
        ami: Ami,
        trunks: Sequence[Trunk],
        clock: Clock,
        code_caller_id: str = "",
        wrap_up_s: Callable[[str], float] = lambda queue: 0.0,
    ) -> None:
        """`trunks` and `code_caller_id` as in act.Act, `wrap_up_s` as in floor.Floor."""
        self._ari = ari
        self._ami = ami
        self._clock = clock
        self._act = Act(ari, ami, trunks, code_caller_id)
        self._agi = ""
        self._wrap_up_s = wrap_up_s
        staff = Staff(ami)
        self.log_in, self.log_out, self.pause = staff.log_in, staff.log_out, staff.pause
        self.announce, self.hush = self._act.announce, self._act.hush
        self.dial = self._act.dial
        self.say_code = self._act.say_code
        self.hang_up = self._act.hang_up
        self.redirect, self.forward = self._act.redirect, self._act.forward
        self.set_limit = self._act.set_limit
        recorder = Recorder(ari, ami)
        self.pause_recording, self.resume_recording = recorder.pause, recorder.resume
        self.stop_recording, self.play_notice = recorder.stop, recorder.notice

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Wire]:
        """Both connections or none. Raises OutOfReach with a sentence, Replaced."""
        with _in_our_words():
            async with self._ari.listen() as ari, self._ami.listen() as ami:
                yield Wire(self._ari, self._ami, ari, ami, self._clock, Floor(self._wrap_up_s))

    @asynccontextmanager
    async def receiving(self, answer: Answer, host: str, port: int, address: str = "") -> AsyncIterator[None]:
        """Let `answer` decide about those who dial the public numbers. Asterisk is told by `mirror` that it reaches us
        at `address` (default: where we listen). Raises OSError."""
        agi = Agi(answer, self._meet, self._clock)
        async with agi.listen(host, port) as chosen:
            self._agi = address or f"{f'[{host}]' if ':' in host else host}:{chosen}"
            yield

    async def _meet(self, channel: str) -> None:
        """Hear a leg that came in. Whatever is in the way: the next look follows it."""
        with suppress(errors.AriError):
            await self._ari.follow(endpoint_of(channel))

    async def mirror(self, directory: Directory, at: datetime, terms: Terms | None = None) -> int:
        """Tell Asterisk what it must know when nobody can be asked; how many rows have changed. `terms` are the
        operator's. While a line is connected; raises OutOfReach."""
        with _in_our_words():
            return await keep(self._ami, wanted(directory, at, terms=terms, agi=self._agi))

    async def check(self) -> None:
        """Returns when ARI and AMI both answer; raises OutOfReach."""
        with _in_our_words():
            await asyncio.gather(self._ari.healthy(), self._ami.ping())

    async def close(self) -> None:
        """Let go of idle connections."""
        await self._ari.close()


class Wire:
    """A `Line`: facts in the order heard, from the moment of connecting, until one of the two connections ends."""

    def __init__(
        self,
        ari: Ari,
        ami: Ami,
        ari_events: AsyncIterator[Mapping[str, object]],
        ami_events: AsyncIterator[Mapping[str, str]],
        clock: Clock,
        floor: Floor,
    ) -> None:
        self._floor = floor
        self._ari = ari
        self._ami = ami
        self._ari_events = ari_events
        self._ami_events = ami_events
        self._clock = clock
        self._places = Places()

    async def look(self, since: datetime) -> Picture:
        """Legs first, then what is remembered since: a leg that ends in between is in both, never in none."""
        with _in_our_words():
            return picture(await self._lists(since), self._clock())

    async def _lists(self, since: datetime) -> Lists:
        info = await self._ari.info()
        channels = await self._ari.channels()
        if await self._follow(channels):
            # What happened between the first list and the following was not heard.
            channels = await self._ari.channels()
        core = await self._ami.core_channels()
        status = await self._ami.queue_status(None)
        queues = status.queues.values()
        self._floor.reset(queues)
        entries = [QueueEntry(each.name, entry.position, entry.uniqueid) for each in queues for entry in each.entries]
        legs = {each["id"]: leg_of_channel(each) for each in channels}
        self._places.reset((each.queue, each.position, legs.get(each.channel_id, each.channel_id)) for each in entries)
        memory: dict[str, str] = {}
        for family in families(since, self._clock()):
            memory |= await self._ami.db_tree(family)
        return Lists(
            asterisk_since=info["status"]["startup_time"],
            channels=channels,
            core=[CoreChannel(each.name, each.uniqueid, each.linkedid, each.state, each.bridge_id) for each in core],
            entries=entries,
            members={member.interface: member.name for each in queues for member in each.members},
            memory=memory,
        )

    async def _follow(self, channels: Sequence[Mapping[str, Any]]) -> bool:
        """Hear every leg of ours; whether there is one."""
        legs = [each for each in channels if call_of_leg(leg_of_channel(each))]
        for endpoint in {endpoint_of(each["name"]) for each in legs}:
            await self._ari.follow(endpoint)
        return bool(legs)

    async def queues(self) -> list[QueueSeen]:
        """See conductor.ports.Line."""
        with _in_our_words():
            self._floor.reset((await self._ami.queue_status(None)).queues.values())
        return self._floor.all_seen(self._clock())

    async def __aiter__(self) -> AsyncIterator[Heard | QueueSeen]:
        """Merge both connections; when one ends or fails, so does the line, after what was heard before."""
        queue: asyncio.Queue[Heard | QueueSeen | None] = asyncio.Queue()
        errors_seen: list[BaseException] = []

        async def pump(source: AsyncIterator[LegEvent | QueueSeen]) -> None:
            try:
                async for fact in source:
                    if isinstance(fact, QueueSeen):
                        queue.put_nowait(fact)
                    elif call_id := call_of_leg(fact.leg):
                        queue.put_nowait(Heard(call_id, fact, self._clock()))
            except errors.AsteriskError as error:
                errors_seen.append(error)
            queue.put_nowait(None)

        sources = (self._from_ari(), self._from_ami(), self._from_time())
        pumps = [asyncio.create_task(pump(source)) for source in sources]
        try:
            while (heard := await queue.get()) is not None:
                yield heard
        finally:
            for task in pumps:
                task.cancel()
        with _in_our_words():
            if errors_seen:
                raise errors_seen[0]

    async def _from_ari(self) -> AsyncIterator[LegEvent]:
        async for event in self._ari_events:
            fact = hear.from_ari(event)
            if fact:
                yield fact

    async def _from_ami(self) -> AsyncIterator[LegEvent | QueueSeen]:
        async for event in self._ami_events:
            for fact in self._facts(event):
                yield fact

    async def _from_time(self) -> AsyncIterator[QueueSeen]:
        """Who has wrapped up, which no event tells; and now and then everything anew, in case one was lost."""
        loop = asyncio.get_running_loop()
        correct_at = loop.time() + CORRECT_S
        told = {each.queue: each.members for each in self._floor.all_seen(self._clock())}
        while True:
            await asyncio.sleep(LOOK_S)
            if loop.time() >= correct_at:
                correct_at = loop.time() + CORRECT_S
                self._floor.reset((await self._ami.queue_status(None)).queues.values())
            for seen in self._floor.all_seen(self._clock()):
                if told.get(seen.queue) != seen.members:
                    told[seen.queue] = seen.members
                    yield seen

    def _facts(self, event: Mapping[str, str]) -> Iterator[LegEvent | QueueSeen]:
        queue = self._floor.hear(event)
        if queue:
            yield self._floor.seen(queue, self._clock())
        event = with_leg(event)
        fact = hear.from_ami(event)
        if fact:
            yield fact
        yield from self._places.moved(event)
