"""The portal's room with a house behind it that is played by people: a desk that keeps calls in memory, moves them
by the real call machine, and can be told to be slow, busy or away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web
from ulid import ULID

from pbx_bridge.call import events as e
from pbx_bridge.call.machine import Step, accept, advance
from pbx_bridge.call.model import By, Call, Channel, Opening
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.call.states import State
from pbx_bridge.codes.code import Bond, Codes
from pbx_bridge.codes.tries import Rules
from pbx_bridge.conductor.confirming import AskCode, ConfirmCall, Confirmed, Judge
from pbx_bridge.conductor.counsel import Counsel
from pbx_bridge.conductor.errors import CitizenBusy, KeyReused, NotMovable, RevisionPassed, UnknownCall
from pbx_bridge.conductor.factor import AppFactor
from pbx_bridge.conductor.feed import Feed
from pbx_bridge.conductor.hub import Hub
from pbx_bridge.conductor.jobs import Desk, Draft, Wanted
from pbx_bridge.conductor.steering import Steering, Target
from pbx_bridge.directory.service import Service
from pbx_bridge.ledger import BadCursor, CallFilter, Client, LedgerUnavailable, Page, StoredEvent
from pbx_bridge.ledger.access import SecondStep
from pbx_bridge.phone import Phone
from pbx_bridge.portal.clients import new_client
from pbx_bridge.portal.needs import Issuers, Needs, NoIssuers, Settings
from pbx_bridge.portal.serving import Runner
from pbx_bridge.portal.site import create_app

from .portal_desk import Switchboard
from .portal_programs import Programs
from .portal_records import KEPT, Records
from .portal_replies import Reply as Reply
from .portal_replies import Stream as Stream
from .portal_site import BODY as BODY
from .portal_site import SCOPES as SCOPES
from .portal_site import Site as Site
from .portal_tapes import Tapes

PEPPER = b"p" * 32
#: A moment of 2026 in milliseconds, as an event's id begins with.
FIRST_EVENT = 1_768_197_600_000 << 80


class Clock:
    """A wall clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 12, 6, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Opened:
    call_id: str
    answer: Mapping[str, Any]
    replayed: bool


@dataclass(frozen=True)
class Aborted:
    call: Call
    won: bool


@dataclass
class House(Records, Programs, Switchboard, Tapes):
    """Conductor and ledger in one, in memory. `trouble` is what every question raises instead of an answer, `refusal`
    what asking for a call raises. `paper` may be a real ledger, for what is kept about citizens and for the audit."""

    clock: Clock = field(default_factory=Clock)
    hub: Hub = field(default_factory=Hub)
    log: list[StoredEvent] = field(default_factory=list)
    calls_: dict[str, Call] = field(default_factory=dict)
    events_: dict[str, list[StoredEvent]] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    wanted: list[Wanted] = field(default_factory=list)
    parts: dict[str, str | None] = field(default_factory=lambda: {"asterisk_ari": None, "database": None})
    refusal: Exception | None = None
    paper: Any = None

    def __post_init__(self) -> None:
        self.feed = Feed(self, self.hub)

    # ── people ──
    def client(self, name: str = "portal", scopes: frozenset[str] = SCOPES, **more: Any) -> tuple[Client, str]:
        """Register a program; gives it and its secret."""
        made = new_client(PEPPER, self.clock())
        more = {"second_step": SecondStep.NONE, **more}
        client = Client(made.id, name, scopes, self.clock(), 600, (made.key,), **more)
        self.clients_[client.id] = client
        return client, made.secret

    def disable(self, client: Client) -> None:
        """The operator takes a program's rights away."""
        self.clients_[client.id] = replace(client, disabled_at=self.clock())

    def tell(self, call_id: str, fact: e.Event) -> Call:
        """Something happens on a call."""
        self._keep(advance(self.calls_[call_id], fact, self.clock()))
        return self.calls_[call_id]

    def rings(self, call_id: str) -> Call:
        """The citizen's device rings."""
        return self.tell(call_id, e.DeviceRang(self.calls_[call_id].leg or ""))

    def hangs_up(self, call_id: str) -> Call:
        """The citizen's device is gone: this ends the call."""
        return self.tell(call_id, e.DeviceGone(self.calls_[call_id].leg or "", 486, 17))

    async def nobody_reads(self) -> None:
        """Returns when the last stream is gone; fails after ten seconds."""
        async with asyncio.timeout(10):
            while len(self.hub) or self.feed.followers:  # noqa: ASYNC110  the hub has no bell for this, and needs none
                await asyncio.sleep(0)

    # ── what the conductor does ──
    async def open(self, wanted: Wanted) -> Opened:
        self._may_fail()
        if self.refusal:
            raise self.refusal
        self.wanted.append(wanted)
        known = self.keys.get((wanted.client, wanted.key))
        if known and known[0] != wanted.fingerprint:
            raise KeyReused("this Idempotency-Key was used with another request body")
        if known:
            return Opened(known[1], self.events_[known[1]][0].data["call"], replayed=True)
        for call in self.calls_.values():
            if (call.request.client, call.request.user) == (wanted.client, wanted.request.user) and not call.outcome:
                raise CitizenBusy(call.id)
        call_id = f"call_{ULID()}".lower()
        self.keys[wanted.client, wanted.key] = (wanted.fingerprint, call_id)
        ticket = f"{len(self.calls_):09d}"
        born = accept(call_id, ticket, wanted.request, wanted.terms, self.clock(), confirmation=wanted.confirmation)
        self._keep(born)
        step = wanted.confirmation
        if step is None:
            request = replace(wanted.request, when=wanted.when)
            self.tell(call_id, e.Admitted(self._counsel.admit(request, self.clock())))
        else:
            self.tell(call_id, e.CodeSent() if step.by is By.CODE else e.Vouched())
        return Opened(call_id, self.events_[call_id][0].data["call"], replayed=False)

    async def ask_code(self, call_id: str, channel: Channel, *, by: str) -> Call:
        self._may_fail()
        return self._judged(call_id, AskCode(call_id, channel, self.clock(), by, self._judge))

    async def confirm(self, call_id: str, typed: str | None, *, by: str) -> Confirmed:
        self._may_fail()
        return self._judged(call_id, ConfirmCall(call_id, typed, self.clock(), by, self._judge))

    def code(self, call_id: str) -> str:
        """The code that the citizen was sent."""
        call = self.calls_[call_id]
        assert call.request.phone
        assert call.confirmation
        bond = Bond(call.id, call.request.client, call.request.user, call.request.phone)
        return self._judge.codes.code(bond, call.confirmation.number)

    @property
    def _judge(self) -> Judge:
        return Judge(Codes(PEPPER), Rules(), AppFactor(PEPPER), lambda request, at: Opening(open=True))

    def _judged(self, call_id: str, job: Any) -> Any:
        """The conductor's own job, on a desk with this one call."""
        draft = Draft(self.calls_[call_id], self.calls_[call_id].revision)
        done = job.apply(Desk(self._counsel.call_back, {call_id: draft}))
        assert draft.call
        self.calls_[call_id] = draft.call
        for event in draft.events:
            self._publish(draft.call, event.sequence, event.type, event.data)
        return done

    async def abort(self, call_id: str, *, by: str, if_revision: int | None = None) -> Aborted:
        self._may_fail()
        call = self.calls_.get(call_id)
        if call is None:
            raise UnknownCall("there is no such call")
        if if_revision is not None and if_revision != call.revision:
            raise RevisionPassed(if_revision, call.revision)
        if call.state is not State.ENDED:
            asked = self.tell(call_id, e.AbortRequested(by))
            if asked.state is not State.ENDED:
                self.hangs_up(call_id)
        call = self.calls_[call_id]
        return Aborted(call, call.cause is not None and call.cause.slug == "aborted")

    async def move(self, call_id: str, to: datetime, *, by: str, if_revision: int | None = None) -> Call:
        self._may_fail()
        call, at = self.calls_[call_id], self.clock()
        opening = self._counsel.at_time(call.request, to, at)
        if call.state is not State.SCHEDULED or opening.next_open_at is None:
            raise NotMovable("the call does not wait for a callback, or not for that time", call)
        return self.tell(call_id, e.MoveRequested(by, max(to, at), opening))

    async def redirect(self, call_id: str, to: Target, *, by: str, if_revision: int | None = None) -> Call:
        self._may_fail()
        return await self._steering.redirect(self.calls_[call_id], to, by=by, if_revision=if_revision)

    async def limit(self, call_id: str, time_limit_s: int, *, by: str, if_revision: int | None = None) -> Call:
        self._may_fail()
        return await self._steering.limit(call_id, time_limit_s, by=by, if_revision=if_revision)

    @property
    def _steering(self) -> Steering:
        here: Any = self  # it writes and remembers by itself
        return Steering(here, here, self._counsel, self.clock)

    async def submit(self, job: Any) -> Any:
        return self._judged(job.call_id, job)

    def remember(self, call_id: str, number: Phone) -> None:
        """Nobody is rung here."""

    async def keep_place(self, call_id: str, *, by: str, if_revision: int | None = None) -> Call:
        self._may_fail()
        call = self.calls_[call_id]
        if call.state is State.QUEUED:
            self.tell(call_id, e.CallbackRequested(by))
            call = self.hangs_up(call_id)
        if call.state is not State.SCHEDULED:
            raise NotMovable("the call does not wait in a queue", call)
        return call

    @property
    def _counsel(self) -> Counsel:
        return Counsel(lambda: self.directory)

    async def call(self, call_id: str) -> Call | None:
        self._may_fail()
        return self.calls_.get(call_id)

    def health(self) -> Mapping[str, str | None]:
        return self.parts

    # ── what the ledger does ──
    async def events(self, call_id: str, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        self._may_fail()
        self.reads += 1
        return [event for event in self.events_[call_id] if event.sequence > after][:limit]

    async def events_after(self, event_id: str, client: str | None = None, limit: int = 1000) -> list[StoredEvent]:
        self._may_fail()
        self.reads += 1
        return [event for event in self.log if event.id > event_id and client in (None, event.client)][:limit]

    async def last_event(self, client: str | None = None) -> str:
        self._may_fail()
        return next((event.id for event in reversed(self.log) if client in (None, event.client)), "")

    async def has_event(self, event_id: str, client: str | None = None) -> bool:
        self._may_fail()
        return any(event.id == event_id and client in (None, event.client) for event in self.log)

    async def events_of(self, call_ids: Collection[str]) -> list[StoredEvent]:
        self._may_fail()
        return [event for id_ in sorted(call_ids) for event in self.events_[id_]]

    async def calls(self, filter_: CallFilter, *, cursor: str | None = None, limit: int = 50) -> Page:
        self._may_fail()
        if cursor is not None and cursor not in self.calls_:
            raise BadCursor("this cursor did not come from here; start again without one")
        found = [
            call for call in sorted(self.calls_.values(), key=lambda c: c.id, reverse=True) if _fits(call, filter_)
        ]
        found = [call for call in found if cursor is None or call.id < cursor]
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def client_(self, client_id: str) -> Client | None:
        self._may_fail()
        return self.clients_.get(client_id)

    def _keep(self, step: Step) -> None:
        self.calls_[step.call.id] = step.call
        if step.news:
            self._publish(step.call, step.call.revision, step.news, {"call": snapshot(step.call)})

    def _publish(self, call: Call, sequence: int, kind: str, data: dict[str, Any]) -> None:
        before = self.log[-1].id if self.log else ""
        id_ = f"evt_{ULID.from_int(FIRST_EVENT + len(self.log))}"
        row = StoredEvent(id_, call.id, call.request.client, sequence, kind, self.clock(), data)
        self.log.append(row)
        self.events_.setdefault(call.id, []).append(row)
        self.hub.ring(call.id, sequence, [row])
        self.feed.wrote(before, [row])


@dataclass(frozen=True)
class Memory:
    """The house as a ledger, whose `client` is a question; as a house it is a person."""

    house: House

    async def client(self, client_id: str) -> Client | None:
        return await self.house.client_(client_id)

    def __getattr__(self, name: str) -> Any:
        paper = self.house.paper
        return getattr(paper if paper is not None and name in KEPT else self.house, name)


def _fits(call: Call, wanted: CallFilter) -> bool:
    request = call.request
    return (
        wanted.client in (None, request.client)
        and wanted.user in (None, request.user)
        and wanted.service in (None, request.service)
        and wanted.direction in (None, request.direction)
        and wanted.queue in (None, call.queue)
        and wanted.outcome in (None, call.outcome)
        and wanted.cause in (None, call.cause and call.cause.slug)
        and wanted.ticket in (None, call.ticket)
        and wanted.phone in (None, request.phone)
        and (wanted.states is None or call.state in wanted.states)
        and (wanted.from_ is None or call.accepted_at >= wanted.from_)
        and (wanted.to is None or call.accepted_at < wanted.to)
    )


@asynccontextmanager
async def serve(
    house: House,
    *,
    services: Mapping[str, Service] | None = None,
    issuers: Issuers | None = None,
    **settings: Any,
) -> AsyncIterator[Site]:
    """A portal on a free port."""
    chosen = Settings(**{"pepper": PEPPER, "client_s": 0, "poll_s": 0.01, **settings})
    if services is not None:
        house.directory = replace(house.directory, services=services)
    directory, believed = (lambda: house.directory), issuers or NoIssuers()
    needs = Needs(house, Memory(house), chosen, house.clock, directory, believed, sound=house.sound)
    app = create_app(needs)
    runner = Runner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    client, secret = house.client()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        try:
            yield Site(house, app, runner, session, port, client, secret)
        finally:
            await runner.cleanup()


def away() -> LedgerUnavailable:
    """What a ledger says whose database is gone."""
    return LedgerUnavailable("the database does not answer")
