"""`make bench`: measure against the goals, beside a bare Asterisk on the same machine in the same run.

python -m benchmarks            everything, at most ten minutes; writes benchmarks/last.md
python -m benchmarks --quick    the same with fewer calls, at most two minutes; writes nothing
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console

from benchmarks import report, signatures
from benchmarks.figures import machine_busy_s
from benchmarks.lab import Lab, lab
from benchmarks.latency import latencies
from benchmarks.ramp import both
from benchmarks.readers import waiting
from benchmarks.recovery import reconcile, start_up
from benchmarks.report import Row
from benchmarks.rounds import rounds
from workshop.prefix import PrefixError

out = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    pairs: int = 5
    round_rate: float = 20
    round_calls: int = 200
    latency_rate: float = 50
    latency_calls: int = 400
    ramp_times: int = 2
    ramp_s: float = 4
    ramp_rates: Sequence[float] = tuple(range(30, 180, 10))
    legs: int = 1000
    scheduled: int = 10_000
    readers: int = 5000
    agents: int = 150
    signed: int = 300


QUICK = Size(2, 20, 60, 50, 100, 1, 2, tuple(range(30, 180, 15)), 100, 10_000, 0, 150, 100)
TINY = Size(1, 20, 5, 20, 5, 0, 0, (), 0, 0, 0, 30, 0)


@dataclass
class Bench:
    """One run."""

    place: Lab
    size: Size
    say: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)

    async def run(self) -> list[Row]:
        """Every measurement in turn."""
        size, place, say = self.size, self.place, self.say
        service = place.service()
        portal = await service.portal()
        rounds_ = await rounds(
            place, service, portal, pairs=size.pairs, rate=size.round_rate, count=size.round_calls, say=say
        )
        self.rows += report.of_rounds(rounds_)
        say(f"latencies at {size.latency_rate:g} calls/s …")
        found = await latencies(place, service, portal, rate=size.latency_rate, count=size.latency_calls)
        self.rows += report.of_latencies(found)
        if size.ramp_times:
            pairs = await both(
                place,
                service,
                portal,
                rates=list(size.ramp_rates),
                seconds=size.ramp_s,
                times=size.ramp_times,
                say=say,
            )
            self.rows[1:1] = report.of_ramps(pairs)
        if size.legs:
            await self._reconcile()
        if size.scheduled:
            await self._start_up()
        if size.readers:
            await self._readers()
        if size.signed:
            say("signatures …")
            self.rows += await signatures.rows(size.signed)
        return self.rows

    async def _reconcile(self) -> None:
        self.say(f"{self.size.legs} calls wait in a queue while the service is killed …")
        service = self.place.service("reconciled")
        found = await reconcile(self.place, service, await service.portal(), calls=self.size.legs, rate=30)
        self.rows.append(
            Row(
                f"{found.calls} live calls reconciled after a reconnect",
                f"{found.compared_s:.2f} s",
                "≤ 2 s for 1,000",
                found.compared_s <= 2 if found.calls >= 1000 else None,
                f"{found.ready_s:.1f} s from kill -9 and start to ready",
            )
        )
        self.rows.append(
            Row(
                f"one leaves a queue of {found.calls}: the new place of each one behind is told",
                f"{found.moved_s:.2f} s",
                spread=f"{found.moved_cpu_s:.2f} s of the controller",
            )
        )

    async def _start_up(self) -> None:
        seconds = await start_up(self.place.service("many"), calls=self.size.scheduled, say=self.say)
        what = f"start-up to ready with {self.size.scheduled:,} unfinished scheduled calls"
        self.rows.append(Row(what, f"{seconds:.1f} s", "≤ 5 s", seconds <= 5))

    async def _readers(self) -> None:
        self.say(f"{self.size.readers} streams wait …")
        found = await waiting(self.size.readers)
        self.rows.append(
            Row(
                f"{found.readers:,} idle SSE readers in one process",
                f"{found.with_mb:.0f} MB ({found.before_mb:.0f} MB before)",
                "≤ 400 MB for 5,000",
                found.with_mb <= 400 if found.readers >= 5000 else None,
            )
        )


async def measure(size: Size, say: Callable[[str], None]) -> tuple[list[Row], list[str], str]:
    """Rows, notes about the run, and which Asterisk it was."""
    began, busy = time.perf_counter(), machine_busy_s()
    before = os.getloadavg()[0]
    async with lab(size.agents) as place:
        version = (await place.server.cli("core show version")).split(" built ")[0].strip()
        rows = await Bench(place, size, say).run()
        wrong = len(place.server.errors())
    share = (machine_busy_s() - busy) / (time.perf_counter() - began) / (os.cpu_count() or 1)
    notes = [
        f"Load of the machine before the run: {before:.1f} (above 0.5 it was not calm: trust ratios only); "
        f"processors in use during it: {share:.0%}.",
        f"ERROR lines in Asterisk's log: {wrong}.",
    ]
    return rows, notes, version


def main() -> int:
    """Exit code 0 when it was measured, whatever the figures say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer calls, at most two minutes; writes no file")
    wanted = parser.parse_args()
    began = time.perf_counter()

    def say(line: str) -> None:
        out.print(f"[dim]{time.perf_counter() - began:4.0f} s[/]  {line}")

    try:
        rows, notes, version = asyncio.run(measure(QUICK if wanted.quick else Size(), say))
    except KeyboardInterrupt:
        out.print("Stopped; nothing was left behind.")
        return 130
    except PrefixError as error:
        out.print(str(error))
        return 1
    command = 'make bench ARGS="--quick"' if wanted.quick else "make bench"
    text = report.document(rows, command, time.perf_counter() - began, notes, version)
    if not wanted.quick:
        report.LAST.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
