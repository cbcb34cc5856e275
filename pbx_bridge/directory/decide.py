"""The decisions: call now, later, elsewhere or not at all; and when to call back. The service and the simulator ask
the same functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ..call.model import WhenFull, Why
from ..hours.night import next_call_time
from ..hours.opening import Answer, opening
from ..line.estimate import Estimate, Learned
from ..line.sight import Sight
from .service import Service


@dataclass(frozen=True, slots=True)
class Crowd:
    """A queue at a moment: callers who wait, agents who are logged in and do not pause, and the wait that a newcomer
    would be told."""

    waiting: int
    agents: int
    newcomer: Estimate

    @classmethod
    def of(cls, seen: Sight, learned: Learned) -> Self:
        """The queue as it is seen. Who is on the way into it is ahead of whoever asks now."""
        return cls(seen.waiting + seen.coming, seen.agents, seen.newcomer(learned))


@dataclass(frozen=True, slots=True)
class Later:
    """A call back at `at` (UTC); None: there is no such time. The words tell the citizen why, in two languages."""

    at: datetime | None
    why: Why
    ru: str
    en: str


@dataclass(frozen=True, slots=True)
class Now:
    """A call at once, to this queue."""

    queue: str


@dataclass(frozen=True, slots=True)
class Full:
    """No call: more wait than the service allows, and it offers no callback."""

    ru: str = "Сейчас все специалисты заняты. Попробуйте, пожалуйста, позже."
    en: str = "All our agents are busy. Please try again later."


Decision = Now | Later | Full

_WORDS = {
    Why.CROWDED: ("Сейчас все специалисты заняты. Мы перезвоним вам в порядке очереди.",
                  "All our agents are busy. We will call you back in your turn."),
    Why.KEPT: ("Ваше место в очереди сохранено. Мы перезвоним вам.",
               "Your place in the line is kept. We will call you back."),
    Why.ASKED: ("Мы перезвоним в выбранное время.", "We will call you back at the time you chose."),
    Why.RETRY: ("Мы не дозвонились и попробуем ещё раз.", "We could not reach you and will try again."),
    Why.BUSY: ("У вас уже идёт звонок, мы перезвоним после него.", "You have another call now; we will call after it."),
    Why.NIGHT: ("У вас сейчас ночь, мы перезвоним утром.", "It is night where you are; we will call in the morning."),
}  # fmt: skip


def admit(service: Service, zone: str, at: datetime, crowd: Crowd | None) -> Decision:
    """What becomes of a citizen who asks for a call now. `crowd` is None where nothing is known of the queue.

    Who presses the button is awake: their night counts for callbacks only.
    """
    answer = opening(service.hours, at)
    if not answer.open:
        return _when_open(service, zone, at, answer)
    if crowd is None or not _too_many(service, crowd):
        return Now(service.queue)
    limits = service.limits
    if limits.then is WhenFull.OVERFLOW and limits.overflow:
        return Now(limits.overflow)
    if limits.then is WhenFull.CALLBACK:
        return call_back(service, zone, at, Why.CROWDED, at)
    return Full()


def call_back(service: Service, zone: str, not_before: datetime, why: Why, at: datetime) -> Later:
    """When somebody who waits for a callback may be rung: not before the moment that pause, wish or request allow, in
    the desk's hours, outside the citizen's night. A moment that is not after `at` means: now, as soon as an agent is
    expected."""
    from_ = max(not_before, at)
    moment = next_call_time(service.hours, zone, from_)
    if moment is None or moment > from_:
        answer = opening(service.hours, from_)
        if not answer.open:
            return Later(moment, Why.CLOSED, answer.why_ru, answer.why_en)
        return Later(moment, Why.NIGHT, *_WORDS[Why.NIGHT])
    return Later(moment, why, *_words(why))


def _words(why: Why) -> tuple[str, str]:
    return _WORDS.get(why, ("", ""))


def _when_open(service: Service, zone: str, at: datetime, answer: Answer) -> Later:
    return Later(next_call_time(service.hours, zone, at), Why.CLOSED, answer.why_ru, answer.why_en)


def _too_many(service: Service, crowd: Crowd) -> bool:
    limits, likely = service.limits, crowd.newcomer.likely_s
    if limits.size is not None and crowd.waiting >= limits.size:
        return True
    return limits.wait_s is not None and likely is not None and likely > limits.wait_s


__all__ = ["Crowd", "Decision", "Full", "Later", "Now", "WhenFull", "Why", "admit", "call_back"]
