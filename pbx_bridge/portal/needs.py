"""What this room is given by the wiring, and nothing else: so tests can give it people instead of machines."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry

from ..call.model import Call, Terms
from ..conductor.jobs import Wanted
from ..conductor.ports import Clock
from ..ledger.values import CallFilter, Client, Page, StoredEvent


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of the directory that a citizen can call, and the queue it leads to."""

    id: str
    queue: str
    names: Mapping[str, str] = field(default_factory=dict)


#: Until the directory is read from files.
DEFAULT_SERVICES: Mapping[str, Service] = {
    "support": Service("support", "support", {"ru": "Служба поддержки", "en": "Support"})
}


class Watch(Protocol):
    """One reader's bell."""

    async def changed(self, after: int) -> int:
        """Returns when the call is committed at a revision above `after`."""

    def take(self, after: int) -> list[StoredEvent] | None:
        """Every event above `after` that was rung so far, each once; None when only the ledger has them all."""


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


class Conductor(Protocol):
    """The loop, as HTTP sees it. Raises conductor.errors."""

    @property
    def hub(self) -> Hub: ...

    async def open(self, wanted: Wanted) -> Opened: ...

    async def abort(self, call_id: str, *, by: str, if_revision: int | None = None) -> Aborted: ...

    async def call(self, call_id: str) -> Call | None: ...

    def health(self) -> Mapping[str, str | None]: ...


class Ledger(Protocol):
    """The memory, as HTTP reads it. Every method may raise LedgerUnavailable."""

    async def events(self, call_id: str, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """The events of a call with a sequence above `after`, in order."""

    async def calls(self, filter_: CallFilter, *, cursor: str | None = None, limit: int = 50) -> Page:
        """A page of calls, newest first. Raises BadCursor."""

    async def client(self, client_id: str) -> Client | None:
        """A program that may ask, disabled or not."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose. Times are seconds, sizes bytes.

    `token_key` signs access tokens; `pepper` keys the hashes of client secrets and of request bodies: losing it
    makes every client register anew, so it is not the same as the key that will be rotated. `node` names this
    installation in event sources. After `answer_s` a request that changes something is told to try again: the same
    Idempotency-Key finds what became of it. A program that was disabled is refused `client_s` later at most. `terms`
    are the defaults of a call.
    """

    token_key: bytes = field(repr=False)
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


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that `site.create_app` is given."""

    conductor: Conductor
    ledger: Ledger
    settings: Settings
    clock: Clock
    services: Mapping[str, Service] = field(default_factory=lambda: DEFAULT_SERVICES)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)


NEEDS: web.AppKey[Needs] = web.AppKey("needs", Needs)
