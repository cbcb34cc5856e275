"""Promises of a wait, and how they held: what a supervisor needs to know whether the estimate may be believed.

Who gives up before the promised time has run out proves nothing about the promise; who gives up after it has been told
too little. Counting only those who were answered would hide exactly the broken promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self


@dataclass(frozen=True, slots=True)
class Promise:
    """What somebody was told at a moment: seconds from then on."""

    at: datetime
    likely_s: float
    at_most_s: float


@dataclass(frozen=True, slots=True, order=True)
class Hour:
    """What promises are kept by: a queue, and the full hour (UTC) in which they were made."""

    queue: str
    start: datetime

    @classmethod
    def of(cls, queue: str, at: datetime) -> Self:
        """The hour of a moment. ValueError without a zone: such a moment is in no hour for sure."""
        if at.tzinfo is None:
            raise ValueError("a moment without a zone belongs to no hour")
        return cls(queue, at.astimezone(UTC).replace(minute=0, second=0, microsecond=0))


@dataclass(frozen=True, slots=True)
class Held:
    """How promises held. All are whole numbers, so that hours add up to the same day in any order."""

    within: int = 0
    """Answered no later than `at_most_s`."""
    late: int = 0
    """Still waiting at `at_most_s`, whatever came then."""
    unproven: int = 0
    """Gave up before."""
    answered: int = 0
    error_ms: int = 0
    """By how much `likely_s` was wrong in either direction, summed over those who were answered."""
    bias_ms: int = 0
    """By how much they waited longer than `likely_s`, summed; below zero: shorter."""

    def __add__(self, other: Held) -> Held:
        """Both together: of two hours, two queues, two processes."""
        return Held(
            self.within + other.within,
            self.late + other.late,
            self.unproven + other.unproven,
            self.answered + other.answered,
            self.error_ms + other.error_ms,
            self.bias_ms + other.bias_ms,
        )

    @property
    def share(self) -> float | None:
        """The share of waits, of those that prove anything, that stayed within the bound; None: there were none."""
        proven = self.within + self.late
        return self.within / proven if proven else None

    @property
    def mean_error_s(self) -> float | None:
        """How far the likely wait was from the real one, in seconds; None: nobody was answered."""
        return self.error_ms / self.answered / 1000 if self.answered else None

    @property
    def bias_s(self) -> float | None:
        """How much longer than told people waited on average, in seconds; None: nobody was answered."""
        return self.bias_ms / self.answered / 1000 if self.answered else None


def settle(promise: Promise, until: datetime, *, answered: bool) -> Held:
    """How one promise held, when the wait is over: at the agent's answer, or when the citizen gave up."""
    waited = (until - promise.at).total_seconds()
    in_time = waited <= promise.at_most_s
    if not answered:
        return Held(unproven=1) if in_time else Held(late=1)
    wrong = round((waited - promise.likely_s) * 1000)
    return Held(within=int(in_time), late=int(not in_time), answered=1, error_ms=abs(wrong), bias_ms=wrong)
