"""Processor time per call: rounds of floor and service in turn, so that whatever else the machine does hits both."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.calls import SETTLE_S, Caller, pace, talked, until
from benchmarks.driver import Driver
from benchmarks.figures import cpu_s, machine_busy_s
from benchmarks.floor import Floor
from benchmarks.lab import Lab
from workshop.portal import Portal
from workshop.service import Service

WARM_UP = 10


@dataclass(frozen=True)
class Round:
    """One round. Processor times are milliseconds per complete call."""

    who: str
    calls: int
    asterisk_ms: float
    controller_ms: float
    #: What the load generator itself took.
    driver_ms: float
    #: Share of the machine in use, by everybody, 0 to 1.
    busy: float
    seconds: float
    events: float = 0.0


@asynccontextmanager
async def serving(lab: Lab, service: Service, portal: Portal, *, follow: bool = True) -> AsyncIterator[Driver]:
    """The service for a while; Asterisk is the floor's again afterwards."""
    await service.start()
    try:
        async with Driver(lab, service, portal, follow=follow) as driver:
            yield driver
    finally:
        await service.stop()


async def rounds(
    lab: Lab, service: Service, portal: Portal, *, pairs: int, rate: float, count: int, say: Callable[[str], None]
) -> list[Round]:
    """`pairs` rounds each, the floor first; `count` calls a round."""
    done: list[Round] = []
    for number in range(1, pairs + 1):
        async with Floor(lab) as floor:
            done.append(await _round(lab, floor, None, rate, count))
        async with serving(lab, service, portal) as driver:
            done.append(await _round(lab, driver, service.pid, rate, count))
        below, above = done[-2:]
        say(
            f"round {number} of {pairs}: Asterisk {below.asterisk_ms:.1f} ms a call bare, {above.asterisk_ms:.1f} ms "
            f"with the service, which took {above.controller_ms:.1f} ms"
        )
    return done


async def _round(lab: Lab, caller: Caller, controller: int | None, rate: float, count: int) -> Round:
    await _calls(lab, caller, rate, min(WARM_UP, count))
    pids = [lab.server.pid, *([controller] if controller else []), os.getpid()]
    told = len(caller.calls) if isinstance(caller, Driver) else 0
    before, busy, began = [cpu_s(pid) for pid in pids], machine_busy_s(), time.perf_counter()
    finished = await _calls(lab, caller, rate, count)
    spent = [(cpu_s(pid) - start) * 1000 / max(1, finished) for pid, start in zip(pids, before, strict=True)]
    seconds = time.perf_counter() - began
    share = (machine_busy_s() - busy) / seconds / (os.cpu_count() or 1)
    events = sum(each.events for each in caller.calls[told:]) / count if isinstance(caller, Driver) else 0.0
    return Round(caller.name, finished, spent[0], spent[1] if controller else 0.0, spent[-1], share, seconds, events)


async def _calls(lab: Lab, caller: Caller, rate: float, count: int) -> int:
    """How many of the calls were complete: answered by an agent, and ended."""
    before = talked(lab)
    await pace(caller, lab, rate, count)
    await until(lambda: talked(lab) - before >= count)
    if isinstance(caller, Driver):
        await until(lambda: caller.open == 0)
    await until(lambda: False, SETTLE_S, SETTLE_S)
    return talked(lab) - before
