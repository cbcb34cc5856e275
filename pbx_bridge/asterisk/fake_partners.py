"""With whom the citizens of a FakeExchange talk: agents of its queues, and people outside who are rung for them as
dialplan/transfers.conf does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .fake_people import Agent, Citizen

#: How long somebody outside is rung (seconds), as the dialplan says.
OUTSIDE_S = 30.0


class Leg(Protocol):
    """The citizen's."""

    def agent_hung_up(self, agent: Agent) -> None: ...
    def held_by_agent(self, held: bool) -> None: ...
    def met_outside(self) -> None: ...
    def outside_hung_up(self) -> None: ...
    def nobody_outside(self) -> None: ...


class AgentTalk:
    """An agent's end of the talk."""

    def __init__(self, leg: Leg, agent: Agent) -> None:
        self._leg, self.agent = leg, agent

    def answer(self) -> None:
        """It talks already."""

    def decline(self, sip: int) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        self._leg.agent_hung_up(self.agent)

    def hold(self, held: bool) -> None:
        """The citizen hears music."""
        self._leg.held_by_agent(held)

    def press(self, keys: str) -> None:
        """The citizen hears it."""


class OutsideTalk:
    """Their end of it: a Talk that rings, and either is answered or leads the citizen back."""

    def __init__(self, person: Citizen, leg: Leg, later: Callable[[float, Callable[[], None]], None]) -> None:
        self._person, self._leg, self._later = person, leg, later
        self.up = self._over = False

    def ring(self) -> None:
        """Ring their telephone, for as long as the dialplan does."""
        self._later(OUTSIDE_S, lambda: None if self.up else self.decline(480))
        self._person.takes(self, self._later)

    def answer(self) -> None:
        """They pick up."""
        if not (self._over or self.up):
            self.up = True
            self._leg.met_outside()
            self._person.talks(self, self._later)

    def decline(self, sip: int) -> None:
        """They, or the network, say no."""
        if not (self._over or self.up):
            self.end()
            self._leg.nobody_outside()

    def hang_up(self) -> None:
        """They have heard enough."""
        if self.up and not self._over:
            self.end()
            self._leg.outside_hung_up()

    def end(self) -> None:
        """The citizen is gone, or somewhere else."""
        self._over = True
        if self._person.talk is self:
            self._person.talk = None

    def hold(self, held: bool) -> None:
        """The citizen hears music; nothing is told."""

    def press(self, keys: str) -> None:
        """The citizen hears it."""
