"""The whole life of a call: from which state, on which fact, by which move, to which states.

Laws, shown by tests/call/test_laws*.py for every reachable call and every fact:

1. A pair that is not in the table changes nothing and raises NotNow.
2. `ended` is left by nothing.
3. A move ends in one of the states that its row names.
4. Every state but `ended` has a deadline, and its TimeUp leads to the end in a bounded number of steps.
5. A fact about another leg than the present one changes nothing.
6. `outcome` and `cause` are there exactly in `ended` (a `cause` may also tell why the last attempt failed).
7. The phase never runs backwards within an attempt.
8. A wish names the present leg. One attempt is one wish to dial, on a leg of its own (a call that comes in brings its
   first one along), and none follows an abort.
9. A call with a leg ends, or waits to be called back, when the leg is gone, or when nothing was heard of it past its
   deadline; then what may be left of it is hung up before anybody is rung again.
10. Where a second step is asked for, nothing is dialled before it is taken.
11. The revision grows by one with news and only then. `call.ended` is told once, and last.
12. Who chose to be called back is called back, whatever is heard of their leg or not heard. An abort alone takes the
    choice's place; without a device to ring, the end says so.
13. Who is called back is not brought to a queue before they have proved to be there. A hang-up before that was a
    machine's, and is tried again.
14. `scheduled_for` and `reason` are there exactly in `scheduled`.
15. A call that had to wait is not lost by an attempt that reached nobody: while it has rounds left, it is tried again.
16. Nothing is recorded without stored consent, nothing before the notice was heard, nothing after a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import events as e
from . import moves as m
from . import recording as r
from . import second_step as second
from . import transfers as t
from .attempts import Result
from .states import State as S


@dataclass(frozen=True, slots=True)
class Move:
    """One row: the verb, and the states it may lead to."""

    do: Callable[[Any, Any, Any], Result]
    to: frozenset[S]


def _move(do: Callable[[Any, Any, Any], Result], *to: S) -> Move:
    return Move(do, frozenset(to))


_TRIED = (S.DIALING, S.SCHEDULED, S.ENDED)
_BEFORE_ANSWER: Mapping[type[e.Event], Move] = {
    e.DeviceAnswered: _move(m.answer, S.ANSWERED),
    e.DeviceGone: _move(m.fail_attempt, *_TRIED),
    e.EndedUnseen: _move(m.fail_unseen, *_TRIED),
    e.LegLost: _move(m.lose, S.SCHEDULED, S.ENDED),
}
_CODE: Mapping[type[e.Event], Move] = {
    e.CodeSent: _move(second.await_code, S.AWAITING_CODE),
    e.CodeNotSent: _move(second.miss_code, S.AWAITING_CODE),
}


def _anywhere(state: S) -> Mapping[type[e.Event], Move]:
    """What can be asked of a call whatever it does."""
    return {e.LimitRequested: _move(t.set_limit, state), e.ConsentWithdrawn: _move(r.withdraw, state)}


def _up(state: S) -> Mapping[type[e.Event], Move]:
    """What can happen to a recording while the citizen is on the line."""
    return {
        **_anywhere(state),
        e.RecordingArmed: _move(r.arm, state),
        e.RecordingRefused: _move(r.refuse, state),
        e.RecordingPaused: _move(r.pause, state),
        e.RecordingResumed: _move(r.resume, state),
    }


TABLE: Mapping[S, Mapping[type[e.Event], Move]] = {
    S.REQUESTED: {
        **_anywhere(S.REQUESTED),
        **_CODE,
        e.Vouched: _move(second.vouch, S.AWAITING_CODE),
        e.CodeAsked: _move(second.ask_code, S.REQUESTED, S.AWAITING_CODE),
        e.Admitted: _move(second.let_in, *_TRIED),
        e.AbortRequested: _move(second.cancel, S.ENDED),
        e.TimeUp: _move(second.expire, S.AWAITING_CODE, S.ENDED),
    },
    S.AWAITING_CODE: {
        **_anywhere(S.AWAITING_CODE),
        **_CODE,
        e.CodeAsked: _move(second.ask_code, S.AWAITING_CODE),
        e.CodeMismatch: _move(second.mismatch, S.AWAITING_CODE, S.ENDED),
        e.CodeConfirmed: _move(second.confirm, *_TRIED),
        e.AbortRequested: _move(second.cancel, S.ENDED),
        e.TimeUp: _move(second.expire, S.ENDED),
    },
    S.SCHEDULED: {
        **_anywhere(S.SCHEDULED),
        e.Due: _move(m.start_scheduled, S.DIALING),
        e.Rescheduled: _move(m.reschedule, S.SCHEDULED, S.ENDED),
        e.MoveRequested: _move(m.move, S.SCHEDULED),
        e.AbortRequested: _move(second.cancel, S.ENDED),
        e.TimeUp: _move(second.expire, S.ENDED),
    },
    S.DIALING: {
        **_anywhere(S.DIALING),
        **_BEFORE_ANSWER,
        e.DeviceRang: _move(m.ring, S.RINGING),
        e.NotDialled: _move(m.fail_undialled, *_TRIED),
        e.AbortRequested: _move(m.abort, S.DIALING),
        e.TimeUp: _move(m.overdue, S.DIALING, S.SCHEDULED, S.ENDED),
    },
    S.RINGING: {
        **_anywhere(S.RINGING),
        **_BEFORE_ANSWER,
        e.AbortRequested: _move(m.abort, S.RINGING),
        e.TimeUp: _move(m.overdue, S.RINGING, S.SCHEDULED, S.ENDED),
    },
    S.ANSWERED: {
        **_up(S.ANSWERED),
        e.QueueJoined: _move(m.join, S.QUEUED),
        e.QueueLeft: _move(m.leave_queue, S.ANSWERED),
        e.MachineAnswered: _move(m.reject_machine, S.ANSWERED),
        e.DeviceHungUp: _move(m.part, S.ANSWERED),
        e.LimitReached: _move(m.reach_limit, S.ANSWERED),
        e.DeviceGone: _move(m.finish, *_TRIED),
        e.LegLost: _move(m.lose, S.SCHEDULED, S.ENDED),
        e.RedirectRequested: _move(t.redirect, S.TRANSFERRING),
        e.Chosen: _move(m.choose, S.ANSWERED),
        e.CallbackRequested: _move(m.keep_place, S.ANSWERED),
        e.AbortRequested: _move(m.abort, S.ANSWERED),
        e.TimeUp: _move(m.overdue, S.ANSWERED, S.SCHEDULED, S.ENDED),
    },
    S.QUEUED: {
        **_up(S.QUEUED),
        e.QueueJoined: _move(m.join, S.QUEUED),
        e.QueueMoved: _move(m.move_up, S.QUEUED),
        e.AgentRang: _move(m.offer, S.OFFERED),
        e.QueueLeft: _move(m.leave_queue, S.QUEUED),
        e.DeviceHungUp: _move(m.part, S.QUEUED),
        e.LimitReached: _move(m.reach_limit, S.QUEUED),
        e.DeviceGone: _move(m.finish, *_TRIED),
        e.LegLost: _move(m.lose, S.SCHEDULED, S.ENDED),
        e.RedirectRequested: _move(t.redirect, S.TRANSFERRING),
        e.Chosen: _move(m.choose, S.QUEUED),
        e.CallbackRequested: _move(m.keep_place, S.QUEUED),
        e.AbortRequested: _move(m.abort, S.QUEUED),
        e.TimeUp: _move(m.overdue, S.QUEUED, S.SCHEDULED, S.ENDED),
    },
    S.OFFERED: {
        **_up(S.OFFERED),
        e.QueueJoined: _move(m.join, S.QUEUED),
        e.QueueMoved: _move(m.move_up, S.OFFERED),
        e.AgentRang: _move(m.offer, S.OFFERED),
        e.AgentDeclined: _move(m.decline, S.OFFERED, S.QUEUED),
        e.AgentAnswered: _move(m.connect, S.TALKING),
        e.QueueLeft: _move(m.leave_queue, S.OFFERED),
        e.DeviceHungUp: _move(m.part, S.OFFERED),
        e.LimitReached: _move(m.reach_limit, S.OFFERED),
        e.DeviceGone: _move(m.finish, *_TRIED),
        e.LegLost: _move(m.lose, S.SCHEDULED, S.ENDED),
        e.RedirectRequested: _move(t.redirect, S.TRANSFERRING),
        e.Chosen: _move(m.choose, S.OFFERED),
        e.CallbackRequested: _move(m.keep_place, S.OFFERED),
        e.AbortRequested: _move(m.abort, S.OFFERED),
        e.TimeUp: _move(m.overdue, S.OFFERED, S.SCHEDULED, S.ENDED),
    },
    S.TALKING: {
        **_up(S.TALKING),
        e.QueueJoined: _move(m.join, S.QUEUED),
        e.AgentGone: _move(t.part_agent, S.TALKING, S.TRANSFERRING),
        e.AgentTransferred: _move(t.send_on, S.TALKING, S.TRANSFERRING),
        e.Held: _move(m.hold, S.ON_HOLD),
        e.QueueLeft: _move(m.leave_talk, S.TALKING),
        e.DeviceHungUp: _move(m.part, S.TALKING),
        e.LimitReached: _move(m.reach_limit, S.TALKING),
        e.DeviceGone: _move(m.finish, S.SCHEDULED, S.ENDED),
        e.LegLost: _move(m.lose, S.SCHEDULED, S.ENDED),
        e.RedirectRequested: _move(t.redirect, S.TRANSFERRING),
        e.AbortRequested: _move(m.abort, S.TALKING),
        e.TimeUp: _move(m.overdue, S.TALKING, S.SCHEDULED, S.ENDED),
    },
    S.ON_HOLD: {
        **_up(S.ON_HOLD),
        e.QueueJoined: _move(m.join, S.QUEUED),
        e.AgentGone: _move(t.part_agent, S.ON_HOLD, S.TRANSFERRING),
        e.AgentTransferred: _move(t.send_on, S.TALKING, S.TRANSFERRING),
        e.Unheld: _move(m.unhold, S.TALKING),
        e.QueueLeft: _move(m.leave_talk, S.ON_HOLD),
        e.DeviceHungUp: _move(m.part, S.ON_HOLD),
        e.LimitReached: _move(m.reach_limit, S.ON_HOLD),
        e.DeviceGone: _move(m.finish, S.SCHEDULED, S.ENDED),
        e.LegLost: _move(m.lose, S.SCHEDULED, S.ENDED),
        e.RedirectRequested: _move(t.redirect, S.TRANSFERRING),
        e.AbortRequested: _move(m.abort, S.ON_HOLD),
        e.TimeUp: _move(m.overdue, S.ON_HOLD, S.SCHEDULED, S.ENDED),
    },
    S.TRANSFERRING: {
        **_up(S.TRANSFERRING),
        e.QueueJoined: _move(m.join, S.QUEUED),
        e.AgentAnswered: _move(t.meet, S.TRANSFERRING, S.TALKING),
        e.AgentTransferred: _move(t.send_on, S.TALKING, S.TRANSFERRING),
        e.OutsideAnswered: _move(t.meet_outside, S.TALKING),
        e.TransferFailed: _move(t.fail_transfer, S.TALKING, S.TRANSFERRING),
        e.QueueLeft: _move(m.leave_queue, S.TRANSFERRING),
        e.DeviceHungUp: _move(m.part, S.TRANSFERRING),
        e.LimitReached: _move(m.reach_limit, S.TRANSFERRING),
        e.Chosen: _move(m.choose, S.TRANSFERRING),
        e.DeviceGone: _move(m.finish, S.SCHEDULED, S.ENDED),
        e.LegLost: _move(m.lose, S.SCHEDULED, S.ENDED),
        e.AbortRequested: _move(m.abort, S.TRANSFERRING),
        e.TimeUp: _move(t.overdue_transfer, S.TRANSFERRING, S.SCHEDULED, S.ENDED),
    },
    S.ENDED: {},
}
