"""The states of a call, the four phases that a citizen's page shows, and the ways to end."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a call is. Every state but `ended` is left by a fact or by its deadline."""

    REQUESTED = "requested"
    AWAITING_CODE = "awaiting_code"
    SCHEDULED = "scheduled"
    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"
    QUEUED = "queued"
    OFFERED = "offered"
    TALKING = "talking"
    ON_HOLD = "on_hold"
    TRANSFERRING = "transferring"
    ENDED = "ended"


class Phase(StrEnum):
    """What the page shows. Within one attempt it never runs backwards."""

    ACCEPTED = "accepted"
    CALLING = "calling"
    CONNECTION = "connection"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a call ended; present only in `ended`."""

    COMPLETED = "completed"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    INVALID_NUMBER = "invalid_number"
    MACHINE = "machine"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"
    QUEUE_TIMEOUT = "queue_timeout"
    TIME_LIMIT = "time_limit"
    EXPIRED = "expired"
    DENIED = "denied"
    CONGESTION = "congestion"
    FAILED = "failed"
    LOST = "lost"


PHASE: dict[State, Phase] = {
    State.REQUESTED: Phase.ACCEPTED,
    State.AWAITING_CODE: Phase.ACCEPTED,
    State.SCHEDULED: Phase.ACCEPTED,
    State.DIALING: Phase.CALLING,
    State.RINGING: Phase.CALLING,
    State.ANSWERED: Phase.CONNECTION,
    State.QUEUED: Phase.CONNECTION,
    State.OFFERED: Phase.CONNECTION,
    State.TALKING: Phase.CONNECTION,
    State.ON_HOLD: Phase.CONNECTION,
    State.TRANSFERRING: Phase.CONNECTION,
    State.ENDED: Phase.ENDED,
}

PHASE_LABEL: dict[Phase, str] = {
    Phase.ACCEPTED: "принято",
    Phase.CALLING: "вызов",
    Phase.CONNECTION: "соединение",
    Phase.ENDED: "завершено",
}

#: States in which no channel of the citizen can exist yet.
WITHOUT_LEG = frozenset({State.REQUESTED, State.AWAITING_CODE, State.SCHEDULED})

#: States in which the device is up and (or about to be) in a queue or a talk.
WITH_LEG_UP = frozenset({State.ANSWERED, State.QUEUED, State.OFFERED, State.TALKING, State.ON_HOLD, State.TRANSFERRING})

#: The states that count against "one active call for each citizen".
ACTIVE = frozenset(State) - {State.SCHEDULED, State.ENDED}
