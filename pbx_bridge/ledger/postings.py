"""Webhooks as the ledger knows them. Plain frozen values, as in values.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from .values import StoredEvent


class Lane(NamedTuple):
    """One receiver: the program's own address, or calls' own addresses at the host `target`."""

    client: str
    target: str = ""


class Owed(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event that a program is to be told by webhook. `attempts` counts tries, `tries` those of the present
    schedule, which began at `begun_at`. `last_status` is of the last answer, None where there was none."""

    event_id: str
    call_id: str
    sequence: int
    type: str
    client: str
    target: str
    state: Owed
    attempts: int
    tries: int
    begun_at: datetime
    not_before: datetime
    last_status: int | None
    last_error: str | None
    created_at: datetime
    settled_at: datetime | None

    @property
    def lane(self) -> Lane:
        """To whom it goes."""
        return Lane(self.client, self.target)


@dataclass(frozen=True, slots=True)
class Posting:
    """A delivery in your hands. `url` is the call's own address; None: the program's, or one that was erased. `event`
    is as it is stored now; None when it is there no more."""

    event_id: str
    call_id: str
    sequence: int
    lane: Lane
    attempt: int
    tries: int
    begun_at: datetime
    event: StoredEvent | None = field(repr=False)
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a try. `again_at` None: it is over, as `state` says. `counts`: it used up one of the schedule's
    tries."""

    posting: Posting
    state: Owed
    status: int | None = None
    why: str | None = None
    again_at: datetime | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries a page shows; None means any."""

    client: str | None = None
    call_id: str | None = None
    state: Owed | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest event first. `next_cursor` leads to the older ones; None on the last page."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Arrears:
    """How much is still to be delivered, since when the oldest of it, and how many dead letters there are."""

    waiting: int
    oldest: datetime | None
    dead: int


def target_of(url: str) -> str:
    """The host of an address, as a lane names it."""
    return (urlsplit(url).hostname or "").rstrip(".")
