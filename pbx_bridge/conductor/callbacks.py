"""Calls that wait for their time. Whoever asked first is called first, when the desk is open, the citizen awake, and an
agent is free or about to be.

The backlog is the ledger's; nothing here is remembered. What may ring is counted anew from the board before each look,
and a call leaves the backlog by a committed fact: so nobody is called twice, whatever stops and starts meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from ..call import events as e
from ..call.model import Call, Opening, Why
from ..call.states import State
from ..ledger import Ledger, LedgerUnavailable
from ..line.pacing import Waiting, due
from . import errors
from .board import Board
from .counsel import Counsel
from .jobs import TakeFact
from .ports import Clock
from .take import Taker

log = structlog.get_logger(__name__)

#: Never look more often than this, nor less often (seconds).
SHORTEST_S, LONGEST_S = 0.2, 10.0
#: Calls that are looked at, or given another time, in one go.
AT_ONCE = 200
#: The wall clock against the loop's own: more than so many seconds apart, and it was set.
JUMP_S = 5.0
#: Until somebody who is on the telephone with us is called back (seconds).
BUSY_S = 120


class Callbacks:
    """Starts scheduled calls. `hears` is told by the listener, `poke` whenever somebody may have become free."""

    def __init__(self, ledger: Ledger, taker: Taker, board: Board, counsel: Counsel, clock: Clock) -> None:
        self._ledger = ledger
        self._taker = taker
        self._board = board
        self._counsel = counsel
        self._clock = clock
        self._hears = False
        self._news = asyncio.Event()
        self._retime = True
        self._offset = timedelta(0)

    def hears(self, hearing: bool) -> None:
        """Whether Asterisk is heard: nobody is called by a service that is deaf."""
        self._hears = hearing
        self._news.set()

    def poke(self) -> None:
        """Look soon."""
        self._news.set()

    def reloaded(self) -> None:
        """Hours or rules have changed: every scheduled call is given its time anew."""
        self._retime = True
        self._news.set()

    async def run(self) -> None:
        """Work until cancelled."""
        self._offset = self._clock_offset()
        while True:
            try:
                if self._clock_was_set() or self._retime:
                    self._retime = False
                    await self._give_times()
                await self._start_due()
                await self._wait()
            except LedgerUnavailable:
                self._retime = True
                await asyncio.sleep(1.0)

    async def _wait(self) -> None:
        """Until the next scheduled time, or news; looks that follow each other at once are one."""
        await asyncio.sleep(SHORTEST_S)
        at = self._clock()
        next_ = await self._ledger.next_scheduled(at)
        seconds = LONGEST_S if next_ is None else (next_ - at).total_seconds()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(LONGEST_S, max(0.0, seconds))):
                await self._news.wait()
        self._news.clear()

    # ── whose time has come ──────────────────────────────────────────────────────────────────────────
    async def _start_due(self) -> None:
        for queue, (waiting, _) in (await self._ledger.backlog_sizes(self._clock())).items():
            if waiting:
                await self._start_of(queue)

    async def _start_of(self, queue: str) -> None:
        """The head of one queue's backlog. Those who may not be called after all get another time and make room for
        the next ones behind them."""
        while True:
            at = self._clock()
            calls = await self._ledger.backlog(queue, at, AT_ONCE)
            desk, rules = self._board.desk(queue, at), self._counsel.rules(queue)
            ready, postponed = self._sorted(calls, at)
            # Deaf, nobody is called; whose time is over learns it all the same.
            waiting = [Waiting(call.id, call.accepted_at, at) for call in ready] if self._hears else []
            started = due(waiting, desk, rules)
            await asyncio.gather(*(self._postpone(call, fact, at) for call, fact in postponed))
            await asyncio.gather(*(self._start(call, at) for call in ready if call.id in started))
            if not postponed or len(calls) < AT_ONCE:
                return

    def _sorted(self, calls: Sequence[Call], at: datetime) -> tuple[list[Call], list[tuple[Call, e.Event]]]:
        ready: list[Call] = []
        postponed: list[tuple[Call, e.Event]] = []
        for call in calls:
            if at >= call.accepted_at + timedelta(seconds=call.terms.keep_s):
                postponed.append((call, e.TimeUp(State.SCHEDULED)))
                continue
            opening = self._counsel.call_back(call, at)
            if opening.open:
                ready.append(call)
            else:
                postponed.append((call, e.Rescheduled(opening)))
        return ready, postponed

    async def _start(self, call: Call, at: datetime) -> None:
        try:
            await self._taker.submit(TakeFact(call.id, e.Due(), at, "callbacks", if_revision=call.revision))
        except errors.CitizenBusy:
            busy = Opening(open=False, next_open_at=at + timedelta(seconds=BUSY_S), why=Why.BUSY)
            await self._postpone(call, e.Rescheduled(busy), at)
        except errors.Refused as refusal:
            # Moved, cancelled or erased at the same moment: the next look sees it as it is now.
            log.debug("a callback was not begun", call=call.id, why=str(refusal))

    async def _postpone(self, call: Call, fact: e.Event, at: datetime) -> None:
        with contextlib.suppress(errors.Refused):
            await self._taker.submit(TakeFact(call.id, fact, at, "callbacks", if_revision=call.revision))

    # ── times that have changed ──────────────────────────────────────────────────────────────────────
    async def _give_times(self) -> None:
        """Ask the hours again about every scheduled call: the calendar, the directory or the clock has changed."""
        after, changed = "", 0
        while calls := await self._ledger.scheduled(after, AT_ONCE):
            after, at = calls[-1].id, self._clock()
            moved = [(call, opening) for call in calls if (opening := self._other_time(call, at))]
            await asyncio.gather(*(self._postpone(call, e.Rescheduled(opening), at) for call, opening in moved))
            changed += len(moved)
        if changed:
            log.info("scheduled calls were given another time", calls=changed)

    def _other_time(self, call: Call, at: datetime) -> Opening | None:
        opening = self._counsel.call_back(call, at)
        known = call.scheduled_for
        if known is None or opening.next_open_at is None or opening.next_open_at == known:
            return None
        # Whose time has come waits for an agent, and needs no other time.
        return None if opening.open and known <= at else opening

    def _clock_was_set(self) -> bool:
        offset = self._clock_offset()
        jumped = abs((offset - self._offset).total_seconds()) > JUMP_S
        if jumped:
            log.warning("the clock was set", by_s=round((offset - self._offset).total_seconds()))
            self._offset = offset
        return jumped

    def _clock_offset(self) -> timedelta:
        """How far the wall clock is from the loop's, which only ever runs forward."""
        return self._clock() - datetime.fromtimestamp(asyncio.get_running_loop().time(), self._clock().tzinfo)
