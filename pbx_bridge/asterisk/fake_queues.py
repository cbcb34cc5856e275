"""app_queue, as far as calls can tell: who waits at which place, whom it rings, when it gives up.

Strategy rrmemory as in asterisk-conf/queues.conf: one agent at a time, and the next try begins behind the last one.
Learned by the contract tests, which run against the real one too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .fake_people import Agent

Later = Callable[[float, Callable[[], None]], Callable[[], None]]


class Caller(Protocol):
    """A leg that waits in a queue, and what a queue tells it."""

    def moved_to(self, position: int) -> None: ...
    def offered_to(self, agent: Agent, offer: Offer) -> None: ...
    def declined_by(self, agent: Agent) -> None: ...
    def connected_to(self, agent: Agent, waited_s: float) -> None: ...
    def turned_away(self, status: str) -> None: ...


@dataclass(eq=False)
class _Waiting:
    """One caller and the present round of rings."""

    caller: Caller
    since: float
    priority: int = 0
    tried: set[Agent] = field(default_factory=set)
    offer: Offer | None = None
    resting: bool = False
    timers: list[Callable[[], None]] = field(default_factory=list)


@dataclass(eq=False)
class Offer:
    """One ring at one agent: the agent's Talk until it is answered."""

    queue: FakeQueue
    agent: Agent
    waiting: _Waiting
    timers: list[Callable[[], None]] = field(default_factory=list)
    over: bool = False

    def answer(self) -> None:
        if not self.over:
            self.queue.answered(self)

    def decline(self, sip: int) -> None:
        if not self.over:
            self.queue.declined(self)

    def hang_up(self) -> None:
        self.decline(0)

    def hold(self, held: bool) -> None:
        """Nobody talks yet."""

    def press(self, keys: str) -> None:
        """Nobody hears it."""

    def end(self) -> None:
        """It rings no more."""
        self.over = True
        _stop(self.timers)


class FakeQueue:
    """One queue. `timeout_s`, `retry_s` and `wrapup_s` as in queues.conf."""

    def __init__(
        self,
        name: str,
        now: Callable[[], float],
        later: Later,
        step_s: Callable[[], float],
        *,
        timeout_s: float = 15,
        retry_s: float = 2,
        wrapup_s: float = 5,
    ) -> None:
        self.name = name
        self.agents: list[Agent] = []
        self._now, self._later, self._step_s = now, later, step_s
        self._timeout_s, self._retry_s, self._wrapup_s = timeout_s, retry_s, wrapup_s
        self._line: list[_Waiting] = []
        self._first = 0
        self.changed: Callable[[], None] = lambda: None
        """Told after every change of members or of those who wait."""

    def add(self, agent: Agent) -> None:
        """A new member."""
        agent.queue, agent.left = self.name, self._staff_changed
        self.agents.append(agent)
        self._serve()
        self.changed()

    def remove(self, name: str) -> None:
        """A member logs out; a talk goes on."""
        self.agents = [each for each in self.agents if each.name != name]
        self._staff_changed()

    @property
    def waiting(self) -> int:
        """How many callers wait."""
        return len(self._line)

    def is_busy(self, agent: Agent) -> bool:
        """Whether the agent's telephone rings or talks, or the agent wraps up."""
        return agent.talk is not None or agent.free_at > self._now()

    def join(self, caller: Caller, timeout_s: float, priority: int = 0) -> int | None:
        """The caller's place, or None when nobody is there to answer (joinempty). Who has a higher `priority` stands
        before others."""
        if self._empty():
            return None
        waiting = _Waiting(caller, self._now(), priority)
        place = sum(each.priority >= priority for each in self._line)
        self._line.insert(place, waiting)
        waiting.timers.append(self._later(timeout_s, lambda: self._give_up(waiting, "TIMEOUT")))
        # Not at once: the caller has to take note of its place first.
        waiting.timers.append(self._later(self._step_s(), self._serve))
        for behind in range(place + 1, len(self._line)):
            self._line[behind].caller.moved_to(behind + 1)
        self.changed()
        return place + 1

    def leave(self, caller: Caller) -> None:
        """The caller is gone, wherever to. Harmless when it was not here."""
        waiting = self._find(caller)
        if waiting:
            self._remove(waiting)

    def place(self, caller: Caller) -> int | None:
        """From 1; None when it does not wait here."""
        waiting = self._find(caller)
        return self._line.index(waiting) + 1 if waiting else None

    def ringing(self, caller: Caller) -> tuple[str, ...]:
        """The agents who are being rung for this caller."""
        waiting = self._find(caller)
        return (waiting.offer.agent.name,) if waiting and waiting.offer else ()

    def talk_over(self, agent: Agent) -> None:
        """The agent wraps up."""
        agent.talk = None
        agent.free_at = self._now() + self._wrapup_s
        self._later(self._wrapup_s, self._wrapped_up)
        self.changed()

    def _wrapped_up(self) -> None:
        self._serve()
        self.changed()

    def clear(self) -> None:
        """Asterisk died: nobody waits or rings any more."""
        for waiting in self._line:
            _stop(waiting.timers)
            if waiting.offer:
                waiting.offer.end()
        self._line.clear()
        for agent in self.agents:
            agent.talk, agent.free_at = None, 0.0

    # ── rings ────────────────────────────────────────────────────────────────────────────────────────
    def _serve(self) -> None:
        """Ring for everybody for whom somebody is free, from the head of the line (autofill)."""
        for waiting in tuple(self._line):
            if waiting.offer is None and not waiting.resting:
                self._ring_next(waiting)

    def _ring_next(self, waiting: _Waiting) -> bool:
        count = len(self.agents)
        for step in range(count):
            number = (self._first + step) % count
            agent = self.agents[number]
            if self._free(agent) and agent not in waiting.tried:
                waiting.tried.add(agent)
                self._first = (number + 1) % count
                self._ring(waiting, agent)
                return True
        return False

    def _ring(self, waiting: _Waiting, agent: Agent) -> None:
        offer = waiting.offer = Offer(self, agent, waiting)
        offer.timers.append(self._later(self._timeout_s, lambda: self._unanswered(offer)))
        waiting.caller.offered_to(agent, offer)

        def later(seconds: float, do: Callable[[], None]) -> None:
            offer.timers.append(self._later(seconds, do))

        agent.takes(offer, later)
        self.changed()

    def answered(self, offer: Offer) -> None:
        """The agent picked up."""
        offer.end()
        waiting = offer.waiting
        waited = self._now() - waiting.since
        self._remove(waiting)
        waiting.caller.connected_to(offer.agent, waited)
        self.changed()

    def declined(self, offer: Offer) -> None:
        """The agent refused: the next one at once, and when there is none, all again after a pause."""
        self._end_offer(offer)
        if not self._ring_next(offer.waiting):
            self._rest(offer.waiting)
        self._serve()

    def _unanswered(self, offer: Offer) -> None:
        self._end_offer(offer)
        self._rest(offer.waiting)
        self._serve()

    def _end_offer(self, offer: Offer) -> None:
        offer.end()
        offer.agent.talk = None
        offer.waiting.offer = None
        self.changed()
        offer.waiting.caller.declined_by(offer.agent)

    def _rest(self, waiting: _Waiting) -> None:
        waiting.resting = True
        waiting.tried.clear()
        waiting.timers.append(self._later(self._retry_s, lambda: self._rested(waiting)))

    def _rested(self, waiting: _Waiting) -> None:
        waiting.resting = False
        if self._empty():
            self._give_up(waiting, "LEAVEEMPTY")
        self._serve()

    # ── who is there ─────────────────────────────────────────────────────────────────────────────────
    def _free(self, agent: Agent) -> bool:
        return agent.logged_in and not agent.paused and agent.talk is None and agent.free_at <= self._now()

    def _empty(self) -> bool:
        """joinempty and leavewhenempty = unavailable,invalid,unknown: a busy or paused agent is one."""
        return not any(agent.logged_in for agent in self.agents)

    def _staff_changed(self) -> None:
        if self._empty():
            for waiting in tuple(self._line):
                if waiting.offer is None and not waiting.resting:
                    self._give_up(waiting, "LEAVEEMPTY")
        self._serve()
        self.changed()

    # ── the line ─────────────────────────────────────────────────────────────────────────────────────
    def _give_up(self, waiting: _Waiting, status: str) -> None:
        if waiting not in self._line:
            return
        if waiting.offer:
            self._end_offer(waiting.offer)
        self._remove(waiting)
        waiting.caller.turned_away(status)
        self._serve()

    def _remove(self, waiting: _Waiting) -> None:
        place = self._line.index(waiting)
        _stop(waiting.timers)
        if waiting.offer and not waiting.offer.over:
            waiting.offer.end()
            waiting.offer.agent.talk = None
            self._later(0, self._serve)
        waiting.offer = None
        del self._line[place]
        self.changed()
        for behind in range(place, len(self._line)):
            self._line[behind].caller.moved_to(behind + 1)

    def _find(self, caller: Caller) -> _Waiting | None:
        return next((waiting for waiting in self._line if waiting.caller is caller), None)


def _stop(timers: list[Callable[[], None]]) -> None:
    for cancel in timers:
        cancel()
    timers.clear()
