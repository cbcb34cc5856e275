"""The agents of a FakeExchange, as AMI has them: who logs in, who pauses, and how a queue is seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from ..conductor.ports import Member, NoSuchAgent, QueueSeen
from .fake_people import Agent
from .fake_queues import FakeQueue

Queues = Mapping[str, FakeQueue]


def desk(queues: Queues, name: str) -> FakeQueue:
    """Raises NoSuchAgent where there is no such queue."""
    if name not in queues:
        raise NoSuchAgent(f"there is no queue {name}")
    return queues[name]


def log_in(queues: Queues, agent: str, queue: str) -> None:
    """Harmless when repeated."""
    there = desk(queues, queue)
    if not any(each.name == agent for each in there.agents):
        there.add(Agent(agent))


def pause(queues: Queues, agent: str, paused: bool, reason: str, queue: str | None) -> None:
    """In one queue or in all."""
    desks = [desk(queues, queue)] if queue else list(queues.values())
    found = [each for there in desks for each in there.agents if each.name == agent]
    if not found:
        raise NoSuchAgent(agent)
    for each in found:
        each.pause(paused, reason)


def seen(queue: FakeQueue, at: datetime) -> QueueSeen:
    """The queue at this moment."""
    members = [
        Member(each.name, each.logged_in, each.paused, each.reason, queue.is_busy(each)) for each in queue.agents
    ]
    return QueueSeen(queue.name, tuple(members), queue.waiting, at)


class FakeStaff:
    """What conductor.ports.Telephony says of agents. `ask` is the exchange's: one request and its answer."""

    def __init__(self, ask: Callable[[str, Callable[[], None]], Awaitable[None]], queues: Queues) -> None:
        self._ask, self._queues = ask, queues

    async def log_in(self, agent: str, queue: str, penalty: int = 0) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("log_in", lambda: log_in(self._queues, agent, queue))

    async def log_out(self, agent: str, queue: str) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("log_out", lambda: desk(self._queues, queue).remove(agent))

    async def pause(self, agent: str, paused: bool, reason: str = "", queue: str | None = None) -> None:
        """See conductor.ports.Telephony."""
        await self._ask("pause", lambda: pause(self._queues, agent, paused, reason, queue))
