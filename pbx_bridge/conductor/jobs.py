"""What can be asked of the ledger's one writer: open a call, take a fact, settle a wish.

Each job changes a `Desk`, the calls as they stand within one transaction; nothing here touches the database.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ulid import ULID

from ..call import events as e
from ..call.commands import Command
from ..call.machine import NotNow, Step, accept, advance, deadline, unfold
from ..call.model import Call, Opening, Request, Terms
from ..call.snapshot import snapshot
from ..call.states import State
from ..ledger import AuditLine, Change, Idempotency, NewEvent, Wish
from .errors import KeyReused, RevisionPassed, UnknownCall


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

    def apply(self, step: Step, at: datetime) -> None:
        """Put one step of the machine on top."""
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
        )


@dataclass(slots=True)
class Desk:
    """The calls on the table during one transaction, and the keys that are known."""

    drafts: dict[str, Draft] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """(client, key) → (fingerprint, call id)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A portal's request, checked and ready. `fingerprint` is a digest of its body, for the idempotency key."""

    client: str
    key: str
    fingerprint: str
    request: Request
    terms: Terms


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

    def apply(self, desk: Desk) -> Placed:
        wanted = self.wanted
        known = desk.keys.get((wanted.client, wanted.key))
        if known:
            if known[0] != wanted.fingerprint:
                raise KeyReused("this Idempotency-Key was used with another request body")
            return Placed(known[1])
        call_id = f"call_{ULID.from_datetime(self.at)}".lower()
        ticket = f"{secrets.randbelow(10**9):09d}"
        draft = Draft(None, None, key=Idempotency(wanted.key, wanted.fingerprint))
        actor = f"client:{wanted.client}"
        step = accept(call_id, ticket, wanted.request, wanted.terms, self.at, confirmation=None)
        draft.apply(step, self.at)
        draft.audit.append(AuditLine(self.at, actor, "open", "taken", {"service": wanted.request.service}))
        admitted = e.Admitted(self.opening(wanted.request, self.at))
        draft.apply(advance(step.call, admitted, self.at), self.at)
        draft.audit.append(AuditLine(self.at, "service", "Admitted", "taken", {}))
        desk.drafts[call_id] = draft
        desk.keys[(wanted.client, wanted.key)] = (wanted.fingerprint, call_id)
        return Placed(call_id, draft.events[0].data["call"])


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

    def apply(self, desk: Desk) -> Call:
        draft = desk.drafts.get(self.call_id)
        if draft is None or draft.call is None:
            raise UnknownCall("there is no such call")
        if self.if_revision is not None and draft.call.revision != self.if_revision:
            raise RevisionPassed(self.if_revision, draft.call.revision)
        for event in unfold(draft.call, self.event):
            self._one(draft, draft.call, event)
        assert draft.call
        return draft.call

    def _one(self, draft: Draft, call: Call, event: e.Event) -> None:
        # An implied fact may be refused where the fact itself is not (and the other way round): each is judged
        # alone, and each is kept.
        present = draft.call or call
        at = max(self.at, present.state_since)
        try:
            step = advance(present, event, at)
        except NotNow as refusal:
            draft.audit.append(self._line(event, "refused", {"state": present.state.value, "why": refusal.why}))
        else:
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


Job = OpenCall | TakeFact | SettleWish


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
