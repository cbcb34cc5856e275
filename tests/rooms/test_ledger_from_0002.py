"""What revision 0003 does to calls that are there, and that the release before could still write beside it."""

from __future__ import annotations

from pbx_bridge.ledger import Ledger, migrate
from pbx_bridge.ledger.seal import Seal

from .ledger_calls import KEY, NOON, PEPPER
from .test_ledger_from_0001 import execute
from .test_migrations import bare_url, description, within

__all__ = ["bare_url"]

pytest_plugins = ["tests.ledger_plugin"]

#: Request, terms and progress as the release before wrote them.
BIRTH = (
    b'{"request":{"client":"portal","user":"u-1","service":"support","queue":"desk","devices":[{"kind":"mobile",'
    b'"phone":"+79161234567","address":null}],"phone":"+79161234567","time_zone":"Europe/Moscow","locale":"ru",'
    b'"session_id":null,"subject":null,"client_ref":null,"consent":null},"terms":{"time_limit_s":1800,"start_s":60,'
    b'"code_s":300,"codes":3,"ring_s":45,"prompt_s":60,"queue_s":900,"transfer_s":60,"grace_s":10,"rounds":0}}'
)
PROGRESS = '{"device":0,"rounds_left":0,"ringing":[],"scheduled_for":"2026-01-12T12:00:00Z"}'


OLD_CALL = (
    "INSERT INTO calls (id, ticket, client, user_id, service, state, revision, attempt, accepted_at, state_since,"
    " wake_at, progress, sealed_request) VALUES ('call_1', 'T1', 'portal', 'u-1', 'support', 'scheduled', 2, 0,"
    " '{noon}', '{noon}', '{noon}', '{progress}', {sealed})"
)


async def store(url: str) -> None:
    """A scheduled call, as the release before wrote it."""
    sealed = Seal([KEY]).close("call_1", "calls.sealed_request", BIRTH).hex()
    literal = f"X'{sealed}'" if url.startswith("sqlite") else f"decode('{sealed}', 'hex')"
    await execute(url, OLD_CALL.replace("{progress}", PROGRESS).replace("{sealed}", literal))


async def test_a_call_of_the_release_before_waits_on_in_its_queue(bare_url: str) -> None:
    await migrate(bare_url, to="0002")
    await store(bare_url)
    await migrate(bare_url)
    await works_on(bare_url)


async def test_the_release_before_may_still_schedule_calls(bare_url: str) -> None:
    await migrate(bare_url)
    await store(bare_url)
    await works_on(bare_url)


async def works_on(url: str) -> None:
    ledger = await Ledger.open(url, [KEY], pepper=PEPPER)
    assert await ledger.backlog_sizes(NOON) == {"desk": (1, 1)}
    (call,) = await ledger.backlog("desk", NOON)
    await ledger.close()
    assert (call.queue, call.request.direction, call.request.when, call.callback) == ("desk", "outbound", None, False)
    assert (call.terms.rounds, call.terms.prove, call.scheduled_for) == (0, "callbacks", NOON)


async def test_the_way_down_leaves_the_tables_of_0002_and_the_call(bare_url: str) -> None:
    await migrate(bare_url, to="0002")
    before = await within(bare_url, description)
    await store(bare_url)
    await migrate(bare_url)
    await migrate(bare_url, to="0002")
    assert await within(bare_url, description) == before
    found = await within(
        bare_url, lambda connection: connection.exec_driver_sql("SELECT id FROM calls").scalars().all()
    )
    assert found == ["call_1"]
