"""The one door of the call machine: `advance`. Beside it `accept` and `take_in`, the births, and `deadline`, when to
wake it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from . import events as e
from .attempts import end, in_time
from .causes import Cause, Source
from .commands import Command
from .consent import wanted
from .model import (
    By,
    Call,
    Confirmation,
    Opening,
    Reason,
    Request,
    Terms,
    Verdict,
    WhenFull,
    deadline_of_code,
    leg_id,
    public_view,
)
from .moves import CHOICES
from .recording import news as recording_news
from .refusal import NotNow
from .second_step import to_send
from .states import WITHOUT_LEG, State
from .table import TABLE
from .transfers import warns_at

__all__ = ["NotNow", "Step", "accept", "advance", "deadline", "merged", "take_in", "timed", "unfold"]


@dataclass(frozen=True, slots=True)
class Step:
    """The next call, the wishes that follow, and the type of the event to publish (None: nothing to see)."""

    call: Call
    commands: tuple[Command, ...] = ()
    news: str | None = None


def accept(
    call_id: str, ticket: str, request: Request, terms: Terms, at: datetime, *, confirmation: Confirmation | None
) -> Step:
    """A call is born. It is accepted, nothing rings yet. `confirmation`: the second step that must follow."""
    call = Call(
        id=call_id,
        ticket=ticket,
        request=request,
        terms=terms,
        accepted_at=at,
        state_since=at,
        revision=1,
        confirmation=confirmation and replace(confirmation, asked_at=at),
        told_at=at,
        recording=wanted(request, terms),
    )
    return Step(call, to_send(call), "call.accepted")


def take_in(call_id: str, ticket: str, request: Request, terms: Terms, at: datetime) -> Step:
    """Somebody dialled the public number, and Asterisk has answered: a call is born with its leg."""
    born = accept(call_id, ticket, request, terms, at, confirmation=None)
    up = replace(born.call, state=State.ANSWERED, attempt=1, leg=leg_id(call_id, 1), dialled_at=at, answered_at=at)
    return replace(born, call=up)


def timed(step: Step, opening: Opening) -> Step:
    """A call that has just been parked is given its time by the desk, which only the caller can ask: `opening` is its
    answer for `not_before`. Where there is no such time, the call ends. Nothing else may have happened to it in
    between."""
    if step.call.state is not State.SCHEDULED:
        return step
    if not in_time(step.call, opening):
        ended, _ = end(step.call, step.call.state_since, Cause("callback_expired", Source.SERVICE))
        return Step(ended, step.commands, "call.ended")
    reason = Reason(opening.why, opening.ru, opening.en)
    return replace(step, call=replace(step.call, scheduled_for=opening.next_open_at, reason=reason))


def merged(step: Step, at: datetime) -> Step:
    """Instead of waiting for its time the call ends: the citizen has another that does, and one callback is enough."""
    ended, _ = end(step.call, at, Cause("callback_merged", Source.SERVICE))
    return Step(ended, step.commands, "call.ended")


def advance(call: Call, event: e.Event, at: datetime) -> Step:
    """One fact, one step. Raises NotNow when the table has no such move; then nothing has changed."""
    move = TABLE[call.state].get(type(event))
    if move is None:
        raise NotNow(call, f"there is no move for {type(event).__name__}")
    _same_subject(call, event, at)
    after, commands = move.do(call, event, at)
    if after.state is not call.state:
        after = replace(after, state_since=at, previous_state=call.state)
    elif after.attempt != call.attempt:
        after = replace(after, state_since=at)
    news = _news(call, after)
    return Step(replace(after, revision=call.revision + 1, told_at=at) if news else after, commands, news)


def unfold(call: Call, event: e.Event) -> Iterator[e.Event]:
    """The facts that must have happened before `event`, then `event`.

    ARI and AMI are two connections: the queue's word can overtake the device's. And after a crash only the last
    of several facts may be left to see. Either way the history shows every stage.
    """
    if call.state is State.REQUESTED and isinstance(event, e.CodeConfirmed | e.CodeMismatch) and call.confirmation:
        by_code = call.confirmation.by is By.CODE
        yield e.CodeSent(call.confirmation.number) if by_code else e.Vouched()
    if isinstance(event, e.LegEvent) and event.leg == call.leg:
        offered = isinstance(event, e.AgentRang | e.AgentAnswered)
        if call.state in (State.DIALING, State.RINGING) and (offered or isinstance(event, _AFTER_ANSWER)):
            yield e.DeviceAnswered(event.leg)
        if offered and call.state in (State.DIALING, State.RINGING, State.ANSWERED):
            yield e.QueueJoined(event.leg, call.queue, 1)
        if isinstance(event, e.AgentAnswered) and event.agent not in call.ringing and call.state in _BEFORE_TALK:
            yield e.AgentRang(event.leg, event.agent)
    yield event


#: What the dialplan says of a leg that was answered.
_AFTER_ANSWER = (
    e.QueueJoined, e.QueueLeft, e.MachineAnswered, e.Chosen, e.LimitReached, e.RecordingArmed, e.RecordingRefused,
)  # fmt: skip

#: Elsewhere an agent's answer implies nothing: it is late, or about a queue that is being left.
_BEFORE_TALK = frozenset({State.DIALING, State.RINGING, State.ANSWERED, State.QUEUED, State.OFFERED})


def deadline(call: Call) -> datetime | None:
    """When the call must be woken with TimeUp (Due, when scheduled) unless a fact comes first. None: it is over."""
    terms = call.terms
    grace = timedelta(seconds=terms.grace_s)
    if call.state is State.ENDED:
        return None
    if call.verdict:
        return call.verdict.at + _farewell(call.verdict, terms) + grace
    if call.state is State.REQUESTED:
        return call.accepted_at + timedelta(seconds=terms.start_s)
    if call.state is State.AWAITING_CODE:
        return deadline_of_code(call)
    if call.state is State.SCHEDULED:
        return call.scheduled_for
    return warns_at(call) or _leg_deadline(call) + grace


def _farewell(verdict: Verdict, terms: Terms) -> timedelta:
    """How long the dialplan still speaks to somebody who chose by a key, or whom the queue gave up."""
    chose = verdict.cause.source is Source.CITIZEN and verdict.cause.slug in CHOICES.values()
    return timedelta(seconds=terms.prompt_s if chose or verdict.cause.source is Source.QUEUE else 0)


def _leg_deadline(call: Call) -> datetime:
    """When Asterisk's own timer ends what the leg is doing; the limit bounds everything after the answer."""
    terms = call.terms
    if call.state in (State.DIALING, State.RINGING):
        return (call.dialled_at or call.state_since) + timedelta(seconds=terms.ring_s)
    limit = call.limit_at or call.state_since + timedelta(seconds=call.limit_s)
    # Whoever waited in vain may be offered a callback, or told of another queue, which takes its time.
    wait = terms.queue_s + (0 if terms.then is WhenFull.END else terms.prompt_s)
    own = {
        State.ANSWERED: call.state_since + timedelta(seconds=terms.prompt_s),
        State.QUEUED: (call.queued_at or call.state_since) + timedelta(seconds=wait),
        State.OFFERED: (call.queued_at or call.state_since) + timedelta(seconds=wait),
        State.TRANSFERRING: call.state_since + timedelta(seconds=terms.transfer_s),
    }
    return min(limit, own.get(call.state, limit))


def _same_subject(call: Call, event: e.Event, at: datetime) -> None:
    if isinstance(event, e.LegEvent) and event.leg != call.leg:
        raise NotNow(call, "the fact is about another leg")
    if isinstance(event, e.TimeUp):
        due = _expiry(call)
        if event.state is not call.state or due is None or at < due:
            raise NotNow(call, "its time is not up")


def _expiry(call: Call) -> datetime | None:
    """When TimeUp is allowed: the deadline; a scheduled call instead lives until it is too old to be wanted."""
    if call.state is State.SCHEDULED:
        return call.accepted_at + timedelta(seconds=call.terms.keep_s)
    return deadline(call)


def _news(before: Call, after: Call) -> str | None:
    if public_view(before) == public_view(after):
        return None
    if after.state is not before.state:
        return _TOLD_AS.get(after.state, "call.state_changed")
    if after.attempt != before.attempt:
        return "call.state_changed"
    if after.place != before.place:
        return "call.queue_updated"
    if after.state is State.TALKING and after.agent != before.agent:
        return "call.redirected"
    if after.warned and not before.warned:
        return "call.limit_warning"
    return recording_news(before, after) or "call.updated"


_TOLD_AS = {
    State.ENDED: "call.ended",
    State.SCHEDULED: "call.scheduled",
    State.TRANSFERRING: "call.redirected",
}


def has_leg(call: Call) -> bool:
    """Whether Asterisk may have a channel for this call."""
    return call.state not in WITHOUT_LEG and call.state is not State.ENDED
