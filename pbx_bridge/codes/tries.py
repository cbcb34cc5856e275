"""How often a citizen, or a number, may open calls, be sent codes and mistype them: sliding windows over the past.

The rules are pure: they are given what happened and say until when to wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

HOUR = timedelta(hours=1)


class TryKind(StrEnum):
    """What is counted."""

    OPENED = "opened"
    SENT = "sent"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True)
class Try:
    """Something that was counted, and whether it was of the citizen or of the number that was asked about."""

    kind: TryKind
    at: datetime
    same_citizen: bool
    same_number: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """How much is allowed; None: without end. `code_pause_s` lies between two codes, `lock_s` is how long wrong codes
    are held against who typed them (seconds)."""

    calls_per_hour_of_citizen: int | None = None
    calls_per_hour_of_number: int | None = None
    codes_per_hour_of_citizen: int | None = None
    codes_per_hour_of_number: int | None = None
    code_pause_s: int = 0
    wrong_codes: int | None = None
    lock_s: int = 3600

    @property
    def memory(self) -> timedelta:
        """How far back the rules look."""
        return max(HOUR, timedelta(seconds=self.lock_s))

    @property
    def count(self) -> bool:
        """Whether anything needs to be counted at all."""
        limits = (self.calls_per_hour_of_citizen, self.calls_per_hour_of_number, self.codes_per_hour_of_citizen)
        return any(each is not None for each in (*limits, self.codes_per_hour_of_number, self.wrong_codes))


class Why(StrEnum):
    """Why to wait."""

    TOO_MANY_CALLS = "too-many-calls"
    TOO_MANY_CODES = "too-many-codes"
    LOCKED_OUT = "locked-out"


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now; again at `until`."""

    why: Why
    until: datetime


def may_open(tries: Sequence[Try], rules: Rules, at: datetime) -> Wait | None:
    """Whether one more call may be asked for; None: yes."""
    opened = [each for each in tries if each.kind is TryKind.OPENED]
    until = _latest(
        _full((each.at for each in opened if each.same_citizen), rules.calls_per_hour_of_citizen, HOUR, at),
        _full((each.at for each in opened if each.same_number), rules.calls_per_hour_of_number, HOUR, at),
    )
    return Wait(Why.TOO_MANY_CALLS, until) if until else None


def may_send(tries: Sequence[Try], rules: Rules, at: datetime) -> Wait | None:
    """Whether one more code may be sent; None: yes. Who is locked out gets none either."""
    sent = [each for each in tries if each.kind is TryKind.SENT]
    pause = timedelta(seconds=rules.code_pause_s)
    until = _latest(
        _full((each.at for each in sent if each.same_citizen), rules.codes_per_hour_of_citizen, HOUR, at),
        _full((each.at for each in sent if each.same_number), rules.codes_per_hour_of_number, HOUR, at),
        _full((each.at for each in sent), 1 if pause else None, pause, at),
    )
    return may_try(tries, rules, at) or (Wait(Why.TOO_MANY_CODES, until) if until else None)


def may_try(tries: Sequence[Try], rules: Rules, at: datetime) -> Wait | None:
    """Whether one more code may be typed; None: yes."""
    wrong = (each.at for each in tries if each.kind is TryKind.MISMATCH)
    until = _full(wrong, rules.wrong_codes, timedelta(seconds=rules.lock_s), at)
    return Wait(Why.LOCKED_OUT, until) if until else None


def _full(times: Iterable[datetime], limit: int | None, window: timedelta, at: datetime) -> datetime | None:
    """When a window of so many has room again; None when it has now."""
    if limit is None:
        return None
    inside = sorted(time for time in times if time > at - window)
    return inside[-limit] + window if len(inside) >= limit else None


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)
