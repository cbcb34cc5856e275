"""More and more calls a second, until the citizen who has answered waits too long for an agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.calls import Caller, pace, until
from benchmarks.figures import percentile
from benchmarks.floor import Floor
from benchmarks.lab import Lab
from benchmarks.observer import Observer, Seen
from benchmarks.rounds import serving
from workshop.portal import Portal
from workshop.service import Service

LIMIT_MS = 100.0
#: A step that starts fewer calls than this share of what was asked has failed, however quick they were.
KEPT = 0.95


@dataclass(frozen=True)
class Step:
    """One rate for some seconds. `reached`: calls that were answered in each second of it."""

    who: str
    rate: float
    reached: float
    p50_ms: float
    p99_ms: float
    good: bool


async def ramp(
    lab: Lab, caller: Caller, *, rates: list[float], seconds: float, say: Callable[[str], None]
) -> list[Step]:
    """Steps up to the first rate that fails twice: once may be a neighbour's doing."""
    steps: list[Step] = []
    async with Observer(lab.server) as observer:
        await _step(lab, caller, observer, 10, 1)
        for rate in rates:
            steps.append(await _step(lab, caller, observer, rate, seconds))
            if not steps[-1].good:
                steps.append(await _step(lab, caller, observer, rate, seconds))
            last = steps[-1]
            say(
                f"{caller.name} at {rate:g} calls/s: {last.reached:.0f} reached, answer to agent p50 {last.p50_ms:.0f} "
                f"p99 {last.p99_ms:.0f} ms{'' if last.good else ' - too slow'}"
            )
            if not last.good:
                break
    return steps


def most(steps: list[Step]) -> float:
    """The calls a second of the highest step that was good."""
    return max((step.reached for step in steps if step.good), default=0.0)


async def _step(lab: Lab, caller: Caller, observer: Observer, rate: float, seconds: float) -> Step:
    seen = observer.seen = Seen()
    count = int(rate * seconds)
    await pace(caller, lab, rate, count)
    await until(lambda: len(seen.gone) >= count)
    times = sorted(seen.answered.values())
    waited = seen.to_agent_ms()
    # The first and last of a step pay for its edges; a second apart is what counts.
    reached = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
    p99 = percentile(waited, 0.99) if len(waited) >= KEPT * count else float("inf")
    good = p99 <= LIMIT_MS and reached >= KEPT * rate
    return Step(caller.name, rate, reached, percentile(waited, 0.5), p99, good)


async def both(
    lab: Lab,
    service: Service,
    portal: Portal,
    *,
    rates: list[float],
    seconds: float,
    times: int,
    say: Callable[[str], None],
) -> list[tuple[list[Step], list[Step]]]:
    """Floor and service in turn, `times` each."""
    pairs = []
    for _ in range(times):
        async with Floor(lab) as floor:
            below = await ramp(lab, floor, rates=rates, seconds=seconds, say=say)
        async with serving(lab, service, portal) as driver:
            above = await ramp(lab, driver, rates=rates, seconds=seconds, say=say)
        pairs.append((below, above))
    return pairs
