"""Tells those who wait where they stand: after they joined, after each move, and now and then while nothing moves.

What is said is nothing that a call depends on: it is neither kept nor repeated after a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import structlog

from ..call.model import Call, Place
from ..call.states import State
from ..speech import place as in_words
from .board import Board
from .ports import Announcement, NoSuchLeg, OutOfReach, Telephony

log = structlog.get_logger(__name__)

#: Between two announcements to the same person, when the place has changed, and when not (seconds).
MOVED_S, SAME_S = 30.0, 120.0
#: From joining to the first: the telephone is on its way to the ear.
FIRST_S = 2.0
#: How often those who wait are looked through, and how many are spoken to at once.
LOOK_S, AT_ONCE = 1.0, 10


@dataclass(slots=True)
class _Told:
    leg: str
    since: float
    position: int | None = None
    at: float | None = None


class Announcer:
    """`run` it beside the loop. `speaks` False: nobody is told anything."""

    def __init__(self, board: Board, telephony: Telephony, *, speaks: bool = True) -> None:
        self._board = board
        self._telephony = telephony
        self._speaks = speaks
        self._told: dict[str, _Told] = {}
        self._somebody_waits = asyncio.Event()
        self._hushing: set[asyncio.Task[None]] = set()

    def poke(self) -> None:
        """Somebody waits."""
        self._somebody_waits.set()

    def changed(self, call: Call) -> None:
        """A call as it was just committed: an agent is about to speak to somebody, or they have gone."""
        told = self._told.get(call.id)
        if told and told.at is not None and call.state is not State.QUEUED:
            self._told.pop(call.id)
            task = asyncio.create_task(self._hush(told.leg), name=f"hush {told.leg}")
            self._hushing.add(task)
            task.add_done_callback(self._hushing.discard)

    async def _hush(self, leg: str) -> None:
        with contextlib.suppress(OutOfReach):
            await self._telephony.hush(leg)

    async def run(self) -> None:
        """Speak until cancelled."""
        while self._speaks:
            await self._somebody_waits.wait()
            await asyncio.sleep(LOOK_S)
            now = asyncio.get_running_loop().time()
            waiting = {call.id: call for call in self._board.waiting() if call.leg and not call.verdict}
            self._told = {id_: told for id_, told in self._told.items() if id_ in waiting}
            if not waiting:
                self._somebody_waits.clear()
            due = [call for call in waiting.values() if self._is_due(call, now)]
            for start in range(0, len(due), AT_ONCE):
                await asyncio.gather(*(self._tell(call, now) for call in due[start : start + AT_ONCE]))

    def _is_due(self, call: Call, now: float) -> bool:
        # Somebody to whom an agent is about to speak is left in peace.
        if call.state is not State.QUEUED or call.place is None or not call.place.position:
            return False
        told = self._told.get(call.id)
        if told is None or told.leg != call.leg:
            self._told[call.id] = _Told(call.leg or "", now)
            return False
        if told.at is None:
            return now - told.since >= FIRST_S
        pause = SAME_S if told.position == call.place.position else MOVED_S
        return now - told.at >= pause

    async def _tell(self, call: Call, now: float) -> None:
        place, told = call.place, self._told.get(call.id)
        if place is None or call.leg is None or told is None:
            return
        told.at, told.position = now, place.position
        try:
            words = in_words(place.position, _minutes(place), call.request.locale)
            await self._telephony.announce(Announcement(call.leg, words, call.request.locale))
        except (NoSuchLeg, OutOfReach) as error:
            log.debug("nothing was announced", call=call.id, why=str(error))
        except Exception:  # what is said to those who wait is not worth a single call
            log.exception("a place could not be announced", call=call.id)


def _minutes(place: Place) -> tuple[int, int] | None:
    """Full minutes, rounded up: nobody is promised less than is known."""
    if place.likely_s is None or place.at_most_s is None:
        return None
    likely, at_most = (max(1, -(-seconds // 60)) for seconds in (place.likely_s, place.at_most_s))
    return likely, at_most
