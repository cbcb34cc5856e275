"""What a day is made of: who works when, who calls, how long they talk, how patient they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from math import gamma, inf
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ..hours.period import DAY, Period, first_at, span_of, zone_of

HOURS = 24
HALF_HOURS = 48


class BadPlan(ValueError):
    """The plan cannot be simulated. `problems` are sentences, each with its place."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def _period(text: Any) -> Any:
    return Period.of(text) if isinstance(text, str) else text


def _zone(name: str) -> str:
    zone_of(name)
    return name


def _profile(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


Hours = Annotated[Period, BeforeValidator(_period)]
Count = Annotated[int, Field(ge=0, le=100_000)]
Seconds = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=100_000)]
Zone = Annotated[str, BeforeValidator(_zone)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Break(_Part):
    """So many agents of a shift pause; None: all of it."""

    hours: Hours
    agents: Count | None = None


class Shift(_Part):
    """So many agents work at these hours, by the desk's clock. Who talks when the shift or the break begins or ends
    brings the call to its end."""

    agents: Count
    hours: Hours
    breaks: tuple[Break, ...] = ()


class Callers(_Part):
    """Those who ask for a call. `per_hour` is one number, or one for each hour or half hour of the day.

    Patience is Weibull's (shape 1: exponential; above 1: few give up early), inf for endless. `comes_s` lies between
    the request and a place in the queue. Of those who are told more than `keeps_after_s`, the share `keeps` presses 1
    and is called back.
    """

    per_hour: Annotated[tuple[Rate, ...], BeforeValidator(_profile)] = (120.0,)
    patience_s: Annotated[float, Field(gt=0)] = 600.0
    patience_shape: Annotated[float, Field(ge=0.2, le=10)] = 1.0
    comes_s: Seconds = 8.0
    keeps: Share = 0.2
    keeps_after_s: Seconds = 120.0
    zones: Mapping[Zone, Annotated[float, Field(ge=0, le=1_000_000)]] = Field(
        default_factory=lambda: {"Europe/Moscow": 1.0}
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len(self.per_hour) not in (1, HOURS, HALF_HOURS):
            raise ValueError(
                f"per_hour has {len(self.per_hour)} numbers; write one, {HOURS} (hours) or {HALF_HOURS} (half hours)"
            )
        if sum(self.zones.values()) <= 0:
            raise ValueError("zones gives nobody a home; write at least one zone with a number above 0")
        return self

    @property
    def scale_s(self) -> float:
        """Weibull's scale for the mean patience."""
        return inf if self.patience_s == inf else self.patience_s / gamma(1 + 1 / self.patience_shape)


class Talk(_Part):
    """How long agent and citizen speak: lognormal, `cv` is deviation by mean; or exponential, as Erlang reckoned.
    Wrap-up is the service's. `pick_up_s` is how long an agent's telephone rings."""

    kind: Literal["lognormal", "exponential"] = "lognormal"
    mean_s: Annotated[float, Field(ge=1, le=14400)] = 235.0
    cv: Annotated[float, Field(ge=0, le=5)] = 0.8
    pick_up_s: Seconds = 4.0


class Called(_Part):
    """Those who are called back. `overnight` asked in the twelve hours before the first day's opening.

    Of all attempts the share `answers` reaches the citizen, after `answers_s` on average; the share `machines` reaches
    a machine, which presses no key; the others ring for `ring_s` in vain. `prove_s` passes until 1 is pressed, or not.
    """

    overnight: Count = 0
    answers: Share = 0.6
    machines: Share = 0.1
    answers_s: Seconds = 10.0
    ring_s: Annotated[float, Field(gt=0, le=300)] = 25.0
    prove_s: Seconds = 6.0

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.answers + self.machines > 1:
            raise ValueError("answers and machines are shares of the same attempts; together they are at most 1")
        return self


class Plan(_Part):
    """One desk. `days` are simulated one after the other, all alike but for the calendar; `runs` are repeated with
    other luck. The service level is the share of live callers answered within `within_s`."""

    day: date = date(2026, 11, 23)
    days: Annotated[int, Field(ge=1, le=31)] = 1
    runs: Annotated[int, Field(ge=1, le=1000)] = 5
    within_s: Seconds = 20.0
    shifts: tuple[Shift, ...]
    callers: Callers = Callers()
    talk: Talk = Talk()
    called: Called = Called()


def read(data: Mapping[str, Any]) -> Plan:
    """The plan that the data describe. Raises BadPlan."""
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        raise BadPlan(tuple(map(_sentence, error.errors(include_url=False)))) from None


def _sentence(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"]) or "the plan"
    if fault["type"] == "extra_forbidden":
        return f"{place}: is not known here; see docs/how-to/simulate.md for what is"
    words = str(fault["msg"]).removeprefix("Value error, ")
    return f"{place}: {words[:1].lower()}{words[1:]}"


def midnight(day: date, zone: str) -> datetime:
    """With which the day begins in the zone (UTC)."""
    return first_at(day, 0, zone_of(zone))


def staffing(plan: Plan, zone: str) -> list[tuple[datetime, int]]:
    """How many agents are meant to work, from each moment (UTC) on at which that changes."""
    changes: dict[datetime, int] = {}
    tz = zone_of(zone)
    # A shift of the evening before may last into the first day.
    for number in range(-1, plan.days):
        for period, agents in _pieces(plan.shifts):
            if span := span_of(period, plan.day + timedelta(days=number), tz):
                changes[span.start] = changes.get(span.start, 0) + agents
                changes[span.end] = changes.get(span.end, 0) - agents
    total, found = 0, []
    for at in sorted(changes):
        total += changes[at]
        found.append((at, max(0, total)))
    return found


def _pieces(shifts: tuple[Shift, ...]) -> list[tuple[Period, int]]:
    """Shifts, and their breaks as agents who are less."""
    pieces = []
    for shift in shifts:
        pieces.append((shift.hours, shift.agents))
        for pause in shift.breaks:
            gone = shift.agents if pause.agents is None else min(pause.agents, shift.agents)
            pieces.append((pause.hours, -gone))
    return pieces


__all__ = ["DAY", "BadPlan", "Break", "Called", "Callers", "Plan", "Shift", "Talk", "midnight", "read", "staffing"]
