"""Starting again: with many live calls to compare with Asterisk, and with many scheduled ones to remember."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from benchmarks.calls import pace, until
from benchmarks.driver import Driver
from benchmarks.figures import cpu_s
from benchmarks.lab import WAITING, Lab
from pbx_bridge.call import events as e
from pbx_bridge.call.machine import accept, advance, deadline
from pbx_bridge.call.model import Call, Device, DeviceKind, Opening, Request, Terms
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.ledger import AuditLine, Change, Ledger, NewEvent
from pbx_bridge.phone import Phone
from workshop.portal import Portal
from workshop.service import Service

CONNECTED, COMPARED = "listening to Asterisk over AMI", "compared with Asterisk"
AT_ONCE = 500


@dataclass(frozen=True)
class Reconciled:
    """`calls` live legs; seconds from both connections made to every call compared, and from the start to ready."""

    calls: int
    compared_s: float
    ready_s: float
    #: After one of them left: seconds until the place of everybody behind was told, and what that took of the
    #: controller.
    moved_s: float
    moved_cpu_s: float


async def reconcile(lab: Lab, service: Service, portal: Portal, *, calls: int, rate: float) -> Reconciled:
    """Fill a queue without agents, kill the service, start it again."""
    await service.start()
    try:
        async with Driver(lab, service, portal, queue=WAITING, follow=False) as driver:
            await pace(driver, lab, rate, calls)
            await until(lambda: driver.open == 0)
        await _waiting(lab, calls)
        await service.kill()
        lines = len(service.log_lines())
        began = time.perf_counter()
        await service.start(within_s=60)
        ready_s = time.perf_counter() - began
        said = {str(line["event"]): line for line in service.log_lines()[lines:]}
        compared = said[COMPARED]
        moved_s, moved_cpu_s = await _one_leaves(lab, service, calls)
        legs = int(str(compared["legs"]))
        return Reconciled(legs, _at(compared) - _at(said[CONNECTED]), ready_s, moved_s, moved_cpu_s)
    finally:
        # Dead before the legs go: a thousand goodbyes are another measurement.
        await service.kill()
        await lab.server.cli("channel request hangup all")
        await until_silent(lab)


async def _waiting(lab: Lab, calls: int) -> None:
    for _ in range(100):
        if f"{WAITING} has {calls} calls" in (await lab.server.cli(f"queue show {WAITING}")):
            break
        await until(lambda: False, 0.2, 0.2)
    await until(lambda: False, 1.0, 1.0)


async def _one_leaves(lab: Lab, service: Service, calls: int) -> tuple[float, float]:
    """The first in the queue hangs up, so that all the others move up."""
    shown = await lab.server.cli(f"queue show {WAITING}")
    first = next(line.split()[1] for line in shown.splitlines() if line.strip().startswith("1. "))
    lines, before = len(service.log_lines()), cpu_s(service.pid)
    began = time.time()
    await lab.server.cli(f"channel request hangup {first}")

    def moved() -> list[dict[str, object]]:
        return [line for line in service.log_lines()[lines:] if line["event"] == "call.queue_updated"]

    await until(lambda: len(moved()) >= calls - 1, every_s=0.5)
    told = moved()
    return (_at(told[-1]) - began if told else float("nan")), cpu_s(service.pid) - before


async def until_silent(lab: Lab) -> None:
    """Until Asterisk has no channel, at most half a minute."""
    for _ in range(60):
        if "0 active channels" in await lab.server.cli("core show channels count"):
            return
        await until(lambda: False, 0.5, 0.5)


def _at(line: dict[str, object]) -> float:
    return datetime.fromisoformat(str(line["timestamp"])).timestamp()


async def start_up(service: Service, *, calls: int, say: Callable[[str], None]) -> float:
    """Seconds from the start of the process to ready, with so many calls that wait for their time."""
    await service.command("migrate")
    settings = tomllib.loads(service.config.read_text())
    secrets = settings["secrets"]
    ledger = await Ledger.open(settings["database"]["url"], secrets["sealing_keys"], pepper=secrets["pepper"].encode())
    try:
        for first in range(0, calls, AT_ONCE):
            async with ledger.transaction() as transaction:
                await transaction.write([_scheduled(first + n) for n in range(AT_ONCE)], _now())
    finally:
        await ledger.close()
    say(f"{calls} scheduled calls are stored")
    began = time.perf_counter()
    await service.start(within_s=60)
    seconds = time.perf_counter() - began
    await service.stop()
    return seconds


def _now() -> datetime:
    return datetime.now(UTC)


def _scheduled(number: int) -> Change:
    at = _now()
    request = Request(
        client="bench",
        user=f"u{number}",
        service=WAITING,
        queue=WAITING,
        devices=(Device(DeviceKind.MOBILE, Phone(f"+7902{number:07d}")),),
    )
    first = accept(f"call_bench{number:07d}", f"{number:09d}", request, Terms(), at, confirmation=None)
    opens = Opening(open=False, next_open_at=at + timedelta(hours=12))
    second = advance(first.call, e.Admitted(opens), at)
    events = tuple(
        NewEvent(step.news or "", step.call.revision, at, {"call": snapshot(step.call)}) for step in (first, second)
    )
    call: Call = second.call
    line = AuditLine(at, "bench", "open", "taken", {})
    return Change(call=call, wake_at=deadline(call), events=events, audit=(line,))
