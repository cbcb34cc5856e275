"""The table: each figure beside its goal, and the verdict; then how it came about."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import median
from benchmarks.latency import Latencies, words
from benchmarks.ramp import Step, most
from benchmarks.rounds import Round

LAST = Path(__file__).with_name("last.md")


@dataclass(frozen=True)
class Row:
    """One figure. `met` None: there is no goal for it, or nothing to judge."""

    what: str
    measured: str
    goal: str = "-"
    met: bool | None = None
    spread: str = ""

    @property
    def verdict(self) -> str:
        return "-" if self.met is None else ("met" if self.met else "**missed**")


def of_rounds(rounds: Sequence[Round]) -> list[Row]:
    """Pair by pair: a floor's round and the service's round that followed it."""
    pairs = list(zip(rounds[::2], rounds[1::2], strict=True))
    ratios = [above.asterisk_ms / below.asterisk_ms for below, above in pairs]
    controller = [above.controller_ms for _, above in pairs]
    bare = median([below.asterisk_ms for below, _ in pairs])
    full = median([above.asterisk_ms for _, above in pairs])
    events = median([above.events for _, above in pairs])
    return [
        Row(
            "Asterisk CPU per call, everything on, over the floor",
            f"{median(ratios):.2f} × ({full:.1f} ms over {bare:.1f} ms)",
            "≤ 1.25 ×",
            median(ratios) <= 1.25,
            _spread(ratios, "{:.2f}"),
        ),
        Row(
            "controller CPU per complete call",
            f"{median(controller):.1f} ms ({events:.0f} events over SSE)",
            "≤ 8 ms",
            median(controller) <= 8,
            _spread(controller, "{:.1f}"),
        ),
    ]


def of_ramps(pairs: Sequence[tuple[list[Step], list[Step]]]) -> list[Row]:
    """The highest rate that both sides carried."""
    ratios = [most(above) / most(below) if most(below) else float("nan") for below, above in pairs]
    floor, service = median([most(b) for b, _ in pairs]), median([most(a) for _, a in pairs])
    return [
        Row(
            "calls started per second until answer→agent p99 passes 100 ms, over the floor",
            f"{median(ratios):.2f} × ({service:.0f} over {floor:.0f} calls/s)",
            "≥ 0.8 ×",
            median(ratios) >= 0.8,
            _spread(ratios, "{:.2f}"),
        )
    ]


def of_latencies(found: Latencies) -> list[Row]:
    """All at one rate."""
    at = f"at {found.rate:g}/s"
    lost = f", {found.refused} refused" if found.refused else ""
    rows = [
        (f"`POST /v1/calls` accepted and durable, {at}{lost}", found.accepted, 25.0),
        (f"accepted → INVITE at the device, {at}", found.to_invite, 50.0),
        (f"Asterisk event → SSE reader, {at}", found.to_reader, 50.0),
        (f"citizen's answer → agent connected, {at}", found.to_agent, None),
    ]
    return [_latency(what, values, goal) for what, values, goal in rows]


def _latency(what: str, values: list[float], goal: float | None) -> Row:
    worst = sorted(values)[int(0.99 * len(values))] if values else float("inf")
    met = None if goal is None else worst <= goal
    return Row(what, words(values), f"p99 ≤ {goal:g} ms" if goal else "-", met, f"{len(values)} values")


def _spread(values: Sequence[float], form: str) -> str:
    return f"{form.format(min(values))} to {form.format(max(values))} in {len(values)}"


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = ["| what | measured | spread | goal | verdict |", "|---|---|---|---|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.spread} | {row.goal} | {row.verdict} |" for row in rows]
    return "\n".join(lines)


def document(rows: Sequence[Row], command: str, seconds: float, notes: Sequence[str], asterisk: str) -> str:
    """The whole of last.md."""
    facts = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors ({_processor()}), "
        f"{asterisk}, Python {platform.python_version()}, {seconds:.0f} s"
    )
    listed = "".join(f"- {note}\n" for note in notes)
    return f"# The last figures\n\nMade by `{command}`: {facts}.\n\n{table(rows)}\n\n{listed}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
