"""The agents of a FakeExchange, as AMI has them: who logs in, who pauses, and how a queue is seen."""

from __future__ import annotations

from collections.abc import Mapping
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
