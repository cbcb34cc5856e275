"""What this room is given by the wiring, and nothing else: so tests can give it people instead of machines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry

from ..addresses import Reach
from ..call.model import Call, Channel, Terms
from ..conductor.jobs import Wanted
from ..conductor.ports import Clock, Member
from ..conductor.recordings import Ask
from ..conductor.steering import Target
from ..directory.service import Directory
from ..ledger import KeptRecording
from ..ledger.access import Authenticator, Citizen, Client, ClientKey, Profile, Revocation, SigningKey
from ..ledger.postings import DeliveryFilter, DeliveryPage
from ..ledger.values import (
    Anchor,
    AuditFilter,
    AuditLine,
    CallFilter,
    Erased,
    Page,
    StoredEvent,
    StoredLine,
    Verified,
)
from ..line.calibration import Held, Hour
from ..line.estimate import Estimate, Learned
from ..subject import NotBelieved, Subject
from .limits import RequestLimits


class Watch(Protocol):
    """One reader's bell."""

    async def changed(self, after: int) -> int:
        """Returns when the call is committed at a revision above `after`."""

    def take(self, after: int) -> list[StoredEvent] | None:
        """Every event above `after` that was rung so far, each once; None when only the ledger has them all."""


class Stretch(Protocol):
    """Some events in order; with them, all up to the id `upto` were read."""

    @property
    def events(self) -> Sequence[StoredEvent]: ...
    @property
    def upto(self) -> str: ...


class Follow(Protocol):
    """One reader's place at the live end of the log."""

    def take(self, after: str) -> Stretch | None:
        """What is held above `after`; None when only the ledger has it all."""

    async def page(self, after: str) -> Stretch:
        """The next rows of the ledger above `after`. Raises LedgerUnavailable."""

    async def changed(self) -> int:
        """Returns when there may be more."""


class Feed(Protocol):
    """The live end of the log."""

    def follow(self, client: str | None) -> AbstractContextManager[Follow]: ...

    def holds(self, client: str | None, event_id: str) -> bool:
        """Whether this event was told lately: then it need not be looked for."""


class Hub(Protocol):
    """The bells of all calls."""

    def watch(self, call_id: str) -> AbstractContextManager[Watch]: ...


class Opened(Protocol):
    """A call that was accepted. `answer` is the snapshot of its first event, whenever it is asked again."""

    @property
    def call_id(self) -> str: ...
    @property
    def answer(self) -> Mapping[str, Any]: ...
    @property
    def replayed(self) -> bool: ...


class Aborted(Protocol):
    """What came of an abort. `won`: this call was ended by abort, not by something that was quicker."""

    @property
    def call(self) -> Call: ...
    @property
    def won(self) -> bool: ...


class Confirmed(Protocol):
    """What came of a second step. `right`: it was taken."""

    @property
    def call(self) -> Call: ...
    @property
    def right(self) -> bool: ...
    @property
    def attempts_left(self) -> int: ...


class QueueView(Protocol):
    """A queue as it is seen now. `newcomer` is the wait that somebody who joins now would be told. While Asterisk is
    not heard nobody is seen."""

    @property
    def queue(self) -> str: ...
    @property
    def members(self) -> tuple[Member, ...]: ...
    @property
    def waiting(self) -> int: ...
    @property
    def agents(self) -> int: ...
    @property
    def free(self) -> int: ...
    @property
    def longest_wait_s(self) -> float: ...
    @property
    def newcomer(self) -> Estimate: ...
    @property
    def learned(self) -> Learned: ...
    @property
    def callbacks_ringing(self) -> int: ...
    @property
    def coming(self) -> int: ...


class LogIn(Protocol):
    """As conductor.roster.Roster.log_in, and log_out. Raises NoAgent, AgentRefused, OutOfReach."""

    async def __call__(self, agent: str, queue: str | None = None, *, by: str) -> None: ...


class Pause(Protocol):
    """As conductor.roster.Roster.pause. Raises NoAgent, AgentRefused, OutOfReach."""

    async def __call__(
        self, agent: str, paused: bool, reason: str = "", queue: str | None = None, *, by: str
    ) -> None: ...


class AskRecording(Protocol):
    """As conductor.recordings.Recordings.ask. Raises UnknownCall, NotSteerable, RevisionPassed."""

    async def __call__(self, call_id: str, what: Ask, *, by: str, if_revision: int | None = None) -> Call: ...


class Sound(Protocol):
    """What makes a kept recording audible."""

    def __call__(self, recording: KeptRecording) -> AsyncIterator[bytes]:
        """Its WAV file, piece by piece, each proved. Raises Unreadable."""


class Conductor(Protocol):
    """The loop, as HTTP sees it. Raises conductor.errors."""

    @property
    def log_in(self) -> LogIn: ...
    @property
    def log_out(self) -> LogIn: ...
    @property
    def pause(self) -> Pause: ...

    @property
    def steer_recording(self) -> AskRecording: ...

    async def withdraw_consent(self, client: str, user: str, *, by: str) -> None:
        """The citizen takes back their consent to recordings, for every call of theirs that has not ended."""

    def queues(self) -> Mapping[str, QueueView]: ...

    async def move(self, call_id: str, to: datetime, *, by: str, if_revision: int | None = None) -> Call:
        """Raises UnknownCall, NotMovable."""

    async def redirect(self, call_id: str, to: Target, *, by: str, if_revision: int | None = None) -> Call:
        """Send the citizen to somebody else. Raises UnknownCall, DeskClosed, NotSteerable, RevisionPassed."""

    async def limit(self, call_id: str, time_limit_s: int, *, by: str, if_revision: int | None = None) -> Call:
        """Set the time limit. Raises UnknownCall, NotSteerable, RevisionPassed."""

    async def keep_place(self, call_id: str, *, by: str, if_revision: int | None = None) -> Call:
        """Raises UnknownCall, NotMovable."""

    @property
    def hub(self) -> Hub: ...
    @property
    def feed(self) -> Feed: ...

    async def open(self, wanted: Wanted) -> Opened: ...

    async def ask_code(self, call_id: str, channel: Channel, *, by: str) -> Call: ...

    async def confirm(self, call_id: str, typed: str | None, *, by: str) -> Confirmed: ...

    async def abort(self, call_id: str, *, by: str, if_revision: int | None = None) -> Aborted: ...

    async def call(self, call_id: str) -> Call | None: ...

    def health(self) -> Mapping[str, str | None]: ...


class Ledger(Protocol):
    """The memory, as HTTP reads it. Every method may raise LedgerUnavailable."""

    async def events(self, call_id: str, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """The events of a call with a sequence above `after`, in order."""

    async def events_after(self, event_id: str, client: str | None = None, limit: int = 1000) -> list[StoredEvent]:
        """The events of all calls (of `client`) with an id above `event_id`, by id; "" begins at the first."""

    async def last_event(self, client: str | None = None) -> str:
        """The id of the last event (of `client`); "" where there is none."""

    async def has_event(self, event_id: str, client: str | None = None) -> bool:
        """Whether there is this event (of `client`)."""

    async def events_of(self, call_ids: Collection[str]) -> list[StoredEvent]:
        """All events of these calls, by call, in order."""

    async def calls(self, filter_: CallFilter, *, cursor: str | None = None, limit: int = 50) -> Page:
        """A page of calls, newest first. Raises BadCursor."""

    async def client(self, client_id: str) -> Client | None:
        """A program that may ask with all its keys, disabled or not."""

    # ── programs ──
    async def clients(self) -> list[Client]: ...
    async def add_client(self, client: Client) -> None: ...
    async def change_client(self, client: Client) -> bool: ...
    async def disable_client(self, client_id: str, at: datetime) -> bool: ...
    async def add_key(self, client_id: str, key: ClientKey, *, others_expire_at: datetime | None = None) -> bool: ...
    async def drop_key(self, client_id: str, key_id: str, at: datetime) -> bool: ...

    # ── tokens and signatures ──
    async def signing_keys(self, purpose: str, at: datetime) -> list[SigningKey]: ...
    async def add_signing_key(self, key: SigningKey) -> None: ...
    async def revoke(self, revocation: Revocation) -> Revocation: ...
    async def revocations(self, after: int, at: datetime) -> list[Revocation]: ...
    async def remember_nonces(
        self, nonces: Collection[tuple[str, str]], at: datetime, until: datetime
    ) -> frozenset[tuple[str, str]]:
        """Remember them until `until`. Returns the replays: those that were remembered before."""

    # ── citizens ──
    async def citizen(self, client: str, user: str) -> Citizen | None: ...
    async def find_citizens(self, client: str, kind: str, value: str) -> list[Citizen]: ...
    async def keep_citizen(self, citizen: Citizen) -> None: ...
    async def export(self, client: str, user: str) -> dict[str, Any]: ...
    async def erase(self, client: str, user: str, at: datetime) -> Erased: ...
    async def authenticator(self, client: str, user: str) -> Authenticator | None: ...
    async def keep_authenticator(self, authenticator: Authenticator) -> None: ...
    async def drop_authenticator(self, client: str, user: str) -> bool: ...

    async def profile(self, client: str, user: str) -> Profile | None: ...
    async def keep_profile(self, profile: Profile) -> None: ...

    # ── recordings ──
    async def recording(self, id_: str) -> KeptRecording | None: ...
    async def recordings_of_call(self, call_id: str) -> list[KeptRecording]: ...

    # ── queues ──
    async def held(self, queue: str, from_: datetime, to: datetime) -> Mapping[Hour, Held]:
        """How promises of a wait held, by the hour in which they were made."""

    async def backlog_sizes(self, at: datetime) -> Mapping[str, tuple[int, int]]:
        """Of each queue, how many callbacks are due, and how many there are in all."""

    # ── webhooks ──
    async def deliveries(
        self, filter_: DeliveryFilter, *, before: str | None = None, limit: int = 50
    ) -> DeliveryPage: ...
    async def event(self, event_id: str) -> StoredEvent | None: ...
    async def replay(self, event: StoredEvent, at: datetime) -> bool: ...

    # ── the audit ──
    async def note(self, lines: Sequence[AuditLine]) -> None: ...
    async def audit_page(self, filter_: AuditFilter, *, after: int = 0, limit: int = 100) -> list[StoredLine]: ...
    async def verify_audit(self, *, anchors: Sequence[Anchor] = ()) -> Verified: ...


class Issuers(Protocol):
    """The portals whose citizens may be believed."""

    async def believe(self, token: str, allowed: frozenset[str]) -> Subject:
        """Who the token is for, if one of the `allowed` issuers gave it. Raises subject.NotBelieved, IssuerAway."""


class Heard(Protocol):
    """What a receiver answered to a test. `status` None: there was no answer; `words` say what was wrong."""

    @property
    def status(self) -> int | None: ...
    @property
    def words(self) -> str: ...


class Prover(Protocol):
    """Asks a program's address whether it is there."""

    async def prove(self, client: Client) -> Heard: ...


class NoIssuers:
    """An installation without any."""

    async def believe(self, token: str, allowed: frozenset[str]) -> Subject:
        """Nobody is believed."""
        raise NotBelieved("no issuer of citizens' tokens is configured")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. Times are seconds, sizes bytes.

    `pepper` keys the hashes of client secrets and of request bodies: losing it makes every client register anew.
    `issuer` is who signs tokens: a URL, or a name. A key signs for `rotate_s`. `node` names this installation in event
    sources. After `answer_s` a request that changes something is told to try again: the same
    Idempotency-Key finds what became of it. A program that was disabled is refused `client_s` later at most. What
    was revoked elsewhere is known here after `poll_s`; when it could not be learned for `blind_s`, no token counts.
    `terms` are the defaults of a call. `reach` is where webhooks may go.
    """

    pepper: bytes = field(repr=False)
    issuer: str = "pbx-bridge"
    audience: str = "pbx-bridge"
    node: str = "main"
    terms: Terms = field(default_factory=Terms)
    cors_origins: tuple[str, ...] = ()
    body_limit: int = 64 * 1024
    body_s: float = 10
    answer_s: float = 15
    heartbeat_s: float = 15
    send_s: float = 30
    keepalive_s: float = 75
    client_s: float = 1
    poll_s: float = 1
    blind_s: float = 10
    token_lifetime_s: int = 600
    citizen_lifetime_s: int = 300
    rotate_s: int = 7 * 86400
    skew_s: int = 60
    limits: RequestLimits = field(default_factory=RequestLimits)
    destinations: tuple[str, ...] | None = None
    premium: bool = False
    code_channel: Channel = Channel.SMS
    code_tries: int = 3
    reach: Reach = field(default_factory=Reach)


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that `site.create_app` is given. `directory` gives it as it is now: engineers may change it."""

    conductor: Conductor
    ledger: Ledger
    settings: Settings
    clock: Clock
    directory: Callable[[], Directory]
    issuers: Issuers = field(default_factory=NoIssuers)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    prover: Prover | None = None
    sound: Sound | None = None
    """None: nothing is recorded here."""


NEEDS: web.AppKey[Needs] = web.AppKey("needs", Needs)
