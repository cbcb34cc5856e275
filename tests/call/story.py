"""One call's life told step by step: what happens to it, in the words of the people and machines concerned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

from pbx_bridge.call import events as e
from pbx_bridge.call.commands import Command
from pbx_bridge.call.machine import NotNow, Step, accept, advance, deadline, take_in, unfold
from pbx_bridge.call.model import (
    By,
    Call,
    Channel,
    Confirmation,
    Device,
    DeviceKind,
    Direction,
    Opening,
    Request,
    Terms,
    Why,
)
from pbx_bridge.call.states import State
from pbx_bridge.phone import Phone

MORNING = datetime(2026, 1, 12, 6, 0, tzinfo=UTC)
OPEN = Opening(open=True)
CLOSED_TILL_NOON = Opening(open=False, next_open_at=MORNING + timedelta(hours=6), ru="Ночь.", en="night")
CLOSED_FOR_EVER = Opening(open=False)
LINE_FULL = Opening(open=False, why=Why.FULL)
BY_SMS = Confirmation(By.CODE, Channel.SMS)
BY_VOICE = Confirmation(By.CODE, Channel.VOICE)
BY_APP = Confirmation(By.CODE, Channel.TOTP)
BY_CLICK = Confirmation(By.CLICK)
DIGITS = ("9161234567", "9037654321", "4957770011")

_F = TypeVar("_F", bound=Callable[..., Any])


def devices(count: int) -> tuple[Device, ...]:
    """So many mobile phones of one citizen, each with a number of its own."""
    return tuple(Device(DeviceKind.MOBILE, phone=Phone(f"+7{digits}")) for digits in DIGITS[:count])


def request(count: int = 1) -> Request:
    """A citizen with `count` devices asks for the service `support`."""
    return Request(
        client="portal",
        user="u-1",
        service="support",
        queue="support",
        devices=devices(count),
        phone=Phone(f"+7{DIGITS[0]}"),
        subject="the SMS does not come",
        client_ref="ref-1",
    )


def seconds(count: float) -> timedelta:
    """A span of time."""
    return timedelta(seconds=count)


@dataclass
class Story:
    """A call, and everything that was published and wished since it was accepted.

    Each verb is one fact, 0.1 s after the last one unless `after` says otherwise. Facts are unfolded and may be
    refused one by one, as the conductor does it; `refused` keeps the reasons.
    """

    call: Call
    now: datetime = MORNING
    wishes: list[Command] = field(default_factory=list)
    news: list[str] = field(default_factory=list)
    path: list[State] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @classmethod
    def accepted(cls, *, count: int = 1, confirmation: Confirmation | None = None, **terms: Any) -> Self:
        """A request has been accepted; nothing was decided yet."""
        born = accept("call_1", "000000001", request(count), Terms(**terms), MORNING, confirmation=confirmation)
        story = cls(born.call)
        story._note(born)
        return story

    @classmethod
    def came_in(cls, *, count: int = 1, **terms: Any) -> Self:
        """Somebody dialled the public number; with `count` 0 the network did not say from where."""
        asked = replace(request(count), direction=Direction.INBOUND)
        born = take_in("call_h1x1", "000000001", asked, Terms(**terms), MORNING)
        story = cls(born.call)
        story._note(born)
        return story

    @classmethod
    def dialling(cls, *, count: int = 1, **terms: Any) -> Self:
        """The hours say open, and the first device is about to ring; where there are rounds, it was closed before."""
        if terms.get("rounds"):
            return cls.accepted(count=count, **terms).admitted(CLOSED_TILL_NOON).due()
        return cls.accepted(count=count, **terms).admitted()

    @classmethod
    def queued(cls, **terms: Any) -> Self:
        """The citizen has answered and waits in the queue."""
        return cls.dialling(**terms).rings().answers().joins()

    @classmethod
    def talking(cls, agent: str = "ann", **terms: Any) -> Self:
        """The citizen talks to an agent."""
        return cls.queued(**terms).offered_to(agent).talks_to(agent)

    # ── the request ──────────────────────────────────────────────────────────────────────────────────
    def admitted(self, opening: Opening = OPEN, after: float = 0.0) -> Self:
        return self.take(e.Admitted(opening), after)

    def code_sent(self, number: int = 1, after: float = 0.1) -> Self:
        return self.take(e.CodeSent(number), after)

    def code_not_sent(self, number: int = 1, after: float = 0.1) -> Self:
        return self.take(e.CodeNotSent(number, "the gateway refused"), after)

    def code_asked(self, channel: Channel = Channel.SMS, after: float = 0.1) -> Self:
        return self.take(e.CodeAsked(channel), after)

    def vouched(self) -> Self:
        return self.take(e.Vouched(), 0)

    def code_confirmed(self, opening: Opening = OPEN, after: float = 0.1) -> Self:
        return self.take(e.CodeConfirmed(opening), after)

    def mistyped(self, after: float = 0.1) -> Self:
        return self.take(e.CodeMismatch(), after)

    def due(self) -> Self:
        """Its time has come and there is a place for it."""
        assert self.call.scheduled_for
        self.now = self.call.scheduled_for
        return self.take(e.Due(), 0)

    def moved_to(self, to: datetime, opening: Opening, after: float = 0.1) -> Self:
        return self.take(e.MoveRequested("client:portal", to, opening), after)

    def rescheduled(self, opening: Opening, after: float = 0.1) -> Self:
        return self.take(e.Rescheduled(opening), after)

    def keeps_place(self, after: float = 0.1) -> Self:
        return self.take(e.CallbackRequested("client:portal"), after)

    def chooses(self, choice: e.Choice, after: float = 0.1) -> Self:
        return self.take(e.Chosen(self.leg, choice), after)

    def aborted(self, after: float = 0.1) -> Self:
        return self.take(e.AbortRequested("client:portal"), after)

    def redirected(self, queue: str = "sales", after: float = 0.1) -> Self:
        return self.take(e.RedirectRequested("supervisor", queue), after)

    def time_passes(self) -> Self:
        """Nothing is heard until the deadline of the present state, then our own timer speaks."""
        due = deadline(self.call)
        assert due
        self.now = max(due, self.now)
        return self.take(e.TimeUp(self.call.state), 0)

    # ── the device ───────────────────────────────────────────────────────────────────────────────────
    def rings(self, after: float = 0.1) -> Self:
        return self.take(e.DeviceRang(self.leg), after)

    def answers(self, after: float = 0.1) -> Self:
        return self.take(e.DeviceAnswered(self.leg), after)

    def says_goodbye(self, after: float = 0.1) -> Self:
        return self.take(e.DeviceHungUp(self.leg), after)

    def leg_gone(self, sip: int | None = None, q850: int | None = None, after: float = 0.1) -> Self:
        return self.take(e.DeviceGone(self.leg, sip, q850), after)

    def hangs_up(self) -> Self:
        """The citizen says goodbye, and the leg is gone."""
        return self.says_goodbye().leg_gone(q850=16)

    def machine_answers(self, after: float = 0.1) -> Self:
        return self.take(e.MachineAnswered(self.leg), after)

    def holds(self, after: float = 0.1) -> Self:
        return self.take(e.Held(self.leg), after)

    def unholds(self, after: float = 0.1) -> Self:
        return self.take(e.Unheld(self.leg), after)

    def limit_reached(self, after: float = 0.1) -> Self:
        return self.take(e.LimitReached(self.leg), after)

    # ── the queue ────────────────────────────────────────────────────────────────────────────────────
    def joins(self, queue: str = "support", position: int = 3, after: float = 0.1) -> Self:
        return self.take(e.QueueJoined(self.leg, queue, position), after)

    def moves_to(self, position: int, likely_s: int | None = None, at_most_s: int | None = None) -> Self:
        return self.take(e.QueueMoved(self.leg, position, likely_s, at_most_s))

    def queue_gives_up(self, status: str, after: float = 0.1) -> Self:
        return self.take(e.QueueLeft(self.leg, status), after)

    def offered_to(self, agent: str, after: float = 0.1) -> Self:
        return self.take(e.AgentRang(self.leg, agent), after)

    def declined_by(self, agent: str, after: float = 0.1) -> Self:
        return self.take(e.AgentDeclined(self.leg, agent), after)

    def talks_to(self, agent: str, after: float = 0.1) -> Self:
        return self.take(e.AgentAnswered(self.leg, agent), after)

    def agent_leaves(self, agent: str, why: str = "agent", after: float = 0.1) -> Self:
        return self.take(e.AgentGone(self.leg, agent, why), after)

    def agent_hangs_up(self, agent: str = "ann") -> Self:
        """The agent says goodbye, Queue() comes back to the dialplan, which hangs up."""
        return self.agent_leaves(agent).queue_gives_up("CONTINUE").leg_gone(q850=16)

    # ── the door ─────────────────────────────────────────────────────────────────────────────────────
    def take(self, event: e.Event, after: float = 0.1) -> Self:
        """One fact with everything that it implies, `after` seconds later."""
        self.now += seconds(after)
        for each in unfold(self.call, event):
            try:
                self._note(advance(self.call, each, self.now))
            except NotNow as refusal:
                self.refused.append(refusal.why)
        return self

    def _note(self, step: Step) -> None:
        self.call = step.call
        self.wishes += step.commands
        if step.news:
            self.news.append(step.news)
        if not self.path or self.path[-1] is not step.call.state:
            self.path.append(step.call.state)

    # ── what a test looks at ─────────────────────────────────────────────────────────────────────────
    @property
    def leg(self) -> str:
        """The present leg."""
        assert self.call.leg
        return self.call.leg

    @property
    def state(self) -> str:
        return self.call.state.value

    @property
    def end(self) -> tuple[str, str]:
        """The outcome and the slug of the cause; fails when the call is not over."""
        assert self.call.outcome, f"the call has not ended, it is {self.call.state}"
        assert self.call.cause
        return self.call.outcome.value, self.call.cause.slug

    @property
    def verdict(self) -> str | None:
        """The slug of what the end will be called."""
        return self.call.verdict.cause.slug if self.call.verdict else None

    @property
    def last_wish(self) -> Command | None:
        return self.wishes[-1] if self.wishes else None
