"""How long each step takes at a steady 50 calls a second, everything on. Four clocks that are one: the portal's,
the service's, Asterisk's (timestampevents) and sipp's all read this machine's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from benchmarks.calls import pace, until
from benchmarks.driver import Told
from benchmarks.figures import percentile
from benchmarks.lab import Lab
from benchmarks.observer import Observer, Seen
from benchmarks.rounds import WARM_UP, serving
from workshop.portal import Portal
from workshop.service import Service


@dataclass(frozen=True)
class Latencies:
    """Milliseconds, one value for each call or event."""

    rate: float
    calls: int
    refused: int
    accepted: list[float]
    to_invite: list[float]
    to_reader: list[float]
    to_agent: list[float]


async def latencies(lab: Lab, service: Service, portal: Portal, *, rate: float, count: int) -> Latencies:
    """Calls at `rate` a second; every one is timed but those of the warm-up."""
    async with serving(lab, service, portal) as driver, Observer(lab.server) as observer:
        await pace(driver, lab, 20, min(WARM_UP, count))
        await until(lambda: driver.open == 0)
        driver.calls.clear()
        observer.seen = Seen()
        await pace(driver, lab, rate, count)
        await until(lambda: driver.open == 0)
        invited = _invited(lab)
        told = [each for each in driver.calls if each.status == 202]
        return Latencies(
            rate=rate,
            calls=len(told),
            refused=driver.refused,
            accepted=[(each.accepted - each.asked) * 1000 for each in told],
            to_invite=[
                (invited[each.number] - _epoch(each.accepted_at)) * 1000 for each in told if each.number in invited
            ],
            to_reader=[ms for each in told for ms in _to_reader(each, observer.seen)],
            to_agent=observer.seen.to_agent_ms(),
        )


def _to_reader(told: Told, seen: Seen) -> list[float]:
    """From Asterisk's own time of an event to the moment it was read from the stream."""
    leg = f"pb.{told.call_id}.1"
    said = {"ringing": seen.rang, "answered": seen.answered, "talking": seen.connected, "ended": seen.gone}
    return [
        (told.states[state] - times[leg]) * 1000
        for state, times in said.items()
        if state in told.states and leg in times
    ]


def _invited(lab: Lab) -> dict[str, float]:
    """Number → when sipp got its INVITE, seconds since the epoch."""
    lines = lab.citizens.log_path.read_text(errors="replace").splitlines()
    return {words[-1].rstrip("@"): float(words[-2]) for line in lines if len(words := line.split()) == 4}


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def words(values: list[float]) -> str:
    """p50 and p99, as people read them."""
    return f"p50 {percentile(values, 0.5):.1f} ms, p99 {percentile(values, 0.99):.1f} ms"
