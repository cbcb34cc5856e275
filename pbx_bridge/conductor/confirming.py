"""The jobs of the second step: another code, and the confirmation itself.

They run within the writer's one transaction like every other job, so guesses that arrive together are judged one
after the other: each sees the tries that the one before it left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..call import events as e
from ..call.machine import advance, unfold
from ..call.model import By, Call, Channel, Opening, Request, deadline_of_code
from ..call.refusal import NotNow
from ..call.states import State
from ..codes.code import Bond, Codes
from ..codes.tries import Rules, TryKind, Wait, may_send, may_try
from ..ledger import AuditLine
from ..ledger.access import Authenticator
from .errors import CodeNeeded, MustWait, NoCodes, NothingToConfirm
from .jobs import Desk, Draft, not_before, whose

#: What an authenticator app's code leads to: the authenticator afterwards, or None for a wrong one.
Factor = Callable[[Authenticator, str, datetime], Authenticator | None]
_WAITING = (State.REQUESTED, State.AWAITING_CODE)


@dataclass(frozen=True, slots=True)
class Judge:
    """What the second step is judged by."""

    codes: Codes
    rules: Rules
    factor: Factor
    opening: Callable[[Request, datetime], Opening]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What came of a confirmation: the call, and whether it was the right code (or a click that was enough)."""

    call: Call
    right: bool

    @property
    def attempts_left(self) -> int:
        """How often a code may still be typed for this call."""
        step = self.call.confirmation
        return step.tries_left if step and self.call.state in _WAITING else 0


@dataclass(frozen=True, slots=True)
class AskCode:
    """Send another code, maybe another way. `actor` as in TakeFact."""

    call_id: str
    channel: Channel
    at: datetime
    actor: str
    judge: Judge

    def apply(self, desk: Desk) -> Call:
        """Raises UnknownCall, NothingToConfirm, NoCodes, MustWait."""
        draft, call = desk.draft(self.call_id)
        self._check(desk, call)
        tries = desk.tries.get(whose(call.request), [])
        wait = (may_try if self.channel is Channel.TOTP else may_send)(tries, self.judge.rules, self.at)
        if wait:
            raise _wait(draft, call, wait, AuditLine(self.at, self.actor, "CodeAsked", "refused"))
        try:
            at = not_before(call, self.at)
            step = advance(call, e.CodeAsked(self.channel), at)
        except NotNow as refusal:
            raise NoCodes(refusal.why) from None
        draft.apply(step, at)
        draft.audit.append(AuditLine(self.at, self.actor, "CodeAsked", "taken", {"channel": self.channel.value}))
        if self.channel is not Channel.TOTP and self.judge.rules.count:
            desk.count(draft, TryKind.SENT, call.request, self.at)
        return step.call

    def _check(self, desk: Desk, call: Call) -> None:
        step = call.confirmation
        if step is None or call.state not in _WAITING:
            raise NothingToConfirm("the call does not wait for a code")
        if self.at >= deadline_of_code(call):
            raise NothingToConfirm("the time for the confirmation is over")
        if step.by is not By.CODE:
            raise NoCodes("no code is needed for this call: confirm it without one")
        request = call.request
        if self.channel is Channel.TOTP:
            authenticator = desk.authenticators.get((request.client, request.user))
            if authenticator is None or authenticator.confirmed_at is None:
                raise NoCodes("the citizen has no authenticator app; enrol one first, or choose another channel")
        elif request.phone is None:
            raise NoCodes("no verified phone is known; choose another channel")


@dataclass(frozen=True, slots=True)
class ConfirmCall:
    """The citizen takes the second step, with the code that was typed, or without one where the portal vouches."""

    call_id: str
    typed: str | None = field(repr=False)
    at: datetime
    actor: str
    judge: Judge

    def apply(self, desk: Desk) -> Confirmed:
        """Raises UnknownCall, NothingToConfirm, CodeNeeded, MustWait."""
        draft, call = desk.draft(self.call_id)
        step = call.confirmation
        if step is None or call.state not in _WAITING:
            raise NothingToConfirm(f"the call does not wait for a confirmation: it is {call.state.value}")
        if self.at >= deadline_of_code(call):
            # The alarm is about to say so; a code that is typed meanwhile opens nothing.
            raise NothingToConfirm("the time for the confirmation is over")
        if step.by is By.CLICK:
            return self._take(draft, call, right=True)
        if self.typed is None:
            raise CodeNeeded("this call is confirmed by a code")
        wait = may_try(desk.tries.get(whose(call.request), []), self.judge.rules, self.at)
        if wait:
            raise _wait(draft, call, wait, AuditLine(self.at, self.actor, "CodeTyped", "refused"))
        right = self._is_right(desk, draft, call, self.typed)
        if not right and self.judge.rules.count:
            desk.count(draft, TryKind.MISMATCH, call.request, self.at)
        return self._take(draft, call, right=right)

    def _is_right(self, desk: Desk, draft: Draft, call: Call, typed: str) -> bool:
        request, step = call.request, call.confirmation
        assert step
        citizen = (request.client, request.user)
        if step.channel is Channel.TOTP:
            known = desk.authenticators.get(citizen)
            used = self.judge.factor(known, typed, self.at) if known and known.confirmed_at else None
            if used:
                draft.authenticator = desk.authenticators[citizen] = used
            return used is not None
        if request.phone is None or step.undelivered:
            return False
        bond = Bond(call.id, request.client, request.user, request.phone)
        return self.judge.codes.matches(typed, bond, step.number)

    def _take(self, draft: Draft, call: Call, *, right: bool) -> Confirmed:
        fact = e.CodeConfirmed(self.judge.opening(call.request, self.at)) if right else e.CodeMismatch()
        for event in unfold(call, fact):
            at = not_before(call, self.at)
            step = advance(call, event, at)
            draft.apply(step, at)
            draft.audit.append(AuditLine(self.at, self.actor, type(event).__name__, "taken", _moved(call, step.call)))
            call = step.call
        return Confirmed(call, right)


def _moved(before: Call, after: Call) -> dict[str, str]:
    return {"from": before.state.value, "to": after.state.value}


def _wait(draft: Draft, call: Call, wait: Wait, line: AuditLine) -> MustWait:
    """The refusal, with its line: the call does not change, so the line must name it."""
    draft.audit.append(replace(line, call_id=call.id, detail={"why": wait.why.value}))
    return MustWait(wait.why, wait.until, line.at)
