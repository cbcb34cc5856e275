"""Queues and agents as supervisors are shown them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..conductor.ports import Member
from ..directory.service import Agent, Service
from ..line.calibration import Held, Hour
from .needs import QueueView

#: How far back promises are looked at.
SPANS: Mapping[str, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


def queue_picture(
    view: QueueView, services: Iterable[Service], backlog: tuple[int, int], held: Mapping[Hour, Held], at: datetime
) -> dict[str, Any]:
    """`backlog` are callbacks that are due, and all; `held` how promises held in the last week."""
    due, scheduled = backlog
    pair = view.newcomer.for_page or (None, None)
    return {
        "queue": view.queue,
        "services": sorted(each.id for each in services),
        "members": [_member(each) for each in view.members],
        "agents": view.agents,
        "free": view.free,
        "waiting": view.waiting,
        "longest_wait_s": round(view.longest_wait_s, 1),
        "newcomer": {"likely": pair[0], "at_most": pair[1], "why": view.newcomer.why.value},
        "learned": {
            "handle_s": round(view.learned.handle_s, 1),
            "abandoned_per_minute": round(view.learned.abandon_rate * 60, 4),
        },
        "callbacks": {"ringing": view.callbacks_ringing, "due": due, "scheduled": scheduled},
        "calibration": {name: _promises(_since(held, at - span)) for name, span in SPANS.items()},
    }


def agent_picture(agent: Agent, views: Mapping[str, QueueView]) -> dict[str, Any]:
    """The agent, in each of their queues as it is seen."""
    return {
        "id": agent.id,
        "name": agent.name,
        "queues": [_place(agent, queue, views.get(queue)) for queue in sorted(agent.queues)],
    }


def first_hour(at: datetime) -> datetime:
    """The full hour (UTC) in which a moment lies."""
    return Hour.of("", at).start


def _since(held: Mapping[Hour, Held], at: datetime) -> Held:
    return sum((each for hour, each in held.items() if hour.start >= first_hour(at)), Held())


def _promises(held: Held) -> dict[str, Any]:
    return {
        "held": _rounded(held.share, 4),
        "mean_error_s": _rounded(held.mean_error_s, 1),
        "bias_s": _rounded(held.bias_s, 1),
        "within": held.within,
        "late": held.late,
        "unproven": held.unproven,
    }


def _rounded(figure: float | None, digits: int) -> float | None:
    return None if figure is None else round(figure, digits)


def _member(member: Member) -> dict[str, Any]:
    return {
        "agent": member.name,
        "reachable": member.reachable,
        "paused": member.paused,
        "reason": member.reason or None,
        "busy": member.busy,
        "penalty": member.penalty,
    }


def _place(agent: Agent, queue: str, view: QueueView | None) -> dict[str, Any]:
    member = next((each for each in view.members if each.name == agent.id), None) if view else None
    return {
        "queue": queue,
        "logged_in": member is not None,
        "reachable": member and member.reachable,
        "paused": member and member.paused,
        "reason": (member and member.reason) or None,
        "busy": member and member.busy,
        "penalty": agent.queues[queue],
    }
