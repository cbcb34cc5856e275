"""The one door out. Wishes of one call are carried out in their order, calls beside each other.

A wish to dial is sent at most once unless it is certain that Asterisk never got it: a second ring is worse than
a failed call. All other wishes may be repeated.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta

import structlog

from ..call import events as e
from ..call.causes import Cause, Source
from ..call.commands import Command, Dial, SendCode
from ..call.consent import may_record
from ..call.model import Call, Prove
from ..call.recovery import DialWish, Picture, may_dial, missed
from ..call.states import State
from ..ledger import Ledger, LedgerUnavailable, Wish
from ..line.pacing import priority
from .herald import Herald
from .jobs import SettleWish, TakeFact
from .legwork import LegWork
from .ports import AlreadyDialled, Clock, DialOrder, DialRefused, OutOfReach, Telephony, Unanswered
from .take import LEASE_S, Taker

log = structlog.get_logger(__name__)

#: Seconds between two tries while Asterisk cannot be reached.
RETRY_S = 0.5
#: How long a citizen who pressed the button may wait for an Asterisk that is away, before the call fails: nobody is
#: rung long after, however the time was lost.
DIAL_PATIENCE_S = 20


class Performer:
    """Carries wishes out. `look` gives a fresh picture of Asterisk since a time, or raises OutOfReach."""

    def __init__(self, ledger: Ledger, taker: Taker, telephony: Telephony, clock: Clock, herald: Herald) -> None:
        self._ledger = ledger
        self._taker = taker
        self._telephony = telephony
        self._clock = clock
        self._herald = herald
        self._lines: dict[str, deque[Wish]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._more: set[str] = set()
        self._dialling: dict[str, Call] = {}
        self._legs = LegWork(ledger, taker, telephony, clock)
        self.remember = self._legs.remember
        self.look: Callable[[datetime], Awaitable[Picture]] | None = None

    def add(self, wishes: Sequence[Wish]) -> None:
        """Carry these out, after those of the same call that are under way. Returns at once."""
        for wish in wishes:
            line = self._lines.get(wish.call_id)
            if line is not None:
                line.append(wish)
                continue
            self._lines[wish.call_id] = deque([wish])
            task = asyncio.create_task(self._work(wish.call_id), name=f"wishes of {wish.call_id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def more(self, call_ids: Collection[str]) -> None:
        """These calls have wishes behind the one that is under way: fetch them when it is settled."""
        self._more.update(call_ids)

    def saw(self, call: Call) -> None:
        """A call as it was just committed: kept while it may have a wish to dial, so that nobody reads it again."""
        if call.state is State.DIALING or call.id in self._dialling:
            self._dialling[call.id] = call
        if call.state is State.ENDED:
            self._dialling.pop(call.id, None)
            self._legs.forget(call.id)

    def busy_with(self, call_id: str) -> bool:
        """Whether a wish of this call is under way in this process."""
        return call_id in self._lines

    def dials(self, call: Call) -> bool:
        """Whether this process is about to dial the call's present leg, and will find out itself what comes of it."""
        wishes = self._lines.get(call.id, ())
        return any(isinstance(wish.command, Dial) and wish.command.leg == call.leg for wish in wishes)

    async def stop(self) -> None:
        """Leave what is not done to the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._legs.stop()

    async def _work(self, call_id: str) -> None:
        line = self._lines[call_id]
        try:
            while line:
                await self._perform(line[0])
                line.popleft()
        except Exception:  # a fault of ours: the wish stays open, the next reconnect takes it up
            log.exception("a wish could not be carried out", call=call_id, wish=type(line[0].command).__name__)
        finally:
            del self._lines[call_id]
            self._dialling.pop(call_id, None)

    async def _perform(self, wish: Wish) -> None:
        await self._until_reached(wish)
        await self._taker.submit(SettleWish(wish))
        if wish.call_id in self._more:
            self._more.discard(wish.call_id)
            self.add(await self._ledger.claim(self._taker.owner, self._clock(), LEASE_S, 100))

    async def _until_reached(self, wish: Wish) -> None:
        """Returns when nothing more is to be done about the wish. A ring that may have been is looked for first."""
        unsure = wish.maybe_done and isinstance(wish.command, Dial)
        while True:
            try:
                if not unsure or await self._never_rang(wish.call_id):
                    await self._once(wish)
            except Unanswered as error:
                unsure = isinstance(wish.command, Dial)
                log.warning("no answer, so nobody knows whether it was done", call=wish.call_id, why=str(error))
            except (OutOfReach, LedgerUnavailable) as error:
                log.debug("a wish must wait", call=wish.call_id, why=str(error))
            else:
                return
            await asyncio.sleep(RETRY_S)

    async def _once(self, wish: Wish) -> None:
        command: Command = wish.command
        match command:
            case Dial():
                await self._dial(wish.call_id, command)
            case SendCode(number=number):
                fact = await self._herald.send(wish.call_id, number, repeated=wish.maybe_done, look=self.look)
                if fact:
                    await self._take(wish.call_id, fact)
            case _:
                await self._legs.do(wish)

    async def _dial(self, call_id: str, command: Dial) -> None:
        call = self._dialling.get(call_id) or await self._ledger.call(call_id)
        if call is None or call.state is not State.DIALING or call.leg != command.leg:
            return
        if call.verdict:
            await self._take(call_id, e.NotDialled(command.leg, call.verdict.cause))
            return
        patience = timedelta(seconds=DIAL_PATIENCE_S)
        if call.dialled_at and self._clock() > call.dialled_at + patience:
            await self._take(call_id, e.NotDialled(command.leg, Cause("exchange_down", Source.SERVICE)))
            return
        try:
            await self._telephony.dial(_order(call, command))
        except AlreadyDialled:
            log.info("it was dialled before", call=call_id)
        except DialRefused as refusal:
            await self._take(call_id, e.NotDialled(command.leg, refusal.cause))

    async def _never_rang(self, call_id: str) -> bool:
        """Whether the present leg never came to be, so that dialling it is the first ring. What is seen of it instead
        is taken: the listener may have looked before the leg was there."""
        call = await self._ledger.call(call_id)
        if self.look is None or call is None or call.leg is None or call.dialled_at is None:
            return False
        picture = await self.look(call.dialled_at)
        if may_dial(call.leg, call.dialled_at, picture):
            return True
        for fact in missed(call, picture, DialWish.SENT):
            await self._taker.submit(TakeFact(call_id, fact.event, fact.at, "recovery"))
        return False

    async def _take(self, call_id: str, event: e.Event) -> None:
        at: datetime = self._clock()
        await self._taker.submit(TakeFact(call_id, event, at, "service"))


def _order(call: Call, command: Dial) -> DialOrder:
    return DialOrder(
        leg=command.leg,
        device=call.request.devices[command.device],
        queue=call.queue,
        ring_s=call.terms.ring_s,
        queue_s=call.terms.queue_s,
        time_limit_s=call.limit_s,
        ticket=call.ticket,
        locale=call.request.locale,
        prove=call.terms.prove is Prove.ALWAYS or (call.terms.prove is Prove.CALLBACKS and call.callback),
        then=call.terms.then,
        overflow=call.terms.overflow,
        # Who waited for a callback asked before those who wait now.
        priority=priority(call.terms.priority, called_back=call.callback),
        record=may_record(call),
    )
