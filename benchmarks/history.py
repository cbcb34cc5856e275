"""What the history costs: every question to ten thousand stored calls, and to a million, in one run on SQLite.

    python -m benchmarks.history                    # 10,000 and 1,000,000 calls; some minutes
    python -m benchmarks.history --calls 100000     # a shorter one

Calls are written as rows, not through the machine: what is measured is reading. Each has the events of a good call, so
that a page of activity opens what it would open in life. Times are of this process, one question at a time, on a file
whose pages the system may have in memory; nothing is compared between machines.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from benchmarks.ledger import NOON, percentile, queued_call, say
from pbx_bridge.call.model import Direction
from pbx_bridge.call.snapshot import snapshot
from pbx_bridge.call.states import Outcome, State
from pbx_bridge.history import Told, durations, ladder, stages
from pbx_bridge.history.picture import svg
from pbx_bridge.hours.period import zone_of
from pbx_bridge.ledger import CallFilter, Ledger, migrate
from pbx_bridge.ledger.forms import write_birth
from pbx_bridge.ledger.rows import BIRTH, event_place
from pbx_bridge.phone import Phone
from pbx_bridge.portal.call_table import cells, lines

KEY, PEPPER = bytes(32), b"p" * 32
#: Calls of one citizen, on average; states in the order of a good call, one event each.
PER_CITIZEN = 20
STATES = ("requested", "dialing", "ringing", "answered", "queued", "offered", "talking", "ended")
SERVICES, QUEUES = ("support", "tax", "pensions", "reference"), ("support", "tax", "night")
ENDS = (("completed", "agent_hung_up"), ("completed", "citizen_hung_up"), ("busy", "busy"), ("no_answer", "no_answer"))
#: One call in so many was lost: rare, and asked for at night.
RARE = 5000
#: Calls with events: those that are asked for. The others need none.
TOLD = 3000
CALL_ROW = (
    "INSERT INTO calls (id, ticket, client, user_id, service, state, outcome, cause_slug, revision, attempt,"
    " accepted_at, state_since, ended_at, progress, sealed_request, number_mark, direction, queue) VALUES"
    " (?, ?, ?, ?, ?, 'ended', ?, ?, 8, 1, ?, ?, ?, ?, ?, ?, ?, ?)"
)
EVENT_ROW = "INSERT INTO events (call_id, sequence, id, client, type, time, data) VALUES (?, ?, ?, ?, ?, ?, ?)"


def moment(at: datetime) -> str:
    """As the ledger's column writes it."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")


def fill(ledger: Ledger, file: Path, count: int) -> None:
    """So many calls, one every thirty seconds, the last ones with events."""
    call = queued_call(0)
    row = ledger._rows.new_call(call, None)
    began = time.perf_counter()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(CALL_ROW, _calls(ledger, row["progress"], count))
        connection.executemany(EVENT_ROW, _events(ledger, count))
        connection.execute("ANALYZE")
    say(f"{count:9} calls stored in {time.perf_counter() - began:.0f} s, {file.stat().st_size / 1e6:.0f} MB")


def _calls(ledger: Ledger, progress: str, count: int) -> Iterator[tuple[Any, ...]]:
    draw = random.Random(7)  # noqa: S311  no secret
    call = queued_call(0)
    birth = write_birth(call.request, call.terms)
    citizens = max(count // PER_CITIZEN, 1)
    for number in range(count):
        id_ = _id(number)
        at = NOON + timedelta(seconds=30 * number)
        outcome, cause = ("lost", "asterisk_restarted") if number % RARE == RARE // 2 else draw.choice(ENDS)
        citizen = draw.randrange(citizens)
        mark = ledger._rows.marks.number(f"+7916{citizen:07}")
        # Sealed anew each: a page of history opens each one.
        sealed = ledger._rows.seal.close(id_, BIRTH, birth)
        yield (
            id_, f"{number:09}", "kiosk" if number % 50 == 0 else "portal", f"u-{citizen}", draw.choice(SERVICES),
            outcome, cause, moment(at), moment(at), moment(at), progress, sealed, mark,
            "inbound" if number % 10 == 0 else "outbound", QUEUES[0 if number % 100 else 2],
        )  # fmt: skip


def _events(ledger: Ledger, count: int) -> Iterator[tuple[Any, ...]]:
    shown = snapshot(queued_call(0))
    for number in range(max(count - TOLD, 0), count):
        id_, at = _id(number), NOON + timedelta(seconds=30 * number)
        for sequence, state in enumerate(STATES, start=1):
            data = {"call": shown | {"id": id_, "state": state, "outcome": "completed" if state == "ended" else None}}
            sealed = ledger._rows.seal.close(id_, event_place(sequence), to_json(data))
            event_id = f"evt_{number * 10 + sequence:026}"
            yield id_, sequence, event_id, "portal", "call.state_changed", moment(at + timedelta(sequence)), sealed


def _id(number: int) -> str:
    return f"call_{number:026}"


async def measured(ask: Callable[[], Awaitable[object]], times: int) -> tuple[float, float]:
    """Median and 99th percentile, milliseconds."""
    lengths = []
    for _ in range(times):
        at = time.perf_counter()
        await ask()
        lengths.append(time.perf_counter() - at)
    return percentile(lengths, 50), percentile(lengths)


def questions(ledger: Ledger, count: int) -> dict[str, Callable[[], Awaitable[object]]]:
    """Everything that is asked of the history, by what it is called."""
    draw = random.Random(11)  # noqa: S311  no secret
    citizens = max(count // PER_CITIZEN, 1)
    middle = NOON + timedelta(seconds=15 * count)

    def page(**asked: Any) -> Callable[[], Awaitable[object]]:
        return lambda: ledger.calls(CallFilter(**asked))

    async def activity() -> None:
        newest = await ledger.calls(CallFilter(client="portal"), limit=20)
        await _told(ledger, [call.id for call in newest.calls])

    async def of_citizen() -> None:
        await ledger.calls(CallFilter(client="portal", user=f"u-{draw.randrange(citizens)}"), limit=20)

    async def of_number() -> None:
        await ledger.calls(CallFilter(phone=Phone(f"+7916{draw.randrange(citizens):07}")))

    async def table() -> None:
        page = await ledger.calls(CallFilter(client="portal", to=middle), limit=200)
        lines(cells(call) for call in page.calls)

    async def timeline() -> None:
        story = await _told(ledger, [_id(count - 1 - draw.randrange(min(TOLD, count)))])
        svg(ladder(story), zone_of("Europe/Moscow"))

    async def deep() -> None:
        at = NOON + timedelta(seconds=30 * draw.randrange(count))
        await ledger.calls(CallFilter(client="portal", to=at))

    return {
        "activity: 20 calls with their events": activity,
        "activity of a citizen, any": of_citizen,
        "50 calls, the newest": page(),
        "50 calls, anywhere (deep cursor)": deep,
        "by client": page(client="kiosk"),
        "by service": page(service="tax"),
        "by queue, one in 100": page(queue="night"),
        "by outcome, a quarter": page(outcome=Outcome.BUSY),
        "by outcome, one in 5000": page(outcome=Outcome.LOST),
        "by client and outcome, one in 5000": page(client="portal", outcome=Outcome.LOST),
        "by cause": page(cause="no_answer"),
        "by direction": page(direction=Direction.INBOUND),
        "by state, ended": page(states=frozenset({State.ENDED})),
        "by state, living": page(states=frozenset({State.TALKING})),
        "by ticket": page(ticket=f"{count // 2:09}"),
        "by number": of_number,
        "by time": page(from_=middle, to=middle + timedelta(hours=1)),
        "by cause and an outcome that it never has": page(cause="no_answer", outcome=Outcome.BUSY),
        "by service and client, few": page(service="tax", client="kiosk"),
        "200 rows of a table": table,
        "a timeline and its ladder": timeline,
    }


async def _told(ledger: Ledger, ids: list[str]) -> list[Told]:
    found = [Told(each.sequence, each.type, each.time, each.data["call"]) for each in await ledger.events_of(ids)]
    for id_ in ids:
        durations(stages([each for each in found if each.call["id"] == id_]), NOON)
    return found


async def measure(folder: Path, count: int, times: int) -> dict[str, tuple[float, float]]:
    """Median and p99 of each question, with so many calls stored."""
    file = folder / f"{count}.db"
    url = f"sqlite:///{file}"
    await migrate(url)
    ledger = await Ledger.open(url, [KEY], pepper=PEPPER)
    try:
        fill(ledger, file, count)
        return {name: await measured(ask, times) for name, ask in questions(ledger, count).items()}
    finally:
        await ledger.close()


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000, help="the longer history")
    parser.add_argument("--times", type=int, default=200, help="questions of each kind")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        few = asyncio.run(measure(Path(folder), 10_000, wanted.times))
        many = asyncio.run(measure(Path(folder), wanted.calls, wanted.times))
    say(f"{'milliseconds: median, p99':50} {10_000:>14} calls {wanted.calls:>14} calls")
    for name, (median, most) in few.items():
        say(f"{name:50} {median:10.2f} {most:9.2f} {many[name][0]:10.2f} {many[name][1]:9.2f}")
    slow = [name for name, (_, most) in many.items() if most > 30]
    say(f"p99 above 30 ms: {', '.join(slow)}" if slow else "every p99 is within 30 ms")
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
