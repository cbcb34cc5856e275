"""Listen to Asterisk, and after every (re)connect find out what was missed. A start is only the first reconnect."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from ..call import events as e
from ..call.commands import Dial
from ..call.model import Call, Channel, call_of_leg, code_of_leg
from ..call.recovery import DialWish, LegSeen, Picture, Trace, may_dial, missed
from ..call.states import State
from ..ledger import Ledger, LedgerUnavailable, Wish
from .board import Board
from .errors import UnknownCall
from .jobs import SettleWish, TakeFact
from .perform import Performer
from .ports import Clock, Incoming, Line, NoSuchLeg, OutOfReach, QueueSeen, Replaced, Telephony
from .reception import Porter
from .take import LEASE_S, Taker

log = structlog.get_logger(__name__)

#: Seconds between two tries to connect: the first at once, then doubling up to the last.
FIRST_PAUSE_S, LAST_PAUSE_S = 0.1, 2.0
#: Facts that wait for the writer at most before the reader waits too (Asterisk's side has its own inbox).
BACKLOG = 5000
#: From a fact about an unknown call until we look who it is (seconds); several make one look.
SOON_S = 1.0
#: All wishes, as a limit.
ALL = 1_000_000


class Listener:
    """Keeps one line to Asterisk. `trouble` is None while it hears, else a sentence."""

    def __init__(
        self,
        ledger: Ledger,
        taker: Taker,
        performer: Performer,
        telephony: Telephony,
        clock: Clock,
        board: Board,
        porter: Porter,
    ) -> None:
        self._ledger = ledger
        self._taker = taker
        self._performer = performer
        self._telephony = telephony
        self._clock = clock
        self._board = board
        self._porter = porter
        self._line: Line | None = None
        self._looking: asyncio.Task[None] | None = None
        self._slots = asyncio.Semaphore(BACKLOG)
        self.trouble: str | None = "not connected to Asterisk yet"
        self.on_hearing: Callable[[bool], None] = lambda hearing: None
        self.on_queue: Callable[[QueueSeen], None] = lambda seen: None
        performer.look = self._look

    async def run(self) -> None:
        """Listen until cancelled. Raises Replaced when another process took Asterisk over."""
        pause = 0.0
        while True:
            try:
                async with self._telephony.connect() as line:
                    self._line = line
                    await self._reconcile(line)
                    pause = 0.0
                    self._hears(True)
                    async for heard in line:
                        if isinstance(heard, QueueSeen):
                            self.on_queue(heard)
                        else:
                            await self._slots.acquire()
                            self.pass_on(heard.call_id, heard.event, heard.at)
                why = "Asterisk closed the connection"
            except (OutOfReach, LedgerUnavailable) as error:
                why = str(error)
            finally:
                self._line = None
            self._hears(False, why)
            # Jitter, so that several services do not knock together on an Asterisk that comes back.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(max(pause * 2, FIRST_PAUSE_S), LAST_PAUSE_S)

    def _hears(self, hearing: bool, why: str | None = None) -> None:
        if hearing and self.trouble:
            log.info("Asterisk is heard; every call was compared with it")
        elif not hearing and self.trouble != why:
            log.warning("deaf: Asterisk is not heard", why=why)
        self.trouble = why
        self.on_hearing(hearing)

    async def look_again(self, after_s: float = 0.0) -> None:
        """Compare once more, though the line is unbroken: the database was away, and commits may be half known."""
        await asyncio.sleep(after_s)
        if self._line is not None:
            with contextlib.suppress(OutOfReach, LedgerUnavailable):  # then the next reconnect does it
                await self._reconcile(self._line)

    async def _look(self, since: datetime) -> Picture:
        if self._line is None:
            raise OutOfReach("not connected to Asterisk")
        return await self._line.look(since)

    def pass_on(self, call_id: str, event: e.Event, at: datetime | None = None) -> None:
        """Hand a fact to the writer without waiting for the commit, so that facts can be committed together. Without
        `at` it is our own word about a queue.

        The writer's queue keeps their order.
        """
        actor = "asterisk" if at else "board"
        job = TakeFact(call_id, self._board.told(event, call_id), at or self._clock(), actor)
        task = asyncio.ensure_future(self._taker.submit(job))
        task.add_done_callback(partial(self._passed_on, event, at is not None))

    def _passed_on(self, event: e.Event, heard: bool, task: asyncio.Future[Call]) -> None:
        if heard:
            self._slots.release()
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if isinstance(error, UnknownCall) and isinstance(event, e.QueueJoined):
            # Somebody dialled the public number, and Asterisk got no answer of ours in time: they wait all the same.
            self._look_soon()
        elif isinstance(error, UnknownCall) and isinstance(event, e.Held | e.Unheld):
            log.debug("somebody holds a call that is not ours")  # agents call each other too
        else:
            log.warning("a fact about a call that is not ours", why=str(error))

    def _look_soon(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self.look_again(after_s=SOON_S), name="look for an unknown call")

    # ── after a connect ──────────────────────────────────────────────────────────────────────────────
    async def _reconcile(self, line: Line) -> None:
        """Ledger first, Asterisk second: a leg that was dialled before the look is in it."""
        wishes = await self._ledger.open_wishes()
        calls = await self._ledger.unfinished()
        self._board.rebuild(calls)
        dial_wishes = {call.id: self._dial_wish(call, wishes) for call in calls}
        picture = await line.look(min((call.dialled_at or call.accepted_at for call in calls), default=self._clock()))
        calls += await self._came_in(picture, {call.id for call in calls})
        facts = [
            TakeFact(call.id, fact.event, fact.at, "recovery")
            for call in calls
            for fact in missed(call, picture, dial_wishes.get(call.id, DialWish.SENT))
        ]
        after = await asyncio.gather(*(self._taker.submit(fact) for fact in facts))
        await self._take_up(calls, picture)
        await self._sweep(picture, {call.id: call for call in (*calls, *after)})
        # Only now: what is told of a queue is of this moment, and nothing older may come after it.
        for seen in await line.queues():
            self.on_queue(seen)
        log.info("compared with Asterisk", calls=len(calls), facts=len(facts), legs=len(picture.legs))

    async def _came_in(self, picture: Picture, known: Collection[str]) -> list[Call]:
        """People who dialled the public number while nobody listened: their calls are written down now."""
        seen: dict[str, LegSeen | Trace] = {**picture.traces, **picture.legs}
        adopted = []
        for leg, each in seen.items():
            call_id = call_of_leg(leg)
            if each.came_in is None or call_id is None or call_id in known or await self._ledger.call(call_id):
                continue
            call = await self._porter.adopt(
                Incoming(leg, each.came_in.dialled, each.came_in.caller, each.came_in.at), each.queue
            )
            adopted += [call] if call else []
        return adopted

    def _dial_wish(self, call: Call, wishes: Sequence[Wish]) -> DialWish:
        if self._performer.dials(call):
            return DialWish.NOT_SENT  # or it is this very moment; either way nothing is lost, nor to be made up for
        for wish in wishes:
            if isinstance(wish.command, Dial) and wish.command.leg == call.leg:
                return DialWish.MAYBE_SENT if wish.maybe_done else DialWish.NOT_SENT
        return DialWish.SENT

    async def _take_up(self, calls: Sequence[Call], picture: Picture) -> None:
        """Carry out what a former life of this service, or this one while deaf, left undone."""
        by_id = {call.id: call for call in calls}
        # A settled wish sets the next of its call free, so claim until nothing more comes.
        while wishes := await self._ledger.claim(self._taker.owner, self._clock(), LEASE_S, ALL, take_over=True):
            settled = [wish for wish in wishes if _done_before(wish, by_id.get(wish.call_id), picture)]
            await asyncio.gather(*(self._taker.submit(SettleWish(wish)) for wish in settled))
            others = [w for w in wishes if w not in settled and not self._performer.busy_with(w.call_id)]
            self._performer.more({wish.call_id for wish in others})
            # The look has answered for all dials what the performer would look for one by one.
            self._performer.add([_looked_for(wish) for wish in others])

    async def _sweep(self, picture: Picture, known: Mapping[str, Call]) -> None:
        """Hang up legs whose call is over; the dialplan's own limit would do it later."""
        for leg in picture.legs:
            if code := code_of_leg(leg):
                await self._sweep_code(leg, *code)
                continue
            call_id = call_of_leg(leg) or ""
            call = known.get(call_id) or await self._ledger.call(call_id)
            if call is None:
                log.warning("a leg of a call that the ledger does not know is left alone", leg=leg)
            elif call.leg != leg or call.outcome:
                with contextlib.suppress(NoSuchLeg):
                    await self._telephony.hang_up(leg)

    async def _sweep_code(self, leg: str, call_id: str, number: int) -> None:
        """A telephone that reads a code which does not count any more falls silent."""
        call = await self._ledger.call(call_id)
        step = call and call.confirmation
        waits = call and call.state in (State.REQUESTED, State.AWAITING_CODE)
        if not (waits and step and step.channel is Channel.VOICE and step.number == number):
            with contextlib.suppress(NoSuchLeg):
                await self._telephony.hang_up(leg)


def _looked_for(wish: Wish) -> Wish:
    return replace(wish, maybe_done=False) if isinstance(wish.command, Dial) else wish


def _done_before(wish: Wish, call: Call | None, picture: Picture) -> bool:
    """A wish to dial that may have been sent, and must not be sent again. All other wishes may be repeated."""
    if not wish.maybe_done or not isinstance(wish.command, Dial):
        return False
    return call is None or call.dialled_at is None or not may_dial(wish.command.leg, call.dialled_at, picture)


__all__ = ["Listener", "Replaced"]
