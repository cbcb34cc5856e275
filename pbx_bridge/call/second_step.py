"""What the facts of the second step do to a call: codes asked for, sent, mistyped and confirmed; and ends before it.

Nothing rings for the call itself before the step is taken. A code that is read aloud rings, as a leg of its own; it
falls silent as soon as its code does not count any more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from . import events as e
from .attempts import Result, end
from .causes import Cause, Source
from .commands import Command, HangUp, SendCode
from .model import By, Call, Channel, Confirmation, code_leg_id
from .moves import admit
from .refusal import NotNow
from .states import State


def to_send(call: Call) -> tuple[Command, ...]:
    """The wish for the present code; an authenticator app makes its codes itself."""
    step = call.confirmation
    sent = step and step.by is By.CODE and step.channel is not Channel.TOTP
    return (SendCode(step.number),) if step and sent else ()


def _silence(call: Call) -> tuple[Command, ...]:
    """No telephone goes on reading a code that is not wanted any more."""
    step = call.confirmation
    return (HangUp(code_leg_id(call.id, step.number)),) if step and step.channel is Channel.VOICE else ()


def _by_code(call: Call) -> Confirmation:
    if call.confirmation is None or call.confirmation.by is not By.CODE:
        raise NotNow(call, "no code is asked for")
    return call.confirmation


def vouch(call: Call, _: e.Vouched, at: datetime) -> Result:
    if call.confirmation is None or call.confirmation.by is By.CODE:
        raise NotNow(call, "a code is asked for")
    return replace(call, state=State.AWAITING_CODE), ()


def ask_code(call: Call, event: e.CodeAsked, at: datetime) -> Result:
    step = _by_code(call)
    if step.number >= call.terms.codes:
        raise NotNow(call, "no more codes are sent for this call")
    asked = replace(step, channel=event.channel, number=step.number + 1, asked_at=at, sent_at=None, undelivered=False)
    after = replace(call, confirmation=asked)
    if event.channel is Channel.TOTP:
        after = replace(after, state=State.AWAITING_CODE)
    return after, (*_silence(call), *to_send(after))


def await_code(call: Call, event: e.CodeSent, at: datetime) -> Result:
    step = _present_code(call, event.number)
    return replace(call, state=State.AWAITING_CODE, confirmation=replace(step, sent_at=at, undelivered=False)), ()


def miss_code(call: Call, event: e.CodeNotSent, at: datetime) -> Result:
    """The citizen may ask for another way until the time is up."""
    step = _present_code(call, event.number)
    return replace(call, state=State.AWAITING_CODE, confirmation=replace(step, undelivered=True)), ()


def _present_code(call: Call, number: int) -> Confirmation:
    step = _by_code(call)
    if number != step.number:
        raise NotNow(call, "a later code was asked for")
    return step


def mismatch(call: Call, _: e.CodeMismatch, at: datetime) -> Result:
    step = _by_code(call)
    after = replace(call, confirmation=replace(step, tries_left=step.tries_left - 1))
    if step.tries_left > 1:
        return after, ()
    return _end_quietly(after, at, Cause("code_refused", Source.CITIZEN))


def let_in(call: Call, event: e.Admitted, at: datetime) -> Result:
    if call.confirmation is not None:
        raise NotNow(call, "the second step was not taken")
    return admit(call, event, at)


def confirm(call: Call, event: e.CodeConfirmed, at: datetime) -> Result:
    after, commands = admit(replace(call, confirmation=None), event, at)
    return after, (*_silence(call), *commands)


def cancel(call: Call, _: e.AbortRequested, at: datetime) -> Result:
    return _end_quietly(call, at, Cause("aborted", Source.PORTAL))


def expire(call: Call, _: e.TimeUp, at: datetime) -> Result:
    """The time is up. Where a code was to be sent, first the citizen is told that it did not get out, and may choose
    another way; a code that gets out later counts still."""
    step = call.confirmation
    if call.state is State.REQUESTED and step and step.by is By.CODE:
        return replace(call, state=State.AWAITING_CODE, confirmation=replace(step, undelivered=True)), ()
    slug = {State.REQUESTED: "not_started", State.AWAITING_CODE: "code_expired"}.get(call.state)
    return _end_quietly(call, at, Cause(slug or "callback_expired", Source.TIMER))


def _end_quietly(call: Call, at: datetime, cause: Cause) -> Result:
    ended, _ = end(call, at, cause)
    return ended, _silence(call)
