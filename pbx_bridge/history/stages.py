"""The stages of a call: each with its beginning, its end, and by whom it came about. Moves in a queue make no stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..call.model import Direction, TransferBy, Why
from ..call.states import State
from .told import Told

#: Those who bring a stage about, beside the sources of causes.
PORTAL, SERVICE, CITIZEN, AGENT, QUEUE, DEVICE = "portal", "service", "citizen", "agent", "queue", "device"
_CHOSEN = frozenset({Why.KEPT, Why.ASKED})
_BY = {
    State.AWAITING_CODE: SERVICE,
    State.DIALING: SERVICE,
    State.RINGING: DEVICE,
    State.ANSWERED: CITIZEN,
    State.OFFERED: QUEUE,
    State.TALKING: AGENT,
    State.ON_HOLD: AGENT,
}
_WAITING = frozenset({State.QUEUED, State.OFFERED, State.TRANSFERRING})
_TALKING = frozenset({State.TALKING, State.ON_HOLD})


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. `until` None: it goes on. `agents`: who talks, or whose telephones ring. `told` is its first event."""

    state: State
    since: datetime
    until: datetime | None
    attempt: int
    by: str
    device: str | None
    queue: str | None
    agents: tuple[str, ...]
    told: Told

    def lasted(self, now: datetime) -> float:
        """Seconds, up to `now` where it goes on."""
        return round(max(((self.until or now) - self.since).total_seconds(), 0.0), 3)


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds. `wait`: in a queue, until somebody answered; `talk` has `hold` in it; `ring` is of all attempts."""

    ring: float
    wait: float
    talk: float
    hold: float
    whole: float


def stages(story: Sequence[Told]) -> list[Stage]:
    """Of one call's events, in order, all of them."""
    found: list[Stage] = []
    before: Told | None = None
    for told in story:
        if before is None or _key(told) != _key(before):
            if found:
                found[-1] = replace(found[-1], until=told.at)
            found.append(_stage(before, told))
        before = told
    if found and found[-1].state is State.ENDED:
        found[-1] = replace(found[-1], until=found[-1].since)
    return found


def durations(of: Sequence[Stage], now: datetime) -> Durations:
    """What the stages sum up to; those that go on count up to `now`."""

    def total(states: frozenset[State]) -> float:
        return round(sum(stage.lasted(now) for stage in of if stage.state in states), 3)

    return Durations(
        ring=total(frozenset({State.RINGING})),
        wait=total(_WAITING),
        talk=total(_TALKING),
        hold=total(frozenset({State.ON_HOLD})),
        whole=total(frozenset(State)),
    )


def _key(told: Told) -> tuple[Any, ...]:
    """Events with the same one belong to one stage."""
    state = State(told.state)
    who: tuple[Any, ...] = ()
    if state in _TALKING:
        who = (told.talker, told.outside)
    elif state is State.OFFERED:
        who = told.offered
    return (state, told.attempt, who, told.queue if state in _WAITING else None)


def _stage(before: Told | None, told: Told) -> Stage:
    state = State(told.state)
    agents = told.offered if state is State.OFFERED else tuple(filter(None, [told.talker])) if state in _TALKING else ()
    return Stage(state, told.at, None, told.attempt, _by(before, told), told.device, told.queue, agents, told)


def _by(before: Told | None, told: Told) -> str:
    state = State(told.state)
    match state:
        case State.ENDED:
            return str(told.member("cause").get("source", SERVICE))
        case State.TRANSFERRING:
            return AGENT if told.member("transfer").get("by") == TransferBy.AGENT else PORTAL
        case State.SCHEDULED:
            return CITIZEN if told.member("scheduled_because").get("slug") in _CHOSEN else SERVICE
        case State.QUEUED:
            return AGENT if before is not None and before.state == State.OFFERED else QUEUE
        case State.REQUESTED:
            return CITIZEN if told.call.get("direction") == Direction.INBOUND else PORTAL
    return _BY.get(state, SERVICE)
