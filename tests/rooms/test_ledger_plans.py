"""No question walks through all calls ever made: SQLite is asked how it would answer, before there is any data.

(PostgreSQL decides by its statistics: test_ledger_plans_postgres.py gives it some.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from pbx_bridge.call.commands import SendCode
from pbx_bridge.call.model import Direction
from pbx_bridge.call.states import Outcome, State
from pbx_bridge.ledger import AuditFilter, CallFilter, Client, Ledger
from pbx_bridge.ledger.reads import write_cursor
from pbx_bridge.phone import Phone

from .ledger_calls import NOON, aborting, birth, change, newborn, put
from .test_ledger_outbox import wish

pytest_plugins = ["tests.ledger_plugin"]

CURSOR = write_cursor(NOON, "call_x")
LIVING = frozenset({State.TALKING, State.SCHEDULED})
#: These hold only what is alive: walking through all of them is no harm.
SMALL = (
    "calls_one_active",
    "calls_living",
    "outbox_open",
    "SCAN head",
    "SCAN audit_head",
    "CONSTANT ROW",
    "clients",
    "alembic_version",
)

FILTERS = [
    CallFilter(),
    CallFilter(client="portal"),
    CallFilter(user="u-1"),
    CallFilter(client="portal", user="u-1"),
    CallFilter(service="tax"),
    CallFilter(client="portal", service="tax"),
    CallFilter(client="portal", from_=NOON, to=NOON + timedelta(days=1)),
    CallFilter(states=LIVING),
    CallFilter(client="portal", states=LIVING),
    CallFilter(service="tax", states=LIVING),
    CallFilter(client="portal", user="u-1", states=LIVING),
    CallFilter(client="portal", states=frozenset({State.ENDED})),
    CallFilter(direction=Direction.INBOUND),
    CallFilter(service="tax", direction=Direction.INBOUND, states=LIVING),
    CallFilter(client="portal", direction=Direction.INBOUND),
    CallFilter(direction=Direction.OUTBOUND),
    CallFilter(outcome=Outcome.LOST),
    CallFilter(client="portal", outcome=Outcome.LOST),
    CallFilter(cause="busy"),
    CallFilter(client="portal", cause="busy", service="tax"),
    CallFilter(queue="desk"),
    CallFilter(client="portal", queue="desk", from_=NOON),
    CallFilter(phone=Phone("+79161234567")),
    CallFilter(client="portal", phone=Phone("+79161234567")),
    CallFilter(ticket="T1"),
    CallFilter(client="portal", ticket="T1"),
]


@contextmanager
def explained() -> Iterator[list[str]]:
    """How SQLite answers the statements of the block, step by step."""
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            one = parameters[0] if isinstance(parameters, list) else parameters
            rows = connection.connection.driver_connection.execute("EXPLAIN QUERY PLAN " + statement, one)
            plans.extend(row[3] for row in rows)

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


def long_walks(plans: list[str]) -> list[str]:
    """Steps through a whole table, or through a whole index of it."""
    assert plans, "this test would not see anything"
    return [step for step in plans if re.match("SCAN", step) and not any(name in step for name in SMALL)]


@pytest.mark.parametrize("filter_", FILTERS)
async def test_a_page_is_found_by_an_index_in_its_order(sqlite_ledger: Ledger, filter_: CallFilter) -> None:
    with explained() as plans:
        await sqlite_ledger.calls(filter_, cursor=CURSOR)
    assert long_walks(plans) == []
    assert [step for step in plans if "TEMP B-TREE" in step] == []


async def test_what_is_kept_too_long_is_found_by_an_index_in_its_order(sqlite_ledger: Ledger) -> None:
    with explained() as plans:
        await sqlite_ledger.spend(NOON, NOON)
        await sqlite_ledger.spend(NOON, NOON, whole=True)
        await sqlite_ledger.events_of(["call_x", "call_y"])
    assert long_walks(plans) == []
    assert [step for step in plans if "TEMP B-TREE" in step] == []
    assert "calls_telling" in plans[0]


async def test_living_calls_of_a_client_are_not_sought_among_its_old_ones(sqlite_ledger: Ledger) -> None:
    with explained() as plans:
        await sqlite_ledger.calls(CallFilter(client="portal", states=LIVING), cursor=CURSOR)
    assert all("calls_living" in step for step in plans)


async def test_no_question_walks_through_all_calls(sqlite_ledger: Ledger) -> None:
    with explained() as plans:
        await sqlite_ledger.call("call_x")
        await sqlite_ledger.call_of_ticket("T")
        await sqlite_ledger.unfinished()
        await sqlite_ledger.due(NOON)
        await sqlite_ledger.next_wake()
        await sqlite_ledger.events("call_x", after=3)
        await sqlite_ledger.events_after("evt_x")
        await sqlite_ledger.events_after("evt_x", client="portal")
        await sqlite_ledger.audit(after=3)
        await sqlite_ledger.audit("call_x")
        await sqlite_ledger.audit_page(AuditFilter(citizen=("portal", "u-1")))
        await sqlite_ledger.audit_page(AuditFilter(actor="client:portal"), after=3)
        await sqlite_ledger.audit_page(AuditFilter(from_=NOON, to=NOON + timedelta(days=1)))
        await sqlite_ledger.audit_page(AuditFilter(from_=NOON, actor="asterisk"), after=3)
        await sqlite_ledger.anchor()
        await sqlite_ledger.verify_audit()
        await sqlite_ledger.idempotent("portal", "k")
        await sqlite_ledger.open_wishes()
        await sqlite_ledger.next_wish()
        await sqlite_ledger.ping()
    assert long_walks(plans) == []


async def test_the_backlog_is_answered_by_what_is_scheduled_alone(sqlite_ledger: Ledger) -> None:
    with explained() as plans:
        await sqlite_ledger.backlog("support", NOON)
        await sqlite_ledger.next_scheduled(NOON)
        await sqlite_ledger.backlog_sizes(NOON)
        await sqlite_ledger.scheduled("call_x")
        await sqlite_ledger.scheduled("call_x", queue="support")
    indexes = ["calls_backlog", "calls_scheduled_wake", "calls_backlog", "calls_scheduled", "calls_scheduled"]
    assert [re.search(r"INDEX (\w+)", step)[1] for step in plans] == indexes  # type: ignore[index]


async def test_alarms_are_answered_by_their_own_index(sqlite_ledger: Ledger) -> None:
    with explained() as plans:
        await sqlite_ledger.due(NOON)
        await sqlite_ledger.next_wake()
    assert ["calls_wake" in step for step in plans] == [True, True]


async def test_no_change_walks_through_all_calls(sqlite_ledger: Ledger) -> None:
    call = newborn()
    with explained() as plans:
        await put(sqlite_ledger, birth(call, key="k"))
        async with sqlite_ledger.transaction() as transaction:
            await transaction.load([call.id])
            await transaction.idempotent([("portal", "k")])
        (mine,) = (await wish(sqlite_ledger, call, SendCode(), owner="me")).wishes
        await sqlite_ledger.retry(mine, NOON, "later")
        (again,) = await sqlite_ledger.claim("me", NOON, 30)
        await sqlite_ledger.drop(again, "no")
        await sqlite_ledger.finish([again])
    assert long_walks(plans) == []


async def test_no_question_about_programs_and_citizens_walks_through_all_of_them(sqlite_ledger: Ledger) -> None:
    call = newborn()
    await put(sqlite_ledger, birth(call, key="k"))
    await put(sqlite_ledger, change(call, aborting(call), NOON))
    await sqlite_ledger.add_client(Client("portal", "Portal", frozenset(), NOON, 900))
    with explained() as plans:
        await sqlite_ledger.client("portal")
        await sqlite_ledger.revocations(7, NOON)
        await sqlite_ledger.remember_nonces([("k", "n")], NOON, NOON + timedelta(minutes=1))
        await sqlite_ledger.citizen("portal", "u-1")
        await sqlite_ledger.find_citizens("portal", "snils", "1")
        await sqlite_ledger.citizens_by_phone(Phone("+79161234567"))
        await sqlite_ledger.profile("portal", "u-1")
        await sqlite_ledger.held("support", NOON, NOON)
        await sqlite_ledger.authenticator("portal", "u-1")
        await sqlite_ledger.export("portal", "u-1")
        await sqlite_ledger.erase("portal", "u-1", NOON)
        async with sqlite_ledger.transaction() as transaction:
            await transaction.recent([("portal", "u-1", "+79161234567"), ("portal", "u-2", None)], NOON)
            await transaction.authenticators([("portal", "u-1"), ("portal", "u-2")])
    assert long_walks(plans) == []


async def test_this_file_would_notice_a_walk(sqlite_ledger: Ledger) -> None:
    with explained() as plans:
        await sqlite_ledger._store.read(lambda connection: connection.execute(text("SELECT * FROM events")).all())
    assert long_walks(plans) == ["SCAN events"]
