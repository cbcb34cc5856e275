"""What comes of a talk beside the talk: on the way to somebody else, and what is written of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TransferBy(StrEnum):
    """Who sends the citizen to somebody else."""

    REQUEST = "request"
    """The portal, or a supervisor."""
    AGENT = "agent"
    """The agent, on the telephone."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """On the way to somebody else: `to` is the name of a queue, a service or an agent, `number` is masked. Both None
    where nobody said."""

    by: TransferBy
    to: str | None = None
    number: str | None = None


class RecordingState(StrEnum):
    """How far a recording is. Only in `on` anything is written."""

    ASKED = "asked"
    """There is stored consent; before the next human the citizen will hear that the talk is recorded."""
    ON = "on"
    """The notice was heard to its end. What is said is written while the citizen talks with somebody."""
    PAUSED = "paused"
    REFUSED = "refused"
    """The citizen refused by a key."""
    WITHDRAWN = "withdrawn"
    """The consent was taken back."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Recording:
    """The recording of a call. `parts` counts the notices that were heard, each the beginning of a file of its own."""

    state: RecordingState
    parts: int = 0
