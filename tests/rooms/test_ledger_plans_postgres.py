"""No question walks through all calls on PostgreSQL either: it is asked how it would answer, with enough calls that it
would notice a walk."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Engine, event, text

from pbx_bridge.call.model import Direction
from pbx_bridge.call.states import Outcome, State
from pbx_bridge.ledger import CallFilter, Ledger, Unreadable, paging
from pbx_bridge.ledger.access import Client
from pbx_bridge.phone import Phone
from workshop.postgres import Postgres

from .ledger_calls import KEY, NOON, PEPPER
from .test_ledger_plans import CURSOR, FILTERS

pytest_plugins = ["tests.ledger_plugin"]

#: Of the calls below.
CROWD, SCHEDULED = 20_000, 1000
ANNA = Phone("+79161234567")
#: Half a year of a small portal: most ended well, some wait, one in a thousand was lost, everybody has called often.
CALLS = """
    INSERT INTO calls (id, ticket, client, user_id, service, state, outcome, cause_slug, revision, attempt, accepted_at,
        state_since, ended_at, wake_at, progress, sealed_request, number_mark, direction, queue)
    SELECT 'call_' || n, 'T' || n, CASE WHEN n % 50 = 0 THEN 'kiosk' ELSE 'portal' END, 'u-' || n % 3001,
        (ARRAY['support', 'tax', 'pensions'])[n % 3 + 1], CASE WHEN n % 20 = 0 THEN 'scheduled' ELSE 'ended' END,
        CASE WHEN n % 20 = 0 THEN NULL WHEN n % 1000 = 1 THEN 'lost' ELSE 'completed' END,
        CASE WHEN n % 20 = 0 THEN NULL WHEN n % 1000 = 1 THEN 'asterisk_restarted' ELSE 'agent_hung_up' END,
        1, 1, at, at, CASE WHEN n % 20 = 0 THEN NULL ELSE at END, CASE WHEN n % 20 = 0 THEN at END, '{}',
        decode(repeat('ab', 400), 'hex'), 'm-' || n % 3001, CASE WHEN n % 40 = 7 THEN 'inbound' ELSE 'outbound' END,
        CASE WHEN n % 200 = 3 THEN 'night' ELSE 'desk' END
    FROM (SELECT n, timestamptz '2026-01-12 12:00Z' - n * interval '10 minutes' AS at
        FROM generate_series(1, 20000) AS n) AS numbered
"""
EVENTS = """
    INSERT INTO events (call_id, sequence, id, client, type, time, data)
    SELECT id, 1, 'evt_' || lpad(substr(id, 6), 26, '0'), client, 'call.accepted', accepted_at, 'x' FROM calls
"""
CITIZENS = """
    INSERT INTO citizens (client, user_id, data, updated_at)
    SELECT 'portal', 'u-' || n, 'x', now() FROM generate_series(1, 20000) AS n;
"""
MARKS = """
    INSERT INTO citizen_marks (client, user_id, kind, mark)
    SELECT 'portal', 'u-' || n, 'phone', 'm-' || n FROM generate_series(1, 20000) AS n
"""


@pytest.fixture(scope="module")
def crowded_url(postgres: Postgres) -> Iterator[str]:
    yield postgres.create("crowded", "template_ledger")
    postgres.drop("crowded")


@pytest_asyncio.fixture
async def crowded(crowded_url: str) -> AsyncIterator[Ledger]:
    """A ledger with so many calls that a walk through them is dear."""
    ledger = await Ledger.open(crowded_url, [KEY], pepper=PEPPER)
    if await ledger.client("portal") is None:
        await ledger.add_client(Client("portal", "Portal", frozenset(), NOON, 900))
        async with ledger._store.writing() as desk:
            for statement in (CALLS, EVENTS, CITIZENS, MARKS, "ANALYZE"):
                await desk.run(lambda connection, said=statement: connection.execute(text(said)))  # type: ignore[misc]
    yield ledger
    await ledger.close()


@contextmanager
def explained() -> Iterator[list[str]]:
    """How PostgreSQL answers the statements of the block, step by step."""
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            how = "EXPLAIN (ANALYZE, TIMING OFF) " if statement.startswith("SELECT") else "EXPLAIN "
            rows = connection.exec_driver_sql(how + statement, parameters)
            plans.extend(row[0] for row in rows)

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


def walks(plans: list[str]) -> list[str]:
    """Steps through a whole table."""
    assert plans, "this test would not see anything"
    small = r"Seq Scan on (clients|alembic_version)"
    return [step.strip() for step in plans if re.search("Seq Scan", step) and not re.search(small, step)]


def looked_at(plans: list[str]) -> int:
    """The most rows that any step has really met, those that it passed over among them."""
    met = [int(found[1]) for step in plans if (found := re.search(r"actual rows=(\d+)", step))]
    passed = [int(found[1]) for step in plans if (found := re.search(r"Rows Removed by Filter: (\d+)", step))]
    return max(met) + max(passed, default=0)


async def ask(ledger: Ledger, asked: CallFilter) -> None:
    mark = "m-17" if asked.phone else None
    await ledger._read(lambda connection: paging.page(connection, asked, mark, CURSOR, 50))


@pytest.mark.parametrize("asked", FILTERS)
async def test_a_page_looks_at_few_calls_whatever_is_asked_for(crowded: Ledger, asked: CallFilter) -> None:
    with explained() as plans:
        await ask(crowded, asked)
    assert walks(plans) == []
    # Not exactly AT_MOST: where a third of all calls fit, it may prefer to pass over the others.
    assert looked_at(plans) <= 4 * paging.AT_MOST < CROWD


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (CallFilter(outcome=Outcome.LOST), "calls_history_of_outcome"),
        (CallFilter(client="kiosk", outcome=Outcome.COMPLETED), "calls_history_of_client_by_outcome"),
        (CallFilter(client="kiosk", cause="agent_hung_up"), "calls_history_of_client_by_cause"),
        (CallFilter(cause="asterisk_restarted"), "calls_history_of_cause"),
        (CallFilter(client="portal", states=frozenset({State.SCHEDULED})), "calls_living"),
        (CallFilter(phone=ANNA), "calls_history_of_number"),
        (CallFilter(queue="night"), "calls_history_of_queue"),
        (CallFilter(direction=Direction.INBOUND), "calls_history_inbound"),
    ],
)
async def test_what_leads_is_what_was_meant_to(crowded: Ledger, asked: CallFilter, index: str) -> None:
    with explained() as plans:
        await ask(crowded, asked)
    assert {found[1] for step in plans if (found := re.search(r"(?:using|Index Scan on) (\w+)", step))} == {index}


async def test_the_backlog_is_answered_by_what_is_scheduled_alone(crowded: Ledger) -> None:
    with explained() as plans, suppress(Unreadable):
        await crowded.backlog("desk", NOON)
    with explained() as more, suppress(Unreadable):
        await crowded.next_scheduled(NOON)
        await crowded.backlog_sizes(NOON)
        await crowded.scheduled("call_x")
        await crowded.scheduled("call_x", queue="desk")
    assert walks(plans + more) == []
    assert looked_at(plans + more) <= SCHEDULED


async def test_a_caller_is_recognised_without_a_walk(crowded: Ledger) -> None:
    with explained() as plans:
        assert await crowded.citizens_by_phone(ANNA) == []
    assert any("citizen_marks_found" in step for step in plans)
    assert walks(plans) == []


async def test_timelines_and_retention_walk_through_nothing(crowded: Ledger) -> None:
    with explained() as plans, suppress(Unreadable):
        await crowded.events_of(["call_17", "call_18"])
    with explained() as more, suppress(Unreadable):
        await crowded.spend(NOON, NOON)
    with explained() as whole:
        await crowded.spend(NOON.replace(year=2020), NOON, whole=True)
    assert walks(plans + more + whole) == []


async def test_this_file_would_notice_a_walk(crowded: Ledger) -> None:
    with explained() as plans:
        await crowded._read(lambda connection: connection.execute(text("SELECT * FROM events")).all())
    assert walks(plans)
