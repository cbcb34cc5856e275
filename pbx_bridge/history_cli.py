"""`pbx-bridge call …` and `pbx-bridge history …`: what happened, on the command line. The service need not run.

Whoever looks at a call leaves a line in the audit, as over HTTP.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from . import settings
from .call.causes import REASONS
from .call.model import Call, Direction
from .call.snapshot import snapshot
from .call.states import Outcome, State
from .history import Told, durations, ladder, stages, status
from .history.drawing import ASCII, BOXES, draw, titled
from .hours.period import NotAZone, zone_of
from .ledger import AuditLine, CallFilter, Ledger
from .phone import NotAPhone, Phone
from .portal.call_table import COLUMNS, cells, lines
from .retention import Bounds, due, purge
from .upkeep import operator
from .wiring import ledger_of, now

Config = Annotated[Path | None, Parameter(name=["--config", "-c"], help="Configuration file; default PBX_CONFIG.")]
Lang = Literal["ru", "en"]
Zone = Annotated[str, Parameter(help="Whose times are shown.")]
Result = TypeVar("Result")

app = App(name="call", help="What happened: list calls, show one as a ladder.")
history = App(name="history", help="How long calls are kept: purge.")
out = Console(highlight=False, soft_wrap=True)
_TOOK = {
    "en": "ring {0.ring:g} s, wait {0.wait:g} s, talk {0.talk:g} s (hold {0.hold:g} s), whole {0.whole:g} s",
    "ru": "вызов {0.ring:g} с, ожидание {0.wait:g} с, разговор {0.talk:g} с (удержание {0.hold:g} с), "
    "всего {0.whole:g} с",
}
#: Calls of one page; more are asked for page by page.
PAGE = 200


class Refused(Exception):
    """What was asked for cannot be answered. The text says why and what to do."""


@app.command
def show(call: str, *, zone: Zone = "Europe/Moscow", lang: Lang = "en", config: Config = None) -> None:
    """Draw the ladder of CALL, a call's id or its ticket: who said what to whom, and how long it took."""
    home = _zone(zone)
    for line in asyncio.run(_with_ledger(config, lambda ledger: _shown(ledger, call, home, lang))):
        out.print(line)


@app.command(name="list")
def list_(
    *,
    user: str | None = None,
    client: str | None = None,
    service: str | None = None,
    queue: str | None = None,
    state: State | None = None,
    outcome: Outcome | None = None,
    cause: str | None = None,
    direction: Direction | None = None,
    ticket: str | None = None,
    phone: Annotated[str | None, Parameter(help="The whole number, +79161234567.")] = None,
    from_: Annotated[str | None, Parameter(name="--from", help="Accepted at or after; a date or a moment.")] = None,
    to: Annotated[str | None, Parameter(help="Accepted before.")] = None,
    limit: Annotated[int, Parameter(help="So many, the newest.")] = 20,
    csv: Annotated[bool, Parameter(negative="", help="As a table for spreadsheets.")] = False,
    zone: Zone = "Europe/Moscow",
    config: Config = None,
) -> None:
    """Calls, newest first. Every option narrows the choice."""
    home = _zone(zone)
    if cause is not None and cause not in REASONS:
        raise Refused(f"--cause: there is no {cause}. There are: {', '.join(sorted(REASONS))}.")
    if not 1 <= limit <= 100_000:
        raise Refused("--limit: give 1 to 100000.")
    asked = CallFilter(
        client=client, user=user, service=service, states=frozenset({state}) if state else None,
        from_=_moment("--from", from_, home), to=_moment("--to", to, home), direction=direction, outcome=outcome,
        cause=cause, queue=queue, ticket=ticket, phone=_phone(phone),
    )  # fmt: skip
    found = asyncio.run(_with_ledger(config, lambda ledger: _found(ledger, asked, limit)))
    if csv:
        sys.stdout.buffer.write(lines([COLUMNS, *(cells(call) for call in found)]))
    elif found:
        for line in _rows(found, home):
            out.print(line, markup=False)
    else:
        out.print("No call is like that.")


@history.command(name="purge")
def purge_(
    *,
    before: Annotated[str, Parameter(help="A date or a moment: calls that ended before it.")],
    delete: Annotated[bool, Parameter(negative="", help="Delete them whole; otherwise they lose who it was.")] = False,
    dry_run: Annotated[bool, Parameter(negative="", help="Only say how many they are.")] = False,
    zone: Zone = "Europe/Moscow",
    config: Config = None,
) -> None:
    """Take out of old calls who it was, or delete them. What is gone does not come back; backups are yours."""
    bound = _moment("--before", before, _zone(zone))
    if bound is None or bound > now():
        raise Refused("--before: give a moment that has passed.")
    bounds = Bounds(delete=bound) if delete else Bounds(empty=bound)
    if dry_run:
        count = asyncio.run(_with_ledger(config, lambda ledger: due(ledger, bounds)))
        out.print(f"{count.deleted} calls would be deleted." if delete else f"{count.emptied} calls would be emptied.")
        return
    done = asyncio.run(_with_ledger(config, lambda ledger: purge(ledger, bounds, now(), operator())))
    out.print(
        f"Deleted: {done.deleted} calls with all that belonged to them; the audit keeps its lines."
        if delete
        else f"Emptied: {done.emptied} calls name nobody any more."
    )


async def _shown(ledger: Ledger, name: str, zone: ZoneInfo, lang: Lang) -> list[Text]:
    call = await ledger.call(name) or await ledger.call_of_ticket(name)
    if call is None:
        raise Refused(f"There is no call with the id or ticket {name}; `pbx-bridge call list` shows calls.")
    await _note(ledger, "read-timeline", [call])
    told = [Told(each.sequence, each.type, each.time, each.data["call"]) for each in await ledger.events_of([call.id])]
    return list(_drawn(told or [Told(1, "call.accepted", call.accepted_at, snapshot(call))], zone, lang))


def _drawn(story: list[Told], zone: ZoneInfo, lang: Lang) -> Iterator[Text]:
    drawn = ladder(story)
    said = status(story[-1].call)
    yield Text(titled(drawn).of(lang), style="bold")
    if why := said.why.of(lang):
        yield Text(why)
    took = durations(stages(story), now())
    yield Text(_TOOK[lang].format(took))
    yield Text("")
    for line in draw(drawn, zone, lang, BOXES if _takes(BOXES.life + BOXES.right) else ASCII):
        text = Text(line)
        text.stylize("dim", 0, 23)
        yield text


def _takes(characters: str) -> bool:
    """Whether the terminal, or the file behind it, can hold these."""
    try:
        characters.encode(out.encoding)
    except UnicodeEncodeError:
        return False
    return True


async def _found(ledger: Ledger, asked: CallFilter, limit: int) -> list[Call]:
    found: list[Call] = []
    cursor = None
    while len(found) < limit:
        page = await ledger.calls(asked, cursor=cursor, limit=min(PAGE, limit - len(found)))
        await _note(ledger, "list-calls", page.calls)
        found += page.calls
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


async def _note(ledger: Ledger, action: str, calls: list[Call] | tuple[Call, ...]) -> None:
    at, actor = now(), operator()
    await ledger.note(
        [
            AuditLine(at, actor, action, "taken", call_id=call.id, citizen=(call.request.client, call.request.user))
            for call in calls
        ]
    )


def _rows(calls: list[Call], zone: ZoneInfo) -> Iterator[str]:
    """A head and a line for each call, in columns; never cut, however narrow the terminal."""
    rows = [("accepted", "ticket", "call", "client", "user", "service", "state", "cause")]
    for call in calls:
        state = call.outcome.value if call.outcome else call.state.value
        rows.append(
            (f"{call.accepted_at.astimezone(zone):%Y-%m-%d %H:%M:%S}", call.ticket, call.id, call.request.client,
             call.request.user, call.request.service, state, call.cause.slug if call.cause else "")
        )  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


async def _with_ledger(config: Path | None, work: Callable[[Ledger], Awaitable[Result]]) -> Result:
    ledger = await ledger_of(settings.load(config))
    try:
        return await work(ledger)
    finally:
        await ledger.close()


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_of(name)
    except NotAZone as error:
        raise Refused(f"--zone: {error}.") from None


def _phone(text: str | None) -> Phone | None:
    try:
        return Phone(text) if text else None
    except NotAPhone as error:
        raise Refused(f"--phone: {error}.") from None


def _moment(option: str, text: str | None, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{option}: {text!r} is no moment: write 2026-12-31 or 2026-12-31T15:00+03:00.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
