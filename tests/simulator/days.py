"""Desks and days that the tests simulate."""

from __future__ import annotations

from typing import Any

from pbx_bridge.directory.service import Callbacks, Limits, Service, WhenFull
from pbx_bridge.hours.schedule import ALWAYS, DESK, Schedule
from pbx_bridge.line.pacing import Rules
from pbx_bridge.simulator.day import Run, simulate
from pbx_bridge.simulator.plan import Plan, read

#: The desk's hours, 09:00-20:00, as a day of so many calls an hour.
IN_HOURS = [0] * 9 + [1] * 11 + [0] * 4


def plan(*, agents: int = 20, hours: str = "09:00-20:00", **parts: Any) -> Plan:
    """A day with one shift; `callers`, `talk` and `called` as in a file."""
    return read({"shifts": [{"agents": agents, "hours": hours}]} | parts)


def desk_day(per_hour: float, talk_s: float = 120, **parts: Any) -> Plan:
    """Calls come evenly while the desk is open."""
    callers = {"per_hour": [per_hour * slot for slot in IN_HOURS]} | parts.pop("callers", {})
    return plan(callers=callers, **({"talk": {"mean_s": talk_s}} | parts))


def service(
    hours: Schedule = DESK, *, least: int = 1, wrap_up_s: int = 5, handle_s: float = 240, **limits: Any
) -> Service:
    """A service that calls back and has no limits but those given."""
    rules = Rules(attempts=3, least=least)
    return Service(
        "support",
        "support",
        hours,
        limits=Limits(**({"then": WhenFull.CALLBACK} | limits)),
        callbacks=Callbacks(rules),
        wrap_up_s=wrap_up_s,
        handle_s=handle_s,
    )


#: A desk as Erlang thought of it: nothing but calls, agents and talks.
PLAIN_DESK = service(ALWAYS, wrap_up_s=0, then=WhenFull.END)


def plain_day(agents: int, per_hour: float, talk_s: float, patience_s: float) -> Plan:
    """Steady calls around the clock; whoever calls is in the queue, whoever is offered a call answers."""
    callers = {"per_hour": per_hour, "patience_s": patience_s, "comes_s": 0, "keeps": 0}
    talk = {"kind": "exponential", "mean_s": talk_s, "pick_up_s": 0}
    return plan(agents=agents, hours="00:00-24:00", callers=callers, talk=talk)


def run(a_plan: Plan, a_service: Service | None = None, seed: int = 1) -> Run:
    """One run."""
    return simulate(a_plan, a_service or service(), seed)


__all__ = ["ALWAYS", "DESK", "PLAIN_DESK", "desk_day", "plain_day", "plan", "run", "service"]
