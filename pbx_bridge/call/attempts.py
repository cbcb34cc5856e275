"""How a call goes on after an attempt, or ends: the next device, a later round, a callback, the end. What the verbs in
moves.py and second_step.py are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from .causes import Cause, reason
from .commands import Command, Dial, HangUp
from .consent import again, over
from .model import Call, Direction, Opening, Prove, Reason, Verdict, Why, leg_id
from .refusal import NotNow
from .states import Outcome, State

Result = tuple[Call, tuple[Command, ...]]

#: After these nobody is rung again: the citizen or the portal has spoken.
LAST_WORDS = frozenset({"rejected", "aborted"})

#: After these no other device is rung at once, for it could not be reached either, or nobody knows what the first one
#: did. A later round comes all the same: whoever waits for a callback does not watch a page.
NOT_NOW = frozenset({"exchange_down", "dial_refused", "ended_unseen"})

#: Verdicts of an attempt that reached nobody. They count as a failed attempt even where the leg's end was not heard.
UNREACHED = frozenset({"no_answer", "silent_device", "machine", "stuck", "asterisk_restarted"})

#: Verdicts after which the citizen is called back.
CALLS_BACK = {"callback_chosen": Why.KEPT, "later_chosen": Why.ASKED}

#: Verdicts after which the call goes on: another device is rung, now or later. An abort takes their place.
TRIES_AGAIN = UNREACHED | frozenset(CALLS_BACK)


def end(call: Call, at: datetime, cause: Cause, outcome: Outcome | None = None) -> Result:
    """The call is over, for this reason."""
    ended = replace(
        call,
        state=State.ENDED,
        outcome=outcome or reason(cause).outcome,
        cause=cause,
        ended_at=at,
        scheduled_for=None,
        reason=None,
        ringing=(),
        place=None,
        transfer=None,
        recording=over(call),
    )
    return ended, ()


def dial(call: Call, at: datetime, device: int) -> Result:
    """The next attempt: ring device number `device`."""
    attempt = call.attempt + 1
    leg = leg_id(call.id, attempt)
    dialling = replace(
        call,
        state=State.DIALING,
        attempt=attempt,
        device=device,
        leg=leg,
        dialled_at=at,
        scheduled_for=None,
        reason=None,
        answered_at=None,
        queued_at=None,
        place=None,
        agent=None,
        outside=None,
        ringing=(),
        verdict=None,
        transfer=None,
        warned=False,
        recording=again(call),
    )
    return dialling, (Dial(leg, device),)


def next_try(call: Call, at: datetime, cause: Cause) -> Result:
    """The attempt failed: the next device, else a later round, else the end."""
    more = call.device + 1 < len(call.request.devices)
    if more and cause.slug not in LAST_WORDS | NOT_NOW:
        return dial(replace(call, cause=cause), at, call.device + 1)
    return _later_round(call, at, cause)


def _later_round(call: Call, at: datetime, cause: Cause) -> Result:
    """Only a call that had to wait for its time has any."""
    if call.rounds_left == 0 or cause.slug in LAST_WORDS:
        return end(call, at, cause)
    pauses = call.terms.pauses_s
    used = call.terms.rounds - call.rounds_left
    later = at + timedelta(seconds=pauses[min(used, len(pauses) - 1)])
    return park(replace(call, cause=cause, rounds_left=call.rounds_left - 1), later, Reason(Why.RETRY))


def park(call: Call, until: datetime, why: Reason) -> Result:
    """The call waits for its time. The hours have not been asked yet: see machine.timed."""
    parked = replace(
        call, leg=None, verdict=None, dialled_at=None, answered_at=None, queued_at=None, redirected_to=None
    )
    return replace(parked, state=State.SCHEDULED, scheduled_for=until, not_before=until, reason=why,
                   place=None, ringing=(), agent=None, outside=None, promise=None, transfer=None,
                   recording=again(call)), ()  # fmt: skip


def judge(call: Call, at: datetime, cause: Cause) -> Call:
    """Write the verdict, unless one was written before."""
    return replace(call, verdict=call.verdict or Verdict(reason(cause).outcome, cause, at))


def end_as_judged(call: Call, at: datetime) -> Result:
    """The verdict is carried out. Whom it does not lead to the end is called back."""
    assert call.verdict
    cause = call.verdict.cause
    if cause.slug in CALLS_BACK:
        why = CALLS_BACK[cause.slug]
        from_ = at + timedelta(seconds=call.terms.later_s) if why is Why.ASKED else at
        return park(replace(call, cause=cause, rounds_left=call.terms.rounds), from_, Reason(why))
    if cause.slug in UNREACHED and call.partner is None:
        return _later_round(call, at, cause)
    return end(call, at, cause, call.verdict.outcome)


def must_prove(call: Call) -> bool:
    """Whether somebody answered who has not pressed 1 yet: it may be a machine."""
    asked = call.terms.prove is Prove.ALWAYS or (call.terms.prove is Prove.CALLBACKS and call.callback)
    inbound = call.request.direction is Direction.INBOUND and not call.callback
    return asked and not inbound and call.state is State.ANSWERED


def given_up(call: Call, at: datetime) -> Result:
    """The same, though nobody has said that the leg is gone: if it is not, it must be before anybody is rung again."""
    after, _ = end_as_judged(call, at)
    return after, (HangUp(present_leg(call)),) if after.state is State.SCHEDULED else ()


def present_leg(call: Call) -> str:
    """Raises NotNow."""
    if call.leg is None:
        raise NotNow(call, "the call has no leg")
    return call.leg


def in_time(call: Call, opening: Opening) -> bool:
    """Whether there is a time to call back at before the request is too old to be wanted."""
    last = call.accepted_at + timedelta(seconds=call.terms.keep_s)
    return opening.next_open_at is not None and opening.next_open_at < last


def at_time(call: Call, opening: Opening) -> Call:
    """The time and the reason that the desk gives."""
    return replace(call, scheduled_for=opening.next_open_at, reason=Reason(opening.why, opening.ru, opening.en))
