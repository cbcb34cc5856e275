"""Citizens, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ..line.calibration import Held, Promise


class End(StrEnum):
    """How it ended for somebody."""

    SERVED = "served"
    ABANDONED = "abandoned"
    """Gave up in the queue."""
    UNREACHED = "unreached"
    """Every attempt to call back was in vain."""
    TURNED_AWAY = "turned-away"
    """No call: more wait than the service allows, and no callback."""
    OVERFLOWED = "overflowed"
    """Another queue took over."""
    EXPIRED = "expired"
    """Kept for a callback as long as the service keeps anybody, in vain."""


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody who joins the queue is told. `found_free`: there was an agent for them at that moment. `promise` is
    None where nothing honest can be said; `hold_s` is what app_queue would have announced."""

    promise: Promise | None
    found_free: bool
    hold_s: float


@dataclass(frozen=True, slots=True)
class Told:
    """How it held. `hold_wrong_s` is by how much app_queue's word was wrong; None: nobody answered."""

    held: Held
    found_free: bool
    hold_wrong_s: float | None


@dataclass(slots=True)
class Citizen:
    """Times are seconds since the run began; None: it did not happen. `asked_s` never changes: it is the order."""

    id: str
    zone: str
    asked_s: float
    patience_s: float
    talk_s: float
    keeps: bool = False
    called_back: bool = False
    """Waits for a callback, or has been called back."""
    attempts: int = 0
    rung_s: list[float] = field(default_factory=list)
    """When each callback began to ring."""
    known_s: list[float] = field(default_factory=list)
    """When each of them stood in the queue, or was in vain."""
    rung_closed: int = 0
    """How many callbacks rang while the desk was closed or the citizen's night lasted."""
    joined_s: float | None = None
    offered: bool = False
    answered_s: float | None = None
    ended_s: float | None = None
    end: End | None = None
    word: Word | None = None
    """What they were told of the wait when they joined."""

    @property
    def in_queue(self) -> bool:
        """Stands in the queue, no agent has answered yet."""
        return self.joined_s is not None and self.answered_s is None and self.end is None

    @property
    def waited_s(self) -> float | None:
        """From joining the queue to the answer or to giving up."""
        over = self.answered_s if self.answered_s is not None else self.ended_s
        return None if self.joined_s is None or over is None else over - self.joined_s
