"""Recording in a FakeExchange: what dialplan/recording.conf does on a leg, and what the service may ask for.

A tape is what the files of one leg would hold: who was on it, and from when to when.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ..call import events as e
from ..conductor.ports import DialOrder


@dataclass(frozen=True, slots=True)
class Part:
    """One file: the talk with one agent. `ended_at` None: it is still written."""

    agent: str
    began_at: datetime
    ended_at: datetime | None = None


class Told(Protocol):
    """What a tape needs of its exchange."""

    def now(self) -> datetime: ...
    def tell(self, fact: e.LegEvent) -> None: ...


class Tape:
    """The recording of one leg. `consent` is PB_RECORD, `heard` that the notice was heard before this queue."""

    def __init__(self, leg: str, consent: bool, switch: Told) -> None:
        self.leg, self.consent, self._switch = leg, consent, switch
        self.paused = self.heard = False
        self.parts: list[Part] = []
        self._agent: str | None = None

    def before_queue(self, *, refuses: bool) -> None:
        """The notice is played to its end, or 0 is pressed in the middle of it."""
        self.over()
        self.heard = False
        if not self.consent:
            return
        if refuses:
            self.consent = False
            self._switch.tell(e.RecordingRefused(self.leg))
            return
        self.heard, self.paused = True, False
        self._switch.tell(e.RecordingArmed(self.leg))

    def talks_to(self, agent: str) -> None:
        """The agent's channel joins."""
        self._agent = agent
        if self.consent and self.heard and not self.paused:
            self.parts.append(Part(agent, self._switch.now()))

    def meets(self, somebody: str) -> None:
        """Somebody joins whose channel app_queue did not bring: no file begins by itself."""
        self._agent = somebody

    def over(self) -> None:
        """The agent's channel goes, and the file with it."""
        self._agent = None
        self._close()

    def pause(self) -> None:
        self.paused = True
        self._close()

    def resume(self) -> None:
        self.paused = False
        if self._agent and self.heard and not self.is_written:
            self.talks_to(self._agent)

    def stop(self) -> None:
        self.consent = False
        self._close()

    def notice(self) -> bool:
        """In the middle of a talk; whom the citizen talks to hears it too."""
        if not (self._agent and self.consent):
            return False
        self._close()
        self.heard, self.paused = True, False
        self.talks_to(self._agent)
        return True

    @property
    def is_written(self) -> bool:
        """Whether sound goes into a file at this moment."""
        return bool(self.parts) and self.parts[-1].ended_at is None

    def _close(self) -> None:
        if self.is_written:
            self.parts[-1] = replace(self.parts[-1], ended_at=self._switch.now())


class Taped(Protocol):
    """A leg with a tape."""

    @property
    def tape(self) -> Tape: ...


class FakeRecorder:
    """The four requests of conductor.ports.Telephony that are about recording. `tapes` outlive their legs."""

    def __init__(self, ask: Callable[[str, Callable[[], None]], Awaitable[None]], leg: Callable[[str], Taped]) -> None:
        self._ask, self._leg = ask, leg
        self._tapes: dict[str, Tape] = {}

    def tape(self, order: DialOrder, switch: Told) -> Tape:
        """A new leg's."""
        tape = self._tapes[order.leg] = Tape(order.leg, order.record, switch)
        return tape

    @property
    def tapes(self) -> Mapping[str, Tape]:
        """Of all legs there have been."""
        return self._tapes

    async def pause(self, leg: str) -> None:
        await self._ask("pause_recording", lambda: self._leg(leg).tape.pause())

    async def resume(self, leg: str) -> None:
        await self._ask("resume_recording", lambda: self._leg(leg).tape.resume())

    async def stop(self, leg: str) -> None:
        await self._ask("stop_recording", lambda: self._leg(leg).tape.stop())

    async def notice(self, leg: str) -> bool:
        heard: list[bool] = []
        await self._ask("play_notice", lambda: heard.append(self._leg(leg).tape.notice()))
        return heard == [True]
