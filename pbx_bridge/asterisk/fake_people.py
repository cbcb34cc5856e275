"""The people of a FakeExchange: citizens with telephones, agents at their desks. What they do, not what is replied.

Each does by itself what it was made to do, and at any time what it is told: `answer`, `decline`, `hang_up`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

#: What a telephone says when its owner declines, or talks already (SIP).
DECLINED, BUSY_HERE, NOT_FOUND = 603, 486, 404
#: An answering machine's patience (seconds).
MACHINE_S = 60.0


class Nobody(AssertionError):
    """The person was told to do what cannot be done now, such as answering a telephone that does not ring."""


class Talk(Protocol):
    """One telephone call as its telephone knows it; the exchange is at the other end."""

    def answer(self) -> None: ...
    def decline(self, sip: int) -> None: ...
    def hang_up(self) -> None: ...
    def hold(self, held: bool) -> None: ...
    def press(self, keys: str) -> None: ...


@dataclass(eq=False)
class Person:
    """Somebody with a telephone. Times in seconds; None: never by itself."""

    name: str
    answers: bool = True
    after_s: float = 1.0
    hangs_up_after_s: float | None = None
    declines: int | None = None
    """The SIP status that the telephone answers after `after_s` instead of being picked up."""
    rung: int = 0
    """How often the telephone has been rung since it was made."""
    talk: Talk | None = field(default=None, repr=False)

    def answer(self) -> None:
        """Pick up."""
        self._present().answer()

    def decline(self, sip: int = DECLINED) -> None:
        """Refuse the call that rings."""
        self._present().decline(sip)

    def hang_up(self) -> None:
        """End the call."""
        self._present().hang_up()

    def hold(self, held: bool = True) -> None:
        """Press hold, or press it again."""
        self._present().hold(held)

    def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        self._present().press(keys)

    def _present(self) -> Talk:
        if self.talk is None:
            raise Nobody(f"{self.name} has no call now")
        return self.talk

    def takes(self, talk: Talk, later: Callable[[float, Callable[[], None]], None]) -> None:
        """The telephone begins to ring."""
        self.rung += 1
        self.talk = talk
        if self.declines is not None:
            sip = self.declines
            later(self.after_s, lambda: talk.decline(sip))
        elif self.answers:
            later(self.after_s, talk.answer)

    def talks(self, talk: Talk, later: Callable[[float, Callable[[], None]], None]) -> None:
        """The call was answered."""
        if self.hangs_up_after_s is not None:
            later(self.hangs_up_after_s, talk.hang_up)


@dataclass(eq=False)
class Citizen(Person):
    """A citizen, known by a number or by the address of a device. `rings`: False for a dead line."""

    rings: bool = True
    heard: list[str] = field(default_factory=list, repr=False)
    """Codes that were read to them, one for each reading that they heard to its end."""
    presses: Sequence[str] = "1"
    """The key for each question that they are asked, the last one for all that follow; "" for silence."""
    asked: int = 0
    minds_recording: bool = False
    """Presses 0 when they hear that the talk is recorded."""

    def next_key(self) -> str:
        """The key for the question that is being asked."""
        self.asked += 1
        return self.presses[min(self.asked, len(self.presses)) - 1] if self.presses else ""


@dataclass(eq=False)
class Agent(Person):
    """A queue's member. `logged_in`: the telephone is registered. `paused`: at the desk, but not to be rung."""

    queue: str = ""
    logged_in: bool = True
    paused: bool = False
    reason: str = ""
    free_at: float = 0.0
    """When wrapping up the last talk is over (the loop's time)."""
    left: Callable[[], None] = field(default=lambda: None, repr=False)
    """Tells the queue that this agent came or went."""

    def log_out(self) -> None:
        """Switch the telephone off. A talk goes on."""
        self.logged_in = False
        self.left()

    def pause(self, paused: bool = True, reason: str = "") -> None:
        """Take no calls for a while, or take them again."""
        self.paused, self.reason = paused, reason if paused else ""
        self.left()

    def log_in(self) -> None:
        """Switch the telephone on."""
        self.logged_in = True
        self.left()


def citizen(
    name: str,
    *,
    answers: bool = True,
    after_s: float = 1.0,
    hangs_up_after_s: float | None = None,
    declines: bool = False,
    busy: bool = False,
    unknown: bool = False,
    silent: bool = False,
    machine: bool = False,
    refuses: int | None = None,
    presses: Sequence[str] = "1",
) -> Citizen:
    """A citizen in words. `refuses` is any SIP status that the network answers with. A `machine` answers, says what it
    has to say and hangs up; nothing on the line tells it from a citizen but that it never presses a key."""
    status = refuses or (DECLINED if declines else BUSY_HERE if busy else NOT_FOUND if unknown else None)
    # Only who declines has heard it ring; the network's refusals come instead of ringing.
    rings = not silent and (status is None or declines)
    return Citizen(
        name,
        answers=answers and not silent,
        after_s=after_s if status is None or declines else 0.0,
        hangs_up_after_s=MACHINE_S if machine and hangs_up_after_s is None else hangs_up_after_s,
        declines=status,
        rings=rings,
        presses="" if machine else presses,
    )
