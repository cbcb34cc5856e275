"""One citizen's leg in a FakeExchange: what dialplan/device-answered.conf and Asterisk's timers do with it.

Prompts take no time here, but for a question there is time to think.

Every fact is told in the order in which the real Asterisk tells it, as the contract tests found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ..call import events as e
from ..call.model import WhenFull
from ..call.recovery import NOBODY, LegSeen, LegState, Trace
from ..conductor.ports import DialOrder
from .fake_partners import AgentTalk, OutsideTalk
from .fake_people import DECLINED, Agent, Citizen
from .fake_queues import FakeQueue, Offer
from .fake_recorder import FakeRecorder

#: From an INVITE to the first answer of the other side (seconds).
NETWORK_S = 0.01
#: ITU-T Q.850 causes that Asterisk 22 makes of SIP answers (docs/causes.md).
Q850 = {
    403: 21, 404: 1, 408: 18, 480: 19, 484: 28, 486: 17, 488: 58, 500: 38, 503: 34, 600: 17, 603: 21,
}  # fmt: skip
NORMAL, NO_ANSWER = 16, 19
#: How long a question waits for a key, and until somebody who presses by himself has understood it (seconds).
THINK_S, PRESS_S = 6.0, 2.0
#: How somebody outside is seen: by the trunk's interface.
OUTSIDE = "PJSIP/operator"
#: Queue() never let the caller in.
NOT_LET_IN = ("UNKNOWN", "FULL", "JOINEMPTY", "JOINUNAVAIL")


class Switch(Protocol):
    """What a leg needs of its exchange."""

    @property
    def queues(self) -> Mapping[str, FakeQueue]: ...
    @property
    def step_s(self) -> float: ...
    @property
    def recorder(self) -> FakeRecorder: ...
    def later(self, seconds: float, do: Callable[[], None]) -> Callable[[], None]: ...
    def now(self) -> datetime: ...
    def tell(self, fact: e.LegEvent) -> None: ...
    def remember(self, leg: str, trace: Trace) -> None: ...


@dataclass(frozen=True)
class Question:
    """What each key does, and what silence does after so many `tries`. `again`: a wrong key is as good as none."""

    keys: Mapping[str, Callable[[], None]]
    silence: Callable[[], None]
    tries: int = 1
    again: bool = False


class FakeLeg:
    """From the INVITE to the leg's end. It is the citizen's Talk and the queue's Caller."""

    def __init__(self, order: DialOrder, citizen: Citizen, switch: Switch) -> None:
        self.id = order.leg
        self.state = LegState.DOWN
        self._order, self._citizen, self._switch = order, citizen, switch
        self._timers: list[Callable[[], None]] = []
        self._answered_at: datetime | None = None
        self._queue: str | None = None
        self._left: str | None = None
        self._agent: Agent | None = None
        self._agent_name: str | None = None
        self._waited_s: int | None = None
        self._limit_reached = False
        self._former: list[str] = []
        self._question: Question | None = None
        self._home, self._then = order.queue, order.then
        self.tape = switch.recorder.tape(order, switch)
        self._outside: OutsideTalk | None = None
        self._stop_limit: Callable[[], None] = lambda: None
        self._limit_s = order.time_limit_s
        self.over = False

    # ── before the answer ────────────────────────────────────────────────────────────────────────────
    def invite(self) -> None:
        """Ring the citizen's telephone."""
        self._later(self._order.ring_s, lambda: self._gone(480, NO_ANSWER, sent=False))
        if self._citizen.rings:
            self._later(NETWORK_S, self._ring)
        else:
            self._citizen.takes(self, self._later)

    def _ring(self) -> None:
        self.state = LegState.RINGING
        self._switch.tell(e.DeviceRang(self.id))
        self._citizen.takes(self, self._later)

    def decline(self, sip: int) -> None:
        """The citizen's telephone, or the network, says no."""
        if self.state is not LegState.UP:
            self._gone(sip, Q850.get(sip))

    def answer(self) -> None:
        """The citizen picks up."""
        if self.over or self.state is LegState.UP:
            return
        self._stop_timers()
        self.state = LegState.UP
        self._answered_at = self._switch.now()
        self._switch.tell(e.DeviceAnswered(self.id))
        self.set_limit(self._limit_s, self._limit_s)
        self._citizen.talks(self, self._later)
        self._later(self._switch.step_s, self._go_on)

    def _go_on(self) -> None:
        """What the dialplan does with whoever has answered."""
        if not self._order.prove:
            self.to_queue(self._order.queue)
            return
        keys = {
            "1": lambda: self.to_queue(self._order.queue),
            "2": lambda: self._choose(e.Choice.LATER),
            "3": lambda: self._choose(e.Choice.CANCEL),
        }
        self._ask(Question(keys, self._reject_machine, tries=2, again=True))

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────
    def _ask(self, question: Question) -> None:
        self._question = question
        self._later(THINK_S, lambda: self._unanswered(question))
        key = self._citizen.next_key()
        if key:
            self._later(PRESS_S, lambda: self._replies(question, key))

    def _replies(self, question: Question, key: str) -> None:
        if self._question is question and not self.over:
            self._pressed(key)

    def _unanswered(self, question: Question) -> None:
        if self._question is not question or self.over:
            return
        if question.tries > 1:
            self._ask(replace(question, tries=question.tries - 1))
        else:
            self._question = None
            question.silence()

    def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            if not self.over:
                self._pressed(key)

    def _pressed(self, key: str) -> None:
        question = self._question
        if question is None:
            if key == "1" and self._then is WhenFull.CALLBACK and self._waits:
                self._choose(e.Choice.CALLBACK)
        elif key not in question.keys:
            if not question.again:
                question = self._question = replace(question, tries=1)
            self._unanswered(question)
        else:
            self._question = None
            question.keys[key]()

    def _choose(self, choice: e.Choice) -> None:
        self._leave_queue()
        self._left = choice.value
        self._switch.tell(e.Chosen(self.id, choice))
        self._later(self._switch.step_s, lambda: self._gone(None, NORMAL))

    def _reject_machine(self) -> None:
        self._left = NOBODY
        self._switch.tell(e.MachineAnswered(self.id))
        self._gone(None, NORMAL)

    @property
    def _waits(self) -> bool:
        queue = self._switch.queues.get(self._queue or "")
        return queue is not None and queue.place(self) is not None

    # ── the queue ────────────────────────────────────────────────────────────────────────────────────
    def to_queue(self, name: str) -> None:
        """The dialplan's context of this name."""
        self._leave_all()
        self._queue, self._left, self._agent_name, self._waited_s = name, None, None, None
        queue = self._switch.queues.get(name)
        if queue is None:
            self.turned_away("UNKNOWN")
            return
        self.tape.before_queue(refuses=self._citizen.minds_recording)
        position = queue.join(self, self._order.queue_s, self._order.priority)
        if position is None:
            self.turned_away("JOINEMPTY")
        else:
            self._switch.tell(e.QueueJoined(self.id, name, position))

    def _leave_all(self) -> None:
        if self._agent:
            # The old agent's AgentComplete waits for the citizen's end.
            self._former.append(self._agent.name)
            self._release_agent()
        if self._outside:
            self._outside.end()
            self._outside = None
        self._leave_queue()
        self._question = None

    # ── somebody outside ─────────────────────────────────────────────────────────────────────────────
    def to_person(self, person: Citizen) -> None:
        """The dialplan's context to-number."""
        self._leave_all()
        self.tape.over()
        self._left = None
        self._outside = OutsideTalk(person, self, self._later)
        self._outside.ring()

    def met_outside(self) -> None:
        self.tape.meets("outside")
        self._switch.tell(e.OutsideAnswered(self.id))

    def outside_hung_up(self) -> None:
        self._outside = None
        self._part("CONTINUE")

    def nobody_outside(self) -> None:
        self._outside = None
        self._switch.tell(e.TransferFailed(self.id, returns=True))
        self.to_queue(self._home)

    # ── the time limit ───────────────────────────────────────────────────────────────────────────────
    def set_limit(self, time_limit_s: int, left_s: int | None) -> None:
        """Seconds from the answer, which is `left_s` from now; before the answer it waits for that."""
        self._limit_s = time_limit_s
        if self.state is LegState.UP:
            self._stop_limit()
            self._stop_limit = self._switch.later(max(1, left_s or time_limit_s), self._reach_limit)
            self._timers.append(self._stop_limit)

    def moved_to(self, position: int) -> None:
        self._switch.tell(e.QueueMoved(self.id, position))

    def offered_to(self, agent: Agent, offer: Offer) -> None:
        self._switch.tell(e.AgentRang(self.id, agent.name))

    def declined_by(self, agent: Agent) -> None:
        self._switch.tell(e.AgentDeclined(self.id, agent.name))

    def connected_to(self, agent: Agent, waited_s: float) -> None:
        self._agent, self._agent_name, self._waited_s = agent, agent.name, int(waited_s)
        talk = agent.talk = AgentTalk(self, agent)
        self.tape.talks_to(agent.name)
        self._switch.tell(e.AgentAnswered(self.id, agent.name))
        agent.talks(talk, self._later)

    def turned_away(self, status: str) -> None:
        """Queue() gave up. A redirect that leads nowhere leads back; otherwise comes what the order says."""
        overflow = self._order.overflow
        if status == "CONTINUE":
            self._part(status)
        elif status in NOT_LET_IN and self._queue != self._home:
            self.to_queue(self._home)
        elif self._then is WhenFull.CALLBACK:
            keys = {"1": lambda: self._choose(e.Choice.CALLBACK)}
            self._ask(Question(keys, lambda: self._part(status), tries=2))
        elif self._then is WhenFull.OVERFLOW and overflow:
            self._home, self._then = overflow, WhenFull.END
            self.to_queue(overflow)
        else:
            self._part(status)

    def _part(self, status: str) -> None:
        self._left = status
        self._switch.tell(e.QueueLeft(self.id, status))
        self._gone(None, NORMAL)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────
    def agent_hung_up(self, agent: Agent) -> None:
        if self._agent is agent and not self.over:
            self._switch.tell(e.AgentGone(self.id, agent.name, "agent"))
            self._release_agent()
            self.turned_away("CONTINUE")

    def hang_up(self) -> None:
        """The citizen hangs up, or declines while it rings."""
        if self.over:
            return
        if self.state is not LegState.UP:
            self.decline(DECLINED)
            return
        self._switch.tell(e.DeviceHungUp(self.id))
        self.drop()

    def held_by_agent(self, held: bool) -> None:
        """The agent presses hold."""
        if not self.over:
            self._switch.tell(e.Held(self.id) if held else e.Unheld(self.id))

    def hold(self, held: bool) -> None:
        """The citizen puts Asterisk on hold, whoever is behind it."""
        if self.state is LegState.UP and not self.over:
            self._switch.tell(e.Held(self.id) if held else e.Unheld(self.id))

    def drop(self) -> None:
        """Asterisk ends the leg."""
        if not self.over:
            self._gone(None, NORMAL if self._agent or self.state is not LegState.UP else None)

    def vanish(self) -> None:
        """Asterisk died: no fact, no trace."""
        self.over = True
        self._stop_timers()
        self._citizen.talk = None

    def _reach_limit(self) -> None:
        self._limit_reached = True
        self._switch.tell(e.LimitReached(self.id))
        self._gone(None, NORMAL)

    def _gone(self, sip: int | None, q850: int | None, *, sent: bool = True) -> None:
        """`sent`: whether the other side said `sip`; Asterisk remembers only what was said."""
        if self.over:
            return
        self.over = True
        self._stop_timers()
        self._leave_queue()
        if self._outside:
            self._outside.end()
        self._citizen.talk = None
        for name in self._former:
            self._switch.tell(e.AgentGone(self.id, name, "caller"))
        if self._agent:
            self._switch.tell(e.AgentGone(self.id, self._agent.name, "caller"))
            self._release_agent()
        self._switch.remember(self.id, self._trace(sip if sent else None, q850))
        self._switch.tell(e.DeviceGone(self.id, sip, q850))

    def _trace(self, sip: int | None, q850: int | None) -> Trace:
        return Trace(
            ended_at=self._switch.now(),
            q850=q850,
            sip=sip,
            answered_at=self._answered_at,
            queue=self._queue,
            queue_status=self._left,
            agent=self._agent_name,
            waited_s=self._waited_s,
            limit_reached=self._limit_reached,
            # A refusal's code takes the ringing's place.
            rang=self.state is LegState.RINGING and sip is None,
        )

    # ── for a look ───────────────────────────────────────────────────────────────────────────────────
    def seen(self) -> LegSeen:
        """The leg as lists of channels, queues and bridges show it."""
        if self.state is not LegState.UP or self._queue is None:
            return LegSeen(self.state)
        if self._agent:
            return LegSeen(self.state, agent=self._agent.name, desk=self._queue)
        if self._outside:
            return LegSeen(self.state, agent=OUTSIDE if self._outside.up else None)
        queue = self._switch.queues.get(self._queue)
        position = queue.place(self) if queue else None
        if queue is None or position is None:
            return LegSeen(self.state)
        return LegSeen(self.state, self._queue, position, queue.ringing(self))

    def _release_agent(self) -> None:
        agent, self._agent = self._agent, None
        self.tape.over()
        if agent:
            self._switch.queues[agent.queue].talk_over(agent)

    def _leave_queue(self) -> None:
        queue = self._switch.queues.get(self._queue or "")
        if queue:
            queue.leave(self)

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        self._timers.append(self._switch.later(seconds, do))

    def _stop_timers(self) -> None:
        for cancel in self._timers:
            cancel()
        self._timers.clear()
