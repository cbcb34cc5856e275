"""What can be asked of the ledger's one writer: open a call, take a fact, settle a wish.

Each job changes a `Desk`, the calls as they stand within one transaction; nothing here touches the database.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from ulid import ULID

from ..call import events as e
from ..call.commands import Command
from ..call.machine import NotNow, Step, accept, advance, deadline, merged, timed, unfold
from ..call.model import By, Call, Channel, Confirmation, Opening, Request, Terms
from ..call.snapshot import snapshot
from ..call.states import State
from ..codes.tries import Rules, Try, TryKind, may_open, may_send, may_try
from ..ledger import AuditLine, Change, Idempotency, NewEvent, Wish
from ..ledger.access import Authenticator, NewTry
from ..line.calibration import Held, Hour, Promise, settle
from .errors import KeyReused, MustWait, RevisionPassed, UnknownCall


@dataclass(slots=True)
class Draft:
    """One call within the transaction: where it came from and what is to be written with it."""

    call: Call | None
    before_revision: int | None
    changed: bool = False
    events: list[NewEvent] = field(default_factory=list)
    wishes: list[Command] = field(default_factory=list)
    audit: list[AuditLine] = field(default_factory=list)
    key: Idempotency | None = None
    tries: list[NewTry] = field(default_factory=list)
    authenticator: Authenticator | None = None
    held: list[tuple[Hour, Held]] = field(default_factory=list)

    def apply(self, step: Step, at: datetime) -> None:
        """Put one step of the machine on top."""
        if self.call:
            self.held += _settled(self.call, step.call, at)
        self.call = step.call
        self.changed = True
        self.wishes += step.commands
        if step.news:
            self.events.append(NewEvent(step.news, step.call.revision, at, {"call": snapshot(step.call)}))

    @property
    def wake_at(self) -> datetime | None:
        """When the call must be woken, as it stands now."""
        return deadline(self.call) if self.call and self.changed else None

    def change(self) -> Change:
        """What the ledger is asked to write."""
        call = self.call if self.changed else None
        return Change(
            before_revision=self.before_revision,
            call=call,
            wake_at=self.wake_at,
            events=tuple(self.events),
            wishes=tuple(self.wishes),
            audit=tuple(self.audit),
            idempotency=self.key,
            tries=tuple(self.tries),
            authenticator=self.authenticator,
            held=tuple(self.held),
        )


def _settled(before: Call, after: Call, at: datetime) -> list[tuple[Hour, Held]]:
    """How the promise held, once the wait is over one way or the other. Who is moved elsewhere was promised nothing
    about that."""
    promise, place = before.promise, before.place
    if promise is None or place is None or before.state not in _WAITS or after.state in _STILL_WAITS:
        return []
    told = Promise(promise.at, promise.likely_s, promise.at_most_s)
    return [(Hour.of(place.queue, promise.at), settle(told, at, answered=after.state is State.TALKING))]


_WAITS = frozenset({State.QUEUED, State.OFFERED})
_STILL_WAITS = _WAITS | {State.TRANSFERRING}


@dataclass(slots=True)
class Desk:
    """The calls on the table during one transaction, and what is known beside them. `call_back` is the desk's answer
    when somebody who waits may be called."""

    call_back: Callable[[Call, datetime], Opening]
    drafts: dict[str, Draft] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """(client, key) → (fingerprint, call id)."""
    tries: dict[Whose, list[Try]] = field(default_factory=dict)
    authenticators: dict[tuple[str, str], Authenticator] = field(default_factory=dict)
    lines: list[AuditLine] = field(default_factory=list)
    """For the audit, of requests that came to no call."""

    def changes(self) -> list[Change]:
        """What the ledger is asked to write."""
        changed = [draft.change() for draft in self.drafts.values() if draft.changed or draft.audit]
        return [*changed, Change(audit=tuple(self.lines))] if self.lines else changed

    def draft(self, call_id: str) -> tuple[Draft, Call]:
        """The call that a job is about. Raises UnknownCall."""
        draft = self.drafts.get(call_id)
        if draft is None or draft.call is None:
            raise UnknownCall("there is no such call")
        return draft, draft.call

    def count(self, draft: Draft, kind: TryKind, request: Request, at: datetime) -> None:
        """One more try of this citizen and number, for the jobs after this one too."""
        client, user, number = whose(request)
        draft.tries.append(NewTry(kind, client, user, number))
        for (of, who, digits), known in self.tries.items():
            same = ((of, who) == (client, user), digits is not None and digits == number)
            if any(same):
                known.append(Try(kind, at, *same))


def new_ticket() -> str:
    """What citizen and agent say to each other: nine digits that tell nothing."""
    return f"{secrets.randbelow(10**9):09d}"


def not_before(call: Call, at: datetime) -> datetime:
    """When a fact counts as taken: two connections tell late what happened, but a history never runs backwards."""
    return max(at, call.state_since, call.told_at or at)


#: A citizen (client and user) and the number in clear, whose tries are looked up.
Whose = tuple[str, str, str | None]


def whose(request: Request) -> Whose:
    """Whose tries count for a request."""
    return request.client, request.user, request.phone.e164 if request.phone else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A portal's request, checked and ready. `fingerprint` is a digest of its body, for the idempotency key; `actor`
    who asks, for the audit; `confirmation` the second step that must follow, None where the portal has taken both;
    `when` the earliest time that the citizen wishes, None for now."""

    client: str
    key: str
    fingerprint: str
    request: Request
    terms: Terms
    actor: str = "service"
    confirmation: Confirmation | None = None
    when: datetime | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """The call that stands for a request; its picture as it was accepted, or None when it stood before."""

    call_id: str
    accepted: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OpenCall:
    """Accept a request: the call, its first event and its wishes, or the call that an earlier try made."""

    wanted: Wanted
    at: datetime
    opening: Callable[[Request, datetime], Opening]
    rules: Rules = field(default_factory=Rules)

    def apply(self, desk: Desk) -> Placed:
        wanted = self.wanted
        known = desk.keys.get((wanted.client, wanted.key))
        if known:
            if known[0] != wanted.fingerprint:
                raise KeyReused("this Idempotency-Key was used with another request body")
            return Placed(known[1])
        call_id = f"call_{ULID.from_datetime(self.at)}".lower()
        draft = Draft(None, None, key=Idempotency(wanted.key, wanted.fingerprint))
        self._count(desk, draft)
        self._accept(draft, call_id)
        desk.drafts[call_id] = draft
        desk.keys[(wanted.client, wanted.key)] = (wanted.fingerprint, call_id)
        return Placed(call_id, draft.events[0].data["call"])

    def _count(self, desk: Desk, draft: Draft) -> None:
        """Raises MustWait."""
        if not self.rules.count:
            return
        request, step = self.wanted.request, self.wanted.confirmation
        tries = desk.tries.get(whose(request), [])
        sends = step is not None and step.channel in (Channel.SMS, Channel.VOICE)
        judge = may_send if sends else may_try if step is not None and step.by is By.CODE else None
        wait = may_open(tries, self.rules, self.at) or (judge(tries, self.rules, self.at) if judge else None)
        if wait:
            desk.lines.append(self._line("refused", {"why": wait.why.value}))
            raise MustWait(wait.why, wait.until, self.at)
        desk.count(draft, TryKind.OPENED, request, self.at)
        if sends:
            desk.count(draft, TryKind.SENT, request, self.at)

    def _accept(self, draft: Draft, call_id: str) -> None:
        wanted, at = self.wanted, self.at
        request = replace(wanted.request, when=wanted.when) if wanted.when else wanted.request
        step = accept(call_id, new_ticket(), request, wanted.terms, at, confirmation=wanted.confirmation)
        draft.apply(step, at)
        draft.audit.append(self._line("taken", {"service": wanted.request.service}))
        next_ = self._next(wanted, request)
        if next_:
            draft.apply(advance(step.call, next_, at), at)
            draft.audit.append(AuditLine(at, "service", type(next_).__name__, "taken", {}))

    def _line(self, verdict: Literal["taken", "refused"], detail: dict[str, Any]) -> AuditLine:
        wanted = self.wanted
        citizen = (wanted.client, wanted.request.user)
        return AuditLine(self.at, wanted.actor, "open", verdict, detail, citizen=citizen)

    def _next(self, wanted: Wanted, request: Request) -> e.Event | None:
        """What is certain already: nobody has to wait for a receipt where nothing is sent."""
        step = wanted.confirmation
        if step is None:
            return e.Admitted(self.opening(request, self.at))
        if step.by is By.CLICK:
            return e.Vouched()
        return e.CodeSent(step.number) if step.channel is Channel.TOTP else None


@dataclass(frozen=True, slots=True)
class TakeFact:
    """One fact about one call, with everything that must have happened before it.

    `actor` says whose word it is: asterisk, recovery, alarm, service, or client:<id>.
    """

    call_id: str
    event: e.Event
    at: datetime
    actor: str
    if_revision: int | None = None
    merge: bool = False
    """The citizen has another scheduled call: this one ends where it would wait for its time."""

    def apply(self, desk: Desk) -> Call:
        draft, call = desk.draft(self.call_id)
        if self.if_revision is not None and call.revision != self.if_revision:
            raise RevisionPassed(self.if_revision, call.revision)
        for event in unfold(call, self.event):
            self._one(draft, call, event, desk)
        assert draft.call
        return draft.call

    def _one(self, draft: Draft, call: Call, event: e.Event, desk: Desk) -> None:
        # An implied fact may be refused where the fact itself is not (and the other way round): each is judged
        # alone, and each is kept.
        present = draft.call or call
        at = not_before(present, self.at)
        try:
            step = advance(present, event, at)
        except NotNow as refusal:
            draft.audit.append(self._line(event, "refused", {"state": present.state.value, "why": refusal.why}))
        else:
            if step.call.state is State.SCHEDULED and present.state is not State.SCHEDULED:
                step = merged(step, at) if self.merge else timed(step, desk.call_back(step.call, at))
            draft.apply(step, at)
            draft.audit.append(self._line(event, "taken", {"from": present.state.value, "to": step.call.state.value}))

    def _line(self, event: e.Event, verdict: Literal["taken", "refused"], detail: dict[str, Any]) -> AuditLine:
        return AuditLine(self.at, self.actor, type(event).__name__, verdict, detail | _words(event), self.call_id)


@dataclass(frozen=True, slots=True)
class SettleWish:
    """A wish was carried out; nothing more is to be done about it."""

    wish: Wish

    def apply(self, desk: Desk) -> None:
        """The writer gathers the ids."""


def _words(event: e.Event) -> dict[str, Any]:
    """The fact's own fields for the audit. Facts carry nothing private, see call/events.py."""
    words: dict[str, Any] = {}
    for name in event.__dataclass_fields__:
        value = getattr(event, name)
        if isinstance(value, State):
            words[name] = value.value
        elif value is None or isinstance(value, str | int):
            words[name] = value
    return words
