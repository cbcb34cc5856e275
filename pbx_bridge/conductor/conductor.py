"""The conductor: everything of the loop, put together, and what the portal may ask of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from ..call import events as e
from ..call.attempts import in_time
from ..call.machine import has_leg
from ..call.model import Call, Channel
from ..call.states import State
from ..codes.code import Codes
from ..codes.tries import Rules
from ..ledger import Ledger
from ..ledger.access import Authenticator
from .alarms import Alarms
from .announcer import Announcer
from .board import Board, QueueView
from .callbacks import Callbacks
from .confirming import AskCode, ConfirmCall, Confirmed, Factor, Judge
from .counsel import Counsel
from .errors import NotMovable, UnknownCall
from .feed import Feed
from .herald import Herald, Speechless
from .hub import Hub
from .jobs import OpenCall, TakeFact, Wanted
from .perform import Performer
from .ports import Clock, Incoming, Messenger, QueueSeen, Reception, Telephony
from .reception import HouseRules, Porter
from .recordings import Recordings
from .recover import Listener
from .roster import Roster
from .steering import Steering, Target
from .take import Taker
from .tally import Tally

log = structlog.get_logger(__name__)

#: How long an abort waits for the phone to be silent before it answers anyway (seconds).
ABORT_ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer to a request: the call as it was accepted, the same for every repeat of the request."""

    call_id: str
    answer: Mapping[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Aborted:
    """The call after an abort. `won`: the abort ended it (or will); False: something else had ended it before."""

    call: Call
    won: bool


def no_apps(authenticator: Authenticator, typed: str, at: datetime) -> None:
    """An installation without authenticator apps: no code of one is right."""


@dataclass(frozen=True, slots=True)
class SecondStep:
    """What the second step needs: the maker of codes, what carries text messages, how much is allowed, and how an
    app's code is checked."""

    codes: Codes
    messenger: Messenger = field(default_factory=Speechless)
    rules: Rules = field(default_factory=Rules)
    factor: Factor = no_apps


class Conductor:
    """Start it with `run`, ask it with `open` and `abort`, watch calls by `hub`, and all of them by `feed`."""

    def __init__(
        self,
        ledger: Ledger,
        telephony: Telephony,
        clock: Clock,
        owner: str,
        counsel: Counsel | None = None,
        pace_s: float = 0.0,
        second: SecondStep | None = None,
        house: HouseRules | None = None,
        speaks: bool = True,
    ) -> None:
        """`pace_s`: see Taker. Without `counsel` every desk is open; without `second` no text messages are sent,
        nothing is counted, and the key of the codes is drawn at start. `house` is what the operator says of people who
        dial the public number. `speaks`: whether those who wait hear where they stand."""
        second = second or SecondStep(Codes(os.urandom(32)))
        self._counsel = counsel = counsel or Counsel()
        self.ledger = ledger
        self.hub = Hub()
        self.feed = Feed(ledger, self.hub)
        self._clock = clock
        self._board = Board(counsel.directory, clock)
        counsel.crowd = self._board.crowd
        self._taker = Taker(ledger, self.hub, clock, owner, counsel, pace_s, self.feed)
        self._judge = Judge(second.codes, second.rules, second.factor, counsel.admit)
        herald = Herald(ledger, telephony, second.messenger, second.codes)
        self._performer = Performer(ledger, self._taker, telephony, clock, herald)
        self._alarms = Alarms(ledger, self._taker, clock)
        self._callbacks = Callbacks(ledger, self._taker, self._board, counsel, clock)
        self._porter = Porter(ledger, self._taker, counsel, house or HouseRules())
        self._listener = Listener(ledger, self._taker, self._performer, telephony, clock, self._board, self._porter)
        self._announcer = Announcer(self._board, telephony, speaks=speaks)
        self._steering = Steering(self._taker, self._performer, counsel, clock)
        self.limit = self._steering.limit
        recordings = Recordings(ledger, self._taker, clock)
        self.steer_recording, self.withdraw_consent = recordings.ask, recordings.withdraw
        self._roster = Roster(ledger, telephony, counsel, clock)
        self.agents = self._roster.agents
        self.log_in, self.log_out, self.pause = self._roster.log_in, self._roster.log_out, self._roster.pause
        self.on_connected: Callable[[], None] = lambda: None
        self.on_owed: Callable[[Collection[tuple[str, str]]], None] = lambda lanes: None
        self._taker.on_owed = lambda lanes: self.on_owed(lanes)
        self._taker.on_changed = self._changed
        self._taker.on_wishes = self._performer.add
        self._taker.on_waiting = self._performer.more
        self._taker.on_wake = self._alarms.set
        self._taker.on_mended = self._mended
        self._listener.on_hearing = self._hearing
        self._listener.on_queue = self._queue_changed
        self._looking: asyncio.Task[None] | None = None

    def _mended(self) -> None:
        self._looking = asyncio.create_task(self._listener.look_again(), name="look again")

    def _hearing(self, hearing: bool) -> None:
        self._alarms.hears(hearing)
        self._callbacks.hears(hearing)
        if hearing:
            self.on_connected()
        else:
            self._board.forget()

    def _changed(self, call: Call) -> None:
        self._performer.saw(call)
        self._announcer.changed(call)
        if self._board.changed(call) or call.state is State.SCHEDULED:
            self._callbacks.poke()
        if call.state is State.QUEUED:
            self._announcer.poke()

    def _queue_changed(self, seen: QueueSeen) -> None:
        """Somebody came to a desk, left it, or became free."""
        if self._board.see(seen):
            for call_id, moved in self._board.retold(seen.queue):
                self._listener.pass_on(call_id, moved)
        self._callbacks.poke()

    async def run(self) -> None:
        """Work until cancelled. Raises Replaced when another process took Asterisk over."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._taker.run(), name="take")
                group.create_task(self._alarms.run(), name="alarms")
                group.create_task(self.feed.run(), name="feed")
                group.create_task(self._listener.run(), name="listen")
                group.create_task(self._callbacks.run(), name="callbacks")
                group.create_task(self._announcer.run(), name="announce")
                group.create_task(self._roster.keep_lessons(self._board), name="lessons")
        finally:
            await self._performer.stop()

    async def open(self, wanted: Wanted) -> Opened:
        """Accept a call, or find the one that an earlier try of the same request made. Raises conductor.errors."""
        placed = await self._taker.submit(OpenCall(wanted, self._clock(), self._counsel.admit, self._judge.rules))
        if placed.accepted is not None:
            return Opened(placed.call_id, placed.accepted, replayed=False)
        first = (await self.ledger.events(placed.call_id, after=0, limit=1))[0]
        return Opened(placed.call_id, first.data["call"], replayed=True)

    async def ask_code(self, call_id: str, channel: Channel, *, by: str) -> Call:
        """Send the citizen another code, maybe another way. Raises UnknownCall, NothingToConfirm, NoCodes, MustWait."""
        return await self._taker.submit(AskCode(call_id, channel, self._clock(), by, self._judge))

    async def confirm(self, call_id: str, typed: str | None, *, by: str) -> Confirmed:
        """The citizen takes the second step. Raises UnknownCall, NothingToConfirm, CodeNeeded, MustWait."""
        return await self._taker.submit(ConfirmCall(call_id, typed, self._clock(), by, self._judge))

    async def abort(self, call_id: str, *, by: str, if_revision: int | None = None) -> Aborted:
        """End a call in any state; answers when the phone is silent, at most 2 s later. Raises UnknownCall."""
        with self.hub.watch(call_id) as watch:
            fact = TakeFact(call_id, e.AbortRequested(by), self._clock(), by, if_revision)
            call = await self._taker.submit(fact)
            try:
                async with asyncio.timeout(ABORT_ANSWER_S):
                    while call.state is not State.ENDED:
                        await watch.changed(call.revision)
                        call = await self.call(call_id) or call
            except TimeoutError:
                log.warning("an abort is still on its way", call=call_id)
        cause = call.verdict.cause if call.verdict and call.state is not State.ENDED else call.cause
        return Aborted(call, won=cause is not None and cause.slug == "aborted")

    async def move(self, call_id: str, to: datetime, *, by: str, if_revision: int | None = None) -> Call:
        """Call a citizen who waits for a callback at another time; in the desk's hours and outside their night it may
        be later. Raises UnknownCall, NotMovable, RevisionPassed."""
        known = await self.call(call_id)
        if known is None:
            raise UnknownCall("there is no such call")
        at = self._clock()
        opening = self._counsel.at_time(known.request, to, at)
        wish = e.MoveRequested(by, max(to, at), opening)
        after = await self._taker.submit(TakeFact(call_id, wish, at, by, if_revision))
        if after.state is not State.SCHEDULED:
            raise NotMovable(f"the call does not wait for a callback: it is {after.state.value}", after)
        if not in_time(after, opening):
            raise NotMovable("there is no time like that in the desk's hours and outside the citizen's night", after)
        return after

    async def keep_place(self, call_id: str, *, by: str, if_revision: int | None = None) -> Call:
        """Hang up on somebody who waits, and call them back in their turn. Raises UnknownCall, NotMovable,
        RevisionPassed."""
        with self.hub.watch(call_id) as watch:
            wish = TakeFact(call_id, e.CallbackRequested(by), self._clock(), by, if_revision)
            call = await self._taker.submit(wish)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ABORT_ANSWER_S):
                    while has_leg(call) and call.verdict and call.verdict.cause.slug == "callback_chosen":
                        await watch.changed(call.revision)
                        call = await self.call(call_id) or call
        word = (call.verdict and call.verdict.cause) or call.cause
        chosen = word is not None and word.slug in ("callback_chosen", "callback_merged")
        if call.state is not State.SCHEDULED and not chosen:
            raise NotMovable(
                f"the call does not wait in a queue, or cannot be called back: it is {call.state.value}", call
            )
        return call

    async def redirect(self, call_id: str, to: Target, *, by: str, if_revision: int | None = None) -> Call:
        """Send the citizen to somebody else; what comes of it is told by events. Raises UnknownCall, DeskClosed,
        NotSteerable, RevisionPassed."""
        known = await self.call(call_id)
        if known is None:
            raise UnknownCall("there is no such call")
        return await self._steering.redirect(known, to, by=by, if_revision=if_revision)

    async def receive(self, incoming: Incoming) -> Reception | None:
        """Somebody dialled the public number. None: it belongs to no service. Raises errors of this room."""
        return await self._porter.receive(incoming)

    def queues(self) -> Mapping[str, QueueView]:
        """Every queue as it is seen now."""
        return self._board.views()

    def reloaded(self) -> None:
        """The directory has changed."""
        self._callbacks.reloaded()

    async def call(self, call_id: str) -> Call | None:
        """The call as it stands."""
        return await self.ledger.call(call_id)

    @property
    def tally(self) -> Tally:
        """What was counted since the start."""
        return self._taker.tally

    def health(self) -> Mapping[str, str | None]:
        """Each part, and a sentence where it is not well."""
        deaf = "Asterisk is not heard; the service reconnects by itself, and `pbx-bridge doctor` says what is wrong"
        unsaved = "the database does not answer; facts wait in memory, and `pbx-bridge doctor` says what is wrong"
        return {
            "asterisk": deaf if self._listener.trouble else None,
            "database": unsaved if self._taker.trouble else None,
        }


__all__ = ["Aborted", "Conductor", "Confirmed", "Opened", "SecondStep", "Target", "UnknownCall", "Wanted"]
