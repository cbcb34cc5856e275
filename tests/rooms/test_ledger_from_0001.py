"""What revision 0002 does to rows that are there, and what the way down leaves of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from pbx_bridge.ledger import AuditLine, Client, Ledger, migrate
from pbx_bridge.ledger.access import ClientKey, KeyKind, Role, SecondStep

from .ledger_calls import KEY, NOON, PEPPER
from .test_migrations import bare_url, description, within

__all__ = ["bare_url"]

pytest_plugins = ["tests.ledger_plugin"]

DAY = timedelta(days=1)
OLD_ROWS = (
    "INSERT INTO clients (id, name, secret_hash, scopes, created_at, disabled_at, token_lifetime_s) VALUES"
    " ('portal', 'Портал', 'hash-1', '[\"calls:write\"]', '{noon}', NULL, 900),"
    " ('kiosk', 'Kiosk', 'hash-2', '[]', '{noon}', '{noon}', 600)",
    "INSERT INTO audit (at, actor, action, call_id, verdict, detail) VALUES"
    " ('{noon}', 'a', 'one', 'call_1', 'taken', '{}'), ('{noon}', 'b', 'two', NULL, 'refused', '{}')",
)


async def execute(url: str, *statements: str) -> None:
    def step(connection: Connection) -> None:
        for statement in statements:
            # SQLite keeps times without a zone.
            noon = "2026-01-12 12:00:00.000000" + ("" if connection.dialect.name == "sqlite" else "+00:00")
            connection.exec_driver_sql(statement.replace("{noon}", noon))

    await within(url, step)


async def rows_of(url: str, question: str) -> list[tuple[Any, ...]]:
    found = await within(url, lambda connection: connection.exec_driver_sql(question).all())
    return [tuple(row) for row in found]


async def test_clients_keep_their_secret_and_work_as_before(bare_url: str) -> None:
    await migrate(bare_url, to="0001")
    await execute(bare_url, *OLD_ROWS)
    await migrate(bare_url)
    ledger = await Ledger.open(bare_url, [KEY], pepper=PEPPER)
    kiosk, portal = await ledger.clients()
    await ledger.close()
    assert portal == Client(
        "portal", "Портал", frozenset({"calls:write"}), NOON, 900, portal.keys, second_step=SecondStep.NONE
    )
    assert [(key.kind, key.material, key.expires_at) for key in portal.keys] == [(KeyKind.SECRET, "hash-1", None)]
    assert (kiosk.disabled_at, [key.material for key in kiosk.keys]) == (NOON, ["hash-2"])


async def test_old_lines_of_the_audit_stay_outside_the_chain_and_new_ones_follow_them(bare_url: str) -> None:
    await migrate(bare_url, to="0001")
    await execute(bare_url, *OLD_ROWS)
    await migrate(bare_url)
    ledger = await Ledger.open(bare_url, [KEY], pepper=PEPPER)
    before = await ledger.verify_audit(anchors=[await ledger.anchor()])
    await ledger.note([AuditLine(NOON, "a", "three", "taken")])
    after = await ledger.verify_audit(anchors=[before.anchor])
    assert (before.lines, before.unchained, before.fault) == (2, 2, None)
    assert (after.lines, after.unchained, after.fault) == (3, 2, None)
    assert [(line.id, line.chain is None) for line in await ledger.audit()] == [(1, True), (2, True), (3, False)]
    await execute(bare_url, "DELETE FROM audit WHERE id = 2")
    assert (await ledger.verify_audit()).fault == "line 2 was removed"
    await ledger.close()


async def test_the_way_down_gives_secrets_back_and_lets_the_database_count_on(bare_url: str) -> None:
    await migrate(bare_url, to="0001")
    first = await within(bare_url, description)
    await execute(bare_url, *OLD_ROWS)
    await migrate(bare_url)
    ledger = await Ledger.open(bare_url, [KEY], pepper=PEPPER)
    fresh = ClientKey("key_2", KeyKind.SECRET, "hash-3", NOON + DAY)
    await ledger.add_key("portal", fresh, others_expire_at=NOON + 2 * DAY)
    await ledger.add_client(Client("root", "Root", frozenset(), NOON, 900, role=Role.ADMIN))
    await ledger.note([AuditLine(NOON, "a", "three", "taken")])
    await ledger.close()
    await migrate(bare_url, to="0001")
    assert await within(bare_url, description) == first
    question = "SELECT id, secret_hash, disabled_at IS NULL FROM clients ORDER BY id"
    assert await rows_of(bare_url, question) == [("kiosk", "hash-2", 0), ("portal", "hash-3", 1), ("root", "", 0)]
    await execute(bare_url, OLD_ROWS[1])
    assert await rows_of(bare_url, "SELECT id FROM audit ORDER BY id") == [(1,), (2,), (3,), (4,), (5,)]
