"""A night's backlog in the morning: in order, paced by the agents, everybody once. The longest test, so it is first."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from pbx_bridge.asterisk.fake import FakeExchange
from pbx_bridge.asterisk.fake_legs import FakeLeg
from pbx_bridge.call.model import Call, Terms
from pbx_bridge.call.recovery import LegState
from pbx_bridge.call.states import State
from pbx_bridge.directory.service import Directory, Service
from pbx_bridge.directory.terms import terms_for
from pbx_bridge.hours.schedule import ALWAYS, DESK
from pbx_bridge.ledger import CallFilter
from pbx_bridge.line.pacing import expected_free
from pbx_bridge.line.sight import HORIZON_S
from tests.house import House, wanted
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

#: As many as the issue says; the pace is the same from the first hundred on.
CITIZENS, AGENTS = int(os.environ.get("BACKLOG", "5000")), 20
TALK_S = 55.0
#: Twice what twenty agents need for everybody: a talk, a moment to wrap up, and the telephone's ring.
MINUTES = 30 + 2 * CITIZENS * 70 // 60 // AGENTS
OPENS = NOON + timedelta(hours=18)
SUPPORT = Service("support", "support", DESK, handle_s=60.0)
TERMS = terms_for(SUPPORT, Terms(ring_s=30, queue_s=300), None)


def phone(place: int) -> str:
    return f"+7916{place:07}"


class Watch:
    """What is true at every ring: no more telephones ring (or are about to meet an agent) than agents are free or
    expected."""

    def __init__(self, service: House) -> None:
        self.fake, self.service, self.rung = service.fake, service, list[str]()
        self.most = 0

    def dialled(self, name: str) -> None:
        self.rung.append(name)
        queue = self.fake.queues["support"]
        busy = sum(queue.is_busy(agent) for agent in queue.agents)
        handle_s = self.service.conductor.queues()["support"].learned.handle_s
        free = AGENTS - busy + expected_free(busy, handle_s, HORIZON_S)
        meeting = sum(is_on_the_way(leg, self.fake) for leg in self.fake.living)
        self.most = max(self.most, meeting)
        assert meeting <= free, f"{meeting} telephones for {free} agents"


def is_on_the_way(leg: str, fake: FakeExchange) -> bool:
    """Whether a citizen's telephone rings, or has been answered and has no agent who rings for it yet."""
    there: FakeLeg = fake.legs[leg]
    seen = there.seen()
    return seen.state is not LegState.UP or (seen.agent is None and not seen.ringing)


async def everybody(service: House) -> list[Call]:
    """Every call, in the order in which they were asked for."""
    found, cursor = list[Call](), None
    while True:
        page = await service.ledger.calls(CallFilter(), cursor=cursor, limit=500)
        found, cursor = found + list(page.calls), page.next_cursor
        if cursor is None:
            return sorted(found, key=lambda call: (call.accepted_at, call.id))


async def test_five_thousand_are_called_in_order_by_twenty_agents(service: House) -> None:
    service.directory = Directory({"support": SUPPORT})
    service.time.set_clock(OPENS - timedelta(hours=1) - service.time())
    for place in range(CITIZENS):
        service.fake.citizen(phone(place))
    orders = [wanted(phone(place), user=f"u-{place}", terms=TERMS) for place in range(CITIZENS)]
    for start in range(0, CITIZENS, 250):
        await asyncio.gather(*(service.conductor.open(each) for each in orders[start : start + 250]))
    service.directory = Directory({"support": replace(SUPPORT, hours=ALWAYS)})
    for number in range(AGENTS):
        service.fake.agent(f"agent-{number:02}", hangs_up_after_s=TALK_S)
    watch = Watch(service)
    service.fake.on_ring = watch.dialled
    service.conductor.reloaded()
    backlog = CallFilter(states=frozenset(State) - {State.ENDED})
    for _ in range(MINUTES):
        if not (await service.ledger.calls(backlog, limit=1)).calls:
            break
        await service.works(60)
    assert sorted(watch.rung) == [phone(place) for place in range(CITIZENS)]
    assert 0 < watch.most <= AGENTS
    dialled = [call.dialled_at for call in await everybody(service)]
    # Who asked at the same moment stands in the order of the ids, as in the ledger.
    assert all(before and after and before <= after for before, after in pairwise(dialled))
    outcomes = service.conductor.tally.outcomes
    assert outcomes == {"completed": CITIZENS}
