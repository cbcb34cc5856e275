"""What goes into the ledger and what comes out of it. Plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ..call.commands import Command
from ..call.model import Call, Direction
from ..call.states import Outcome, State
from ..line.calibration import Held, Hour
from ..phone import Phone
from .access import Authenticator, NewTry

Verdict = Literal["taken", "refused"]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to publish. `data` is the snapshot, numbers masked; it is sealed on its way in."""

    type: str
    sequence: int
    time: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what, and whether it was taken. `detail` is kept in clear: nothing private belongs into it.

    `call_id` may stay None in the audit of a Change that has a call: then it is that one. `citizen` is (client, user)
    of the citizen whose data it is about; the database keeps a blind mark of it.
    """

    at: datetime
    actor: str
    action: str
    verdict: Verdict
    detail: dict[str, Any] = field(default_factory=dict)
    call_id: str | None = None
    citizen: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The client's key for a new call, and the fingerprint of the body it came with."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Change:
    """All that one call's facts lead to; a `write` takes at most one Change for each call.

    `call` is the call afterwards, None when no call changes (a refused fact: audit only). `before_revision` is
    the revision it was loaded with, None for a new call. `wake_at` is `machine.deadline(call)`. `held` is added to
    what is known of these hours.
    """

    call: Call | None = None
    before_revision: int | None = None
    wake_at: datetime | None = None
    events: tuple[NewEvent, ...] = ()
    wishes: tuple[Command, ...] = ()
    audit: tuple[AuditLine, ...] = ()
    idempotency: Idempotency | None = None
    tries: tuple[NewTry, ...] = ()
    authenticator: Authenticator | None = None
    held: tuple[tuple[Hour, Held], ...] = ()


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One published event. Ids sort in the order of commits; `sequence` counts within the call."""

    id: str
    call_id: str
    client: str
    sequence: int
    type: str
    time: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish that is not settled; in the hands of `owner` until `lease_until` once it was claimed.

    `maybe_done`: an attempt began before and nobody knows how it ended. Repeat it only in a way that is harmless.
    For who has just claimed it, that is an attempt before his own; for who merely looks, any attempt.
    """

    call_id: str
    number: int
    command: Command
    owner: str | None
    lease_until: datetime | None
    attempts: int
    maybe_done: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """What a `write` stored: the events with their ids, and the wishes that are yours to carry out now.

    `waiting` calls have further wishes that wait for an earlier one of the same call: claim again after it. `lanes` are
    the (program, host) that may be owed a webhook now. `before` is the id of the log's last event before
    these: who has read up to there, and then these, has read all.
    """

    events: tuple[StoredEvent, ...] = ()
    wishes: tuple[Wish, ...] = ()
    waiting: frozenset[str] = frozenset()
    lanes: frozenset[tuple[str, str]] = frozenset()
    before: str = ""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls a page shows; None means any. `from_` and `to` bound the time of acceptance, `to` excluded.
    `queue` is the one the call is, or was last, meant for; `phone` the citizen's number, found by its blind mark."""

    client: str | None = None
    user: str | None = None
    service: str | None = None
    states: frozenset[State] | None = None
    from_: datetime | None = None
    to: datetime | None = None
    direction: Direction | None = None
    outcome: Outcome | None = None
    cause: str | None = None
    queue: str | None = None
    ticket: str | None = None
    phone: Phone | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, newest first. `next_cursor` leads to the older ones; None on the last page. Others may have fewer calls
    than were asked for, see paging.py."""

    calls: tuple[Call, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One line of the audit, as it was written. `id` counts up without gaps; `chain` binds it to all lines before it
    (None: it is older than the chain). `line.citizen` is None: only the `mark` of the citizen is kept."""

    id: int
    line: AuditLine
    chain: str | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which audit lines a page shows; None means any. `from_` and `to` bound the time, `to` excluded."""

    call_id: str | None = None
    citizen: tuple[str, str] | None = None
    actor: str | None = None
    from_: datetime | None = None
    to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """The end of the audit chain at some moment. Who keeps it elsewhere can later prove that nothing was cut off."""

    id: int
    chain: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the audit chain found: `lines` that hold (the first `unchained` are older than the chain), and
    the first `fault` in words, None when there is none. `anchor` is the end that was reached."""

    lines: int
    unchained: int
    anchor: Anchor
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """How much of a citizen was erased."""

    calls: int
    events: int
    records: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What one step of retention did: the calls that were emptied or deleted, and where to go on; None: it is done."""

    calls: tuple[str, ...]
    after: tuple[datetime, str] | None
