"""What the house knows of the desk, in memory: services, queues and who is at them, profiles, how promises held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pbx_bridge.conductor.board import QueueView
from pbx_bridge.conductor.errors import NoAgent
from pbx_bridge.conductor.ports import Member
from pbx_bridge.directory.service import Directory, Service
from pbx_bridge.hours.schedule import ALWAYS, Schedule
from pbx_bridge.ledger.access import Profile
from pbx_bridge.line.calibration import Held, Hour
from pbx_bridge.line.estimate import Estimate, Learned, Staff, estimate


def service(id_: str, queue: str = "support", hours: Schedule = ALWAYS, **more: Any) -> Service:
    """An entry of the directory that never closes, unless told otherwise."""
    return Service(id_, queue, hours, **more)


SERVICES: Mapping[str, Service] = {"support": service("support", names={"ru": "Служба поддержки", "en": "Support"})}


def crowd(*members: Member, queue: str = "support", waiting: int = 0, longest_wait_s: float = 0.0) -> QueueView:
    """A queue with these members."""
    works = [each for each in members if each.works]
    staff = Staff(len(works), sum(not each.busy for each in works))
    told: Estimate = estimate(waiting + 1, staff, Learned())
    return QueueView(queue, members, waiting, staff.agents, staff.free, longest_wait_s, told, Learned(), 1)


@dataclass
class Switchboard:
    """`orders` are what was asked of agents; `away` is what Asterisk answers instead."""

    directory: Directory = field(default_factory=lambda: Directory(SERVICES))
    views: dict[str, QueueView] = field(default_factory=dict)
    orders: list[tuple[Any, ...]] = field(default_factory=list)
    away: Exception | None = None
    profiles_: dict[tuple[str, str], Profile] = field(default_factory=dict)
    held_: dict[Hour, Held] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def queues(self) -> Mapping[str, QueueView]:
        return self.views

    async def log_in(self, agent: str, queue: str | None = None, *, by: str) -> None:
        self._order("log in", agent, queue, by)

    async def log_out(self, agent: str, queue: str | None = None, *, by: str) -> None:
        self._order("log out", agent, queue, by)

    async def pause(self, agent: str, paused: bool, reason: str = "", queue: str | None = None, *, by: str) -> None:
        self._order("pause" if paused else "resume", agent, queue, by, reason)
        for view in self.views.values():
            seen = (
                replace(each, paused=paused, reason=reason) if each.name == agent else each for each in view.members
            )
            self.views[view.queue] = replace(view, members=tuple(seen))

    def _order(self, what: str, agent: str, *more: Any) -> None:
        if self.away is not None:
            raise self.away
        if agent not in self.directory.agents:
            raise NoAgent("the directory has no such agent")
        self.orders.append((what, agent, *more))

    async def profile(self, client: str, user: str) -> Profile | None:
        return self.profiles_.get((client, user))

    async def keep_profile(self, profile: Profile) -> None:
        self.profiles_[profile.client, profile.user] = profile

    async def held(self, queue: str, from_: datetime, to: datetime) -> Mapping[Hour, Held]:
        return {hour: held for hour, held in self.held_.items() if hour.queue == queue and from_ <= hour.start < to}

    async def backlog_sizes(self, at: datetime) -> Mapping[str, tuple[int, int]]:
        return self.sizes
