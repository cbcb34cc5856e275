"""From one human to another, and how long it may all take. The verbs are rows of `table.py`.

The citizen is never dropped by a transfer: one that cannot be leaves them with the agent they had; one that fails on
its way leads back to the call's own queue, by Asterisk's dialplan (dialplan/transfers.conf) or, where that is silent,
by us.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from . import events as e
from .attempts import Result, given_up, judge, must_prove, present_leg
from .causes import Cause, Source
from .commands import Command, Forward, HangUp, Redirect, SetLimit
from .model import Call, Transfer, TransferBy
from .recording import told_anew
from .refusal import NotNow
from .states import WITHOUT_LEG, State


def redirect(call: Call, event: e.RedirectRequested, at: datetime) -> Result:
    """Away from whoever talks, rings or lets wait. The agent is remembered: a transfer that cannot be leads back."""
    if call.verdict:
        raise NotNow(call, "it is ending")
    if must_prove(call):
        raise NotNow(call, "nobody has proved yet to be there")
    leg = present_leg(call)
    if event.number is not None:
        moved = replace(call, transfer=Transfer(TransferBy.REQUEST, number=event.number))
        wish: Command = Forward(leg, event.number)
    else:
        moved = replace(call, transfer=Transfer(TransferBy.REQUEST, event.queue), redirected_to=event.queue)
        wish = Redirect(leg, event.queue)
    return replace(moved, state=State.TRANSFERRING, ringing=(), place=None), (wish,)


def send_on(call: Call, event: e.AgentTransferred, at: datetime) -> Result:
    """The agent's own telephone does it, and Asterisk carries it out: nothing is left to wish."""
    if call.transfer and call.transfer.by is TransferBy.REQUEST:
        raise NotNow(call, "a transfer is on its way")
    if event.met and event.to:
        return told_anew(talk_with(call, agent=event.to))
    return replace(call, state=State.TRANSFERRING, transfer=Transfer(TransferBy.AGENT, event.to)), ()


def part_agent(call: Call, event: e.AgentGone, at: datetime) -> Result:
    if event.agent != call.agent:
        raise NotNow(call, "another agent talks now")
    if event.why == "transfer":
        return replace(call, state=State.TRANSFERRING, transfer=Transfer(TransferBy.AGENT)), ()
    by_citizen = event.why == "caller"
    cause = Cause("citizen_hung_up", Source.CITIZEN) if by_citizen else Cause("agent_hung_up", Source.AGENT)
    return judge(call, at, cause), ()


def meet(call: Call, event: e.AgentAnswered, at: datetime) -> Result:
    """Whom the agent's transfer led to. While a redirect of ours is on its way it is the old queue's agent who answers:
    to them a redirect that cannot be leads back."""
    if call.transfer and call.transfer.by is TransferBy.AGENT:
        return told_anew(talk_with(call, agent=event.agent))
    return replace(call, agent=event.agent, outside=None), ()


def meet_outside(call: Call, _: e.OutsideAnswered, at: datetime) -> Result:
    number = call.transfer.number if call.transfer else None
    return told_anew(talk_with(call, outside=number or "outside"))


def talk_with(call: Call, *, agent: str | None = None, outside: str | None = None) -> Call:
    """Somebody answered, and the citizen is theirs."""
    left = call.verdict and call.verdict.cause.slug == "agent_hung_up"
    return replace(
        call,
        state=State.TALKING,
        agent=agent,
        outside=outside,
        ringing=(),
        place=None,
        transfer=None,
        # Whoever had left the talk before did not end the call after all.
        verdict=None if left else call.verdict,
    )


def fail_transfer(call: Call, event: e.TransferFailed, at: datetime) -> Result:
    """Never drop the citizen: back to whom they talked with, else to the call's own queue."""
    if call.verdict:
        raise NotNow(call, "it is ending")
    if event.returns:
        # Asterisk is bringing them there: a new deadline, and nothing to wish.
        return _turned_back(call, at), ()
    if call.partner:
        return replace(call, state=State.TALKING, redirected_to=None, transfer=None), ()
    return _back_to_queue(call, at)


def overdue_transfer(call: Call, _: e.TimeUp, at: datetime) -> Result:
    if call.verdict:
        return given_up(call, at)
    return _back_to_queue(call, at)


def _turned_back(call: Call, at: datetime) -> Call:
    return replace(call, redirected_to=None, transfer=None, agent=None, outside=None, state_since=at)


def _back_to_queue(call: Call, at: datetime) -> Result:
    """To the call's own queue, and only when that was tried too: give up."""
    if call.transfer or call.redirected_to:
        return _turned_back(call, at), (Redirect(present_leg(call), call.request.queue),)
    return judge(call, at, Cause("stuck", Source.TIMER)), (HangUp(present_leg(call)),)


# ── the time limit ───────────────────────────────────────────────────────────────────────────────────────
def set_limit(call: Call, event: e.LimitRequested, at: datetime) -> Result:
    """Asterisk keeps it: whatever becomes of this service, the call ends by then. One that has passed ends it now."""
    if call.verdict:
        raise NotNow(call, "it is ending")
    if event.time_limit_s == call.limit_s:
        raise NotNow(call, "that is the limit")
    changed = replace(call, time_limit_s=event.time_limit_s, warned=False)
    wishes = () if call.state in WITHOUT_LEG else (SetLimit(present_leg(call), event.time_limit_s),)
    return changed, wishes


def warns_at(call: Call) -> datetime | None:
    """When somebody who talks is to be told that the time will be up soon. None: they were, or the limit is too short
    for a warning."""
    limit, lead = call.limit_at, call.terms.warn_s
    if limit is None or call.warned or call.verdict or not 0 < lead < call.limit_s:
        return None
    return limit - timedelta(seconds=lead) if call.state in (State.TALKING, State.ON_HOLD) else None


def warn(call: Call) -> Result:
    """The time will be up soon."""
    return replace(call, warned=True), ()
