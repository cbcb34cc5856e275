"""A ladder as lines of text, for a terminal: times, lifelines with arrows between them, and the words beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from .ladder import Ladder, Rung
from .told import Words

#: Between two lifelines, characters.
_GAP = 4


@dataclass(frozen=True, slots=True)
class Pen:
    """The characters that are drawn with."""

    life: str
    line: str
    cross: str
    left: str
    right: str
    note: str


BOXES = Pen("│", "─", "┼", "◀", "▶", "●")
#: For terminals and files that know nothing else.
ASCII = Pen("|", "-", "+", "<", ">", "*")


def draw(ladder: Ladder, zone: ZoneInfo, lang: str = "en", pen: Pen = BOXES) -> Iterator[str]:
    """Line by line, without colours. Times are those of `zone`."""
    centres = _centres(ladder.participants)
    head = 23
    yield " " * head + "".join(f"{who:<{len(who) + _GAP}}" for who in ladder.participants).rstrip()
    day, before = None, ladder.rungs[0].at
    for rung in ladder.rungs:
        local = rung.at.astimezone(zone)
        if local.date() != day:
            day = local.date()
            yield f"{day.isoformat():<{head}}" + _lives(ladder, centres, pen).rstrip()
        yield (
            f"{local:%H:%M:%S}.{local.microsecond // 1000:03} {_since(before, rung.at):>9} "
            + _rung(ladder, rung, centres, pen)
            + f"  {rung.words.of(lang)}"
        )
        before = rung.at


def _centres(participants: tuple[str, ...]) -> dict[str, int]:
    found, column = {}, 0
    for who in participants:
        found[who] = column + len(who) // 2
        column += len(who) + _GAP
    return found


def _width(ladder: Ladder) -> int:
    return sum(len(who) + _GAP for who in ladder.participants) - _GAP


def _lives(ladder: Ladder, centres: dict[str, int], pen: Pen) -> str:
    cells = [" "] * _width(ladder)
    for column in centres.values():
        cells[column] = pen.life
    return "".join(cells)


def _rung(ladder: Ladder, rung: Rung, centres: dict[str, int], pen: Pen) -> str:
    cells = list(_lives(ladder, centres, pen))
    start, end = centres[rung.from_], centres[rung.to]
    if start == end:
        cells[start] = pen.note
        return "".join(cells)
    lives = set(centres.values())
    for column in range(min(start, end) + 1, max(start, end)):
        cells[column] = pen.cross if column in lives else pen.line
    tip = end - 1 if end > start else end + 1
    cells[tip] = pen.right if end > start else pen.left
    return "".join(cells)


def _since(before: datetime, at: datetime) -> str:
    seconds = (at - before).total_seconds()
    if seconds >= 3600:
        return f"+{seconds / 3600:.1f} h"
    return f"+{seconds:.3f} s" if seconds < 60 else f"+{seconds / 60:.1f} min"


def titled(ladder: Ladder) -> Words:
    """Which call it is, and how it stands."""
    return Words(
        f"call {ladder.call_id}, ticket {ladder.ticket}: {ladder.short.en}",
        f"звонок {ladder.call_id}, заявка {ladder.ticket}: {ladder.short.ru}",
    )
