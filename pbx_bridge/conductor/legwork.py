"""What is done to a leg that is there: end it, send it on, limit it, record it or not. All of it may be repeated, and a
leg that is gone is no trouble."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from ..call import events as e
from ..call.commands import (
    Command,
    Forward,
    HangUp,
    PauseRecording,
    PlayNotice,
    Redirect,
    ResumeRecording,
    SetLimit,
    StopRecording,
)
from ..call.model import call_of_leg
from ..ledger import Ledger, Wish
from ..phone import Phone
from .jobs import TakeFact
from .ports import Clock, DialRefused, NoSuchLeg, OutOfReach, Telephony
from .take import Taker

log = structlog.get_logger(__name__)


class LegWork:
    """The performer's hands for legs. `do` raises OutOfReach; NoSuchLeg is never one of its troubles."""

    def __init__(self, ledger: Ledger, taker: Taker, telephony: Telephony, clock: Clock) -> None:
        self._ledger = ledger
        self._taker = taker
        self._telephony = telephony
        self._clock = clock
        self._numbers: dict[str, Phone] = {}
        self._notices: set[asyncio.Task[None]] = set()
        self._ways: dict[type[Command], Callable[[str, Any], Awaitable[None]]] = {
            HangUp: self._hang_up,
            Redirect: self._redirect,
            Forward: self._forward,
            SetLimit: self._set_limit,
            PauseRecording: self._pause,
            ResumeRecording: self._resume,
            StopRecording: self._stop,
            PlayNotice: self._play_notice,
        }

    def remember(self, call_id: str, number: Phone) -> None:
        """Whom a call is to be sent to: it is in this memory only."""
        self._numbers[call_id] = number

    def forget(self, call_id: str) -> None:
        """The call is over."""
        self._numbers.pop(call_id, None)

    async def do(self, wish: Wish) -> None:
        """Carry it out."""
        way = self._ways.get(type(wish.command))
        if way is None:
            log.error("nobody carries out such wishes", call=wish.call_id, wish=type(wish.command).__name__)
            return
        try:
            await way(wish.call_id, wish.command)
        except NoSuchLeg:
            log.debug("the leg is gone", call=wish.call_id, wish=type(wish.command).__name__)

    async def _hang_up(self, call_id: str, command: HangUp) -> None:
        try:
            await self._telephony.hang_up(command.leg)
        except NoSuchLeg:
            # Gone already, or it never was: either way the call need not wait for its goodbye.
            if call_of_leg(command.leg):
                await self._take(call_id, e.DeviceGone(command.leg))

    async def _redirect(self, call_id: str, command: Redirect) -> None:
        try:
            await self._telephony.redirect(command.leg, command.queue)
        except NoSuchLeg:
            await self._take(call_id, e.TransferFailed(command.leg))

    async def _forward(self, call_id: str, command: Forward) -> None:
        """A number that only a former life of this service knew is nobody's now: the citizen stays where they are."""
        number = self._numbers.get(call_id)
        try:
            if number is None:
                raise NoSuchLeg(command.leg)
            await self._telephony.forward(command.leg, number)
        except OutOfReach:
            raise
        except (NoSuchLeg, DialRefused) as error:
            log.warning("nobody was sent on", call=call_id, why=type(error).__name__)
            await self._take(call_id, e.TransferFailed(command.leg))
        self.forget(call_id)

    async def _set_limit(self, call_id: str, command: SetLimit) -> None:
        call = await self._ledger.call(call_id)
        left = None
        if call and call.answered_at:
            left = math.ceil((call.answered_at - self._clock()).total_seconds() + command.time_limit_s)
        await self._telephony.set_limit(command.leg, command.time_limit_s, left)

    async def _pause(self, call_id: str, command: PauseRecording) -> None:
        await self._telephony.pause_recording(command.leg)

    async def _resume(self, call_id: str, command: ResumeRecording) -> None:
        await self._telephony.resume_recording(command.leg)

    async def _stop(self, call_id: str, command: StopRecording) -> None:
        await self._telephony.stop_recording(command.leg)

    async def _play_notice(self, call_id: str, command: PlayNotice) -> None:
        """It takes a while, and what is wished for meanwhile (a hang-up) does not wait for its end. One that dies with
        this process is not said again: then nothing is recorded."""
        task = asyncio.create_task(self._tell(call_id, command.leg), name=f"notice of {call_id}")
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def _tell(self, call_id: str, leg: str) -> None:
        """Whoever heard it to its end is recorded from there on; whoever did not is not."""
        try:
            if await self._telephony.play_notice(leg):
                await self._take(call_id, e.RecordingArmed(leg))
        except (NoSuchLeg, OutOfReach) as error:
            log.warning("a notice was not heard, so nothing is recorded", call=call_id, why=str(error))

    async def stop(self) -> None:
        """No notice is waited for any more."""
        for task in tuple(self._notices):
            task.cancel()
        await asyncio.gather(*self._notices, return_exceptions=True)

    async def _take(self, call_id: str, event: e.Event) -> None:
        await self._taker.submit(TakeFact(call_id, event, self._clock(), "service"))
