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
from ..call.commands import Command, Dial, HangUp, Redirect
from ..call.model import Call
from ..call.recovery import Picture, may_dial
from ..call.states import State
from ..ledger import Ledger, LedgerUnavailable, Wish
from .jobs import SettleWish, TakeFact
from .ports import AlreadyDialled, Clock, DialOrder, DialRefused, NoSuchLeg, OutOfReach, Telephony, Unanswered
from .take import LEASE_S, Taker

log = structlog.get_logger(__name__)

#: Seconds between two tries while Asterisk cannot be reached.
RETRY_S = 0.5
#: How long a citizen who pressed the button may wait for an Asterisk that is away, before the call fails.
DIAL_PATIENCE_S = 20


class Performer:
    """Carries wishes out. `look` gives a fresh picture of Asterisk since a time, or raises OutOfReach."""

    def __init__(self, ledger: Ledger, taker: Taker, telephony: Telephony, clock: Clock) -> None:
        self._ledger = ledger
        self._taker = taker
        self._telephony = telephony
        self._clock = clock
        self._lines: dict[str, deque[Wish]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._more: set[str] = set()
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

    def busy_with(self, call_id: str) -> bool:
        """Whether a wish of this call is under way in this process."""
        return call_id in self._lines

    async def stop(self) -> None:
        """Leave what is not done to the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

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

    async def _perform(self, wish: Wish) -> None:
        settled = await self._until_reached(wish)
        if not settled:
            return
        await self._taker.submit(SettleWish(wish))
        if wish.call_id in self._more:
            self._more.discard(wish.call_id)
            self.add(await self._ledger.claim(self._taker.owner, self._clock(), LEASE_S, 100))

    async def _until_reached(self, wish: Wish) -> bool:
        """True when the wish is settled; False when it was given back, for the next look at Asterisk to decide."""
        fresh = not wish.maybe_done
        while True:
            try:
                await self._once(wish, fresh)
            except Unanswered as error:
                if isinstance(wish.command, Dial):
                    log.warning("nobody knows whether the device rings; looking", call=wish.call_id, why=str(error))
                    return await self._find_out(wish, wish.command)
            except (OutOfReach, LedgerUnavailable):
                fresh = False
            else:
                return True
            await asyncio.sleep(RETRY_S)

    async def _once(self, wish: Wish, fresh: bool) -> None:
        command: Command = wish.command
        match command:
            case Dial():
                await self._dial(wish.call_id, command, fresh)
            case HangUp(leg=leg):
                try:
                    await self._telephony.hang_up(leg)
                except NoSuchLeg:
                    # Gone already, or it never was: either way the call need not wait for its goodbye.
                    await self._take(wish.call_id, e.DeviceGone(leg))
            case Redirect(leg=leg, queue=queue):
                try:
                    await self._telephony.redirect(leg, queue)
                except NoSuchLeg:
                    await self._take(wish.call_id, e.TransferFailed(leg))
            case _:
                log.error("nobody carries out such wishes", call=wish.call_id, wish=type(command).__name__)

    async def _dial(self, call_id: str, command: Dial, fresh: bool) -> None:
        call = await self._ledger.call(call_id)
        if call is None or call.state is not State.DIALING or call.leg != command.leg:
            return
        if call.verdict:
            await self._take(call_id, e.NotDialled(command.leg, call.verdict.cause))
            return
        patience = timedelta(seconds=DIAL_PATIENCE_S)
        if not fresh and call.dialled_at and self._clock() > call.dialled_at + patience:
            await self._take(call_id, e.NotDialled(command.leg, Cause("exchange_down", Source.SERVICE)))
            return
        try:
            await self._telephony.dial(_order(call, command))
        except AlreadyDialled:
            log.info("it was dialled before", call=call_id)
        except DialRefused as refusal:
            await self._take(call_id, e.NotDialled(command.leg, refusal.cause))

    async def _find_out(self, wish: Wish, command: Dial) -> bool:
        """The order to dial got no answer. See whether the leg came to be before anybody dials again."""
        call = await self._ledger.call(wish.call_id)
        if self.look is None or call is None or call.dialled_at is None:
            return True
        try:
            picture = await self.look(call.dialled_at)
        except OutOfReach:
            await self._ledger.retry(wish, self._clock(), "no answer to the order to dial")
            return False
        if may_dial(command.leg, call.dialled_at, picture):
            return await self._until_reached(wish)
        return True

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
        time_limit_s=call.terms.time_limit_s,
        ticket=call.ticket,
        locale=call.request.locale,
    )
