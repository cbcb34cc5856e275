"""A page of calls, newest first, by any filter.

One condition leads: its index gives the calls in their order. All others are held against what it gives, one call after
the other, though never against more than AT_MOST of them: so a page costs the same among a million calls as among ten
thousand, whatever is asked for. Where few of many fit, it may come out short, or empty, and lead on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select, text, tuple_

from ..call.model import Direction
from ..call.states import State
from .reads import read_cursor, write_cursor
from .rows import CALL_COLUMNS
from .tables import IS_INBOUND, IS_LIVING, calls
from .values import CallFilter

#: So many calls are looked at for one page: 3 ms where none of them fits (benchmarks/history.py).
AT_MOST = 2000

_LIVING, _INBOUND = "living", "inbound"
#: What may lead: the first that is asked for in full. Those that fewer calls have go before others.
_LEADS: tuple[tuple[str, ...], ...] = (
    ("ticket",), ("number_mark",), ("user_id",), (_LIVING,),
    ("client", "cause_slug"), ("cause_slug",), ("client", "outcome"), ("outcome",),
    (_INBOUND,), ("queue",), ("service",), ("client",), (),
)  # fmt: skip
#: Both databases use a partial index only for a query that repeats its condition.
_SPELLED = {_LIVING: IS_LIVING, _INBOUND: IS_INBOUND}
_place = tuple_(calls.c.accepted_at, calls.c.id)


def page(
    connection: Connection, filter_: CallFilter, mark: str | None, cursor: str | None, limit: int
) -> tuple[Sequence[Row[Any]], str | None]:
    """Up to `limit` rows of CALL_COLUMNS after `cursor`, and the cursor behind them; None: there are no more. `mark` is
    that of the filter's number. Raises BadCursor."""
    asked = _asked(filter_, mark)
    lead = next(each for each in _LEADS if asked.keys() >= set(each))
    bounds = [*_leading(lead, asked), *_times(filter_)]
    if cursor is not None:
        bounds.append(_place < tuple_(*read_cursor(cursor)))
    rest = [*_rest(lead, asked), *_states(filter_)]
    end = _end_of_sight(connection, bounds) if rest else None
    if end is not None:
        bounds.append(_place >= tuple_(end.accepted_at, end.id))
    found = connection.execute(_newest(select(*CALL_COLUMNS), *bounds, *rest).limit(limit + 1)).all()
    if len(found) > limit:
        last = found[limit - 1]
        return found[:limit], write_cursor(last.accepted_at, last.id)
    return found, write_cursor(end.accepted_at, end.id) if end is not None else None


def _asked(filter_: CallFilter, mark: str | None) -> dict[str, Any]:
    """Column to value; of living and inbound calls also that they are."""
    wanted = {
        "ticket": filter_.ticket,
        "number_mark": mark,
        "user_id": filter_.user,
        "cause_slug": filter_.cause,
        "outcome": filter_.outcome and filter_.outcome.value,
        "queue": filter_.queue,
        "service": filter_.service,
        "client": filter_.client,
        "direction": filter_.direction and filter_.direction.value,
        _LIVING: (filter_.states is not None and State.ENDED not in filter_.states) or None,
        _INBOUND: filter_.direction is Direction.INBOUND or None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _leading(lead: Sequence[str], asked: dict[str, Any]) -> Iterator[ColumnElement[bool]]:
    for name in lead:
        yield text(_SPELLED[name]) if name in _SPELLED else calls.c[name] == asked[name]  # type: ignore[misc]


def _rest(lead: Sequence[str], asked: dict[str, Any]) -> Iterator[ColumnElement[bool]]:
    said = {*lead, *_SPELLED, *({"direction"} if _INBOUND in lead else ())}
    for name in asked.keys() - said:
        # An expression has no index: what leads is decided here and not guessed by the database.
        yield calls.c[name].concat("") == asked[name]


def _states(filter_: CallFilter) -> Iterator[ColumnElement[bool]]:
    if filter_.states is not None:
        yield calls.c.state.concat("").in_(sorted(filter_.states))


def _times(filter_: CallFilter) -> Iterator[ColumnElement[bool]]:
    if filter_.from_ is not None:
        yield calls.c.accepted_at >= filter_.from_
    if filter_.to is not None:
        yield calls.c.accepted_at < filter_.to


def _newest(wanted: Select[Any], *where: ColumnElement[bool]) -> Select[Any]:
    return wanted.where(*where).order_by(calls.c.accepted_at.desc(), calls.c.id.desc())


def _end_of_sight(connection: Connection, bounds: Sequence[ColumnElement[bool]]) -> Row[Any] | None:
    """The place of the last call that is looked at; None when there are not so many."""
    places = _newest(select(calls.c.accepted_at, calls.c.id), *bounds)
    return connection.execute(places.limit(1).offset(AT_MOST - 1)).one_or_none()
