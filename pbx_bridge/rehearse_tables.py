"""What a simulated day came to, as tables for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf

from rich.table import Table

from .directory.service import Service
from .line.erlang import Figures
from .simulator.beside import Beside
from .simulator.figures import Spread
from .simulator.plan import Plan

Spreads = Mapping[str, Spread | None]
_BAR = 40


def tables(
    plan: Plan, service: Service, seeds: tuple[int, ...], spreads: Spreads, beside: Beside, backlog: tuple[float, ...]
) -> Iterator[Table]:
    """All of them, in the order in which they are read."""
    days = f"{plan.day}" if plan.days == 1 else f"{plan.days} days from {plan.day}"
    title = f"{service.id}, {days}, {len(seeds)} runs (seeds {seeds[0]} to {seeds[-1]})"
    yield _callers(title, plan, spreads, beside)
    if _mean(spreads, "asked"):
        yield _callbacks(spreads)
    yield _promises(spreads)
    if any(backlog):
        yield _backlog(backlog)


def _callers(title: str, plan: Plan, spreads: Spreads, beside: Beside) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.caption = "Erlang: live callers alone, hour by hour; C: nobody gives up; A: exponential patience."
    for name in ("live callers", "simulated", "±", "Erlang C", "Erlang A"):
        table.add_column(name, justify="left" if name == "live callers" else "right")
    c, a = beside.c, beside.a
    table.add_row("calls", *_number(spreads["live"]), "", "")
    level = f"answered within {plan.within_s:g} s"
    table.add_row(level, *_share(spreads["service_level"]), _of(c, "within"), _of(a, "within"))
    table.add_row("wait, mean", *_time(spreads["wait_mean_s"]), _wait(c), _wait(a))
    for name, words in (("wait_p50_s", "half of them"), ("wait_p90_s", "90 %"), ("wait_p99_s", "99 %")):
        table.add_row(f"wait, {words} at most", *_time(spreads[name]), "", "")
    table.add_row("gave up", *_share(spreads["abandoned"]), _of(c, "abandoned"), _of(a, "abandoned"))
    table.add_row("occupancy (all calls)", *_share(spreads["occupancy"]), _of(c, "occupancy"), _of(a, "occupancy"))
    for name, words in (("turned_away", "turned away"), ("overflowed", "to another queue")):
        if _mean(spreads, name):
            table.add_row(words, *_number(spreads[name]), "", "")
    return table


def _callbacks(spreads: Spreads) -> Table:
    table = _plain("callbacks")
    rows = (("asked", "asked for"), ("reached", "reached"), ("given_up", "given up"), ("left", "left at the end"))
    for name, words in (*rows, ("attempts", "attempts")):
        table.add_row(words, *_number(spreads[name]))
    table.add_row("wait in the queue once called, mean", *_time(spreads["called_wait_mean_s"]))
    table.add_row("wait in the queue once called, 90 %", *_time(spreads["called_wait_p90_s"]))
    table.add_row("most phones that rang at once", *_number(spreads["most_ringing"]))
    table.add_row("begun for the tenth agent of an overrun desk", *_number(spreads["over"]))
    table.add_row("most beyond agents free or expected", *_number(spreads["most_over"]))
    for name, words in (("drained_95_h", "95 %"), ("drained_h", "all")):
        spread = spreads[name]
        cells = (f"{spread.mean:.1f} h", f"{spread.deviation:.1f}") if spread else ("–", "")
        table.add_row(f"backlog of the opening drained after ({words})", *cells)
    return table


def _promises(spreads: Spreads) -> Table:
    table = _plain("what people were told when they joined the queue")
    table.add_row("waited no longer than the bound, all", *_share(spreads["held"]))
    table.add_row("likely wait wrong by, all", *_time(spreads["error_s"]))
    table.add_row("no longer than the bound, of those for whom no agent was free", *_share(spreads["held_queued"]))
    table.add_row("likely wait wrong by, of those", *_time(spreads["error_queued_s"]))
    table.add_row("app_queue's (3·old + new)/4 wrong by, of those", *_time(spreads["hold_error_s"]))
    return table


def _backlog(backlog: tuple[float, ...]) -> Table:
    table = Table("hour", "waiting for a callback", "", title="backlog", title_justify="left")
    table.columns[1].justify = "right"
    most = max(backlog)
    for hour, size in enumerate(backlog, 1):
        day, of_day = divmod(hour, 24)
        table.add_row(f"{f'+{day} ' if day else ''}{of_day:02}:00", f"{size:.0f}", "█" * round(_BAR * size / most))
    return table


def _plain(title: str) -> Table:
    table = Table(title, "simulated", "±")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _mean(spreads: Spreads, name: str) -> float:
    spread = spreads[name]
    return spread.mean if spread else 0.0


def _number(spread: Spread | None) -> tuple[str, str]:
    return (f"{spread.mean:,.0f}", f"{spread.deviation:,.0f}") if spread else ("–", "")


def _share(spread: Spread | None) -> tuple[str, str]:
    return (f"{spread.mean:.1%}", f"{spread.deviation:.1%}") if spread else ("–", "")


def _time(spread: Spread | None) -> tuple[str, str]:
    return (f"{spread.mean:.1f} s", f"{spread.deviation:.1f}") if spread else ("–", "")


def _of(figures: Figures | None, name: str) -> str:
    return "–" if figures is None else f"{getattr(figures, name):.1%}"


def _wait(figures: Figures | None) -> str:
    if figures is None:
        return "–"
    return "endless" if figures.mean_wait_s == inf else f"{figures.mean_wait_s:.1f} s"
