"""Whoever has only the database cannot make the audit say something else unnoticed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import text

from pbx_bridge.ledger import Anchor, AuditLine, BadKey, Change, Ledger, LedgerUnavailable, Refused

from .ledger_calls import KEY, NOON, PEPPER, birth, newborn, put

pytest_plugins = ["tests.ledger_plugin"]

MINUTE = timedelta(minutes=1)
_SHARED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def line(number: int, **changes: Any) -> AuditLine:
    plain: dict[str, Any] = {"at": NOON + number * MINUTE, "actor": "client:portal", "action": f"act {number}"}
    return AuditLine(**plain | {"verdict": "taken", "detail": {"number": number}} | changes)


async def by_hand(ledger: Ledger, *statements: str) -> None:
    """What somebody does who can write the database and has no key."""

    def step(connection: Any) -> None:
        for statement in statements:
            connection.execute(text(statement))

    async with ledger._store.writing() as desk:
        await desk.run(step)


def renumbered(old: int, new: int) -> str:
    return f"UPDATE audit SET id = {new} WHERE id = {old}"  # noqa: S608


async def fault_of(ledger: Ledger, *anchors: Anchor) -> str:
    found = (await ledger.verify_audit(anchors=anchors)).fault
    assert found, "nothing was noticed"
    return found


@pytest.fixture
async def six(ledger: Ledger) -> Ledger:
    """A ledger with six lines: of calls, of none, of a citizen, refused."""
    await put(ledger, birth(newborn()), birth(newborn("u-2")))
    await ledger.note([line(3, verdict="refused"), line(4, citizen=("portal", "u-1"))])
    await put(ledger, Change(audit=(line(5),)))
    await ledger.note([line(6, detail={})])
    return ledger


# ── a sound chain ────────────────────────────────────────────────────────────────────────────────────────
async def test_what_was_only_written_holds(six: Ledger) -> None:
    verified = await six.verify_audit()
    assert (verified.lines, verified.unchained, verified.fault) == (6, 0, None)
    assert verified.anchor == await six.anchor()
    assert verified.anchor.id == 6


async def test_an_empty_audit_holds(ledger: Ledger) -> None:
    verified = await ledger.verify_audit(anchors=[await ledger.anchor()])
    assert (verified.lines, verified.anchor, verified.fault) == (0, Anchor(0, ""), None)


async def test_nothing_to_note_writes_nothing(six: Ledger) -> None:
    await six.note([])
    assert (await six.anchor()).id == 6


async def test_a_walk_in_many_steps_sees_the_same(six: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    for at_once in (1, 2, 3, 6):
        monkeypatch.setattr("pbx_bridge.ledger.verify.AT_ONCE", at_once)
        verified = await six.verify_audit()
        assert (verified.lines, verified.fault) == (6, None)


async def test_a_transaction_that_fails_leaves_no_gap(six: Ledger) -> None:
    with pytest.raises(Refused):
        await put(six, Change(audit=(line(7), line(8, verdict="perhaps"))))
    await six.note([line(7)])
    assert [each.id for each in await six.audit()] == [1, 2, 3, 4, 5, 6, 7]
    assert (await six.verify_audit()).fault is None


async def test_two_processes_write_one_chain(six: Ledger, ledger_url: str) -> None:
    other = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    await asyncio.gather(*(who.note([line(number)]) for number in range(10) for who in (six, other)))
    await other.close()
    verified = await six.verify_audit()
    assert (verified.lines, verified.fault) == (26, None)


async def test_an_old_anchor_holds_for_ever(six: Ledger) -> None:
    anchors = [Anchor(each.id, each.chain or "") for each in await six.audit()]
    await six.note([line(7)])
    assert (await six.verify_audit(anchors=anchors)).fault is None


# ── what is noticed ──────────────────────────────────────────────────────────────────────────────────────
CHANGED = {
    "at": "'2026-01-12 11:00:00.000000'",
    "actor": "'client:other'",
    "action": "'another'",
    "call_id": "'call_other'",
    "verdict": "'refused'",
    "detail": "'{\"number\": 9}'",
    "mark": "'0123456789abcdef0123456789abcdef'",
    "chain": "'00'",
}


@pytest.mark.parametrize("column", CHANGED)
async def test_a_changed_line_is_noticed_whatever_was_changed(six: Ledger, column: str) -> None:
    await by_hand(six, f"UPDATE audit SET {column} = {CHANGED[column]} WHERE id = 5")  # noqa: S608
    verified = await six.verify_audit()
    assert verified.fault == "line 5 was changed, or put in, or does not belong after line 4"
    assert (verified.lines, verified.anchor.id) == (4, 4)


@pytest.mark.parametrize("column", ["call_id", "mark", "chain"])
async def test_a_value_that_was_taken_out_is_noticed(six: Ledger, column: str) -> None:
    await by_hand(six, "UPDATE audit SET call_id = NULL, mark = NULL WHERE id = 6")
    assert (await six.verify_audit()).fault is None, "they were none before"
    await by_hand(six, f"UPDATE audit SET {column} = NULL WHERE id IN (1, 4)")  # noqa: S608
    assert "was changed" in await fault_of(six)


@pytest.mark.parametrize(
    ("ids", "words"), [("1", "line 1 was removed"), ("4", "line 4 was removed"), ("2, 3", "lines 2 to 3 were removed")]
)
async def test_a_removed_line_is_noticed(six: Ledger, ids: str, words: str) -> None:
    await by_hand(six, f"DELETE FROM audit WHERE id IN ({ids})")  # noqa: S608
    assert await fault_of(six) == words


async def test_a_line_that_was_removed_with_its_number_closed_up_is_noticed(six: Ledger) -> None:
    await by_hand(six, "DELETE FROM audit WHERE id = 4", *(renumbered(n + 1, n) for n in (4, 5)))
    assert "line 4 was changed" in await fault_of(six)


async def test_an_end_that_was_cut_off_is_noticed(six: Ledger) -> None:
    await by_hand(six, "DELETE FROM audit WHERE id > 4")
    assert await fault_of(six) == "lines were cut off: the audit ends with line 4, the last was 6"


CUT_OFF = (
    "DELETE FROM audit WHERE id > 4",
    "UPDATE audit_head SET id = 4, chain = (SELECT chain FROM audit WHERE id = 4)",
)


@pytest.mark.parametrize("proof", ["proof", "NULL", "''", "chain"])
async def test_an_end_that_was_cut_off_is_noticed_though_the_head_was_rewritten(six: Ledger, proof: str) -> None:
    await by_hand(six, *CUT_OFF, f"UPDATE audit_head SET proof = {proof}")  # noqa: S608
    assert "not written by this service" in await fault_of(six)


async def test_what_is_written_after_a_cut_does_not_heal_it(six: Ledger) -> None:
    await by_hand(six, *CUT_OFF)
    await six.note([line(5), line(6), line(7)])
    assert await fault_of(six) == "line 5 was changed, or put in, or does not belong after line 4"


async def test_an_older_copy_of_the_whole_end_is_noticed_by_an_anchor_only(six: Ledger) -> None:
    def head(connection: Any) -> Any:
        return connection.execute(text("SELECT id, chain, proof FROM audit_head")).one()

    old = await six._read(head)
    await six.note([line(7), line(8)])
    anchor = await six.anchor()
    restored = f"UPDATE audit_head SET id = {old.id}, chain = '{old.chain}', proof = '{old.proof}'"  # noqa: S608
    await by_hand(six, "DELETE FROM audit WHERE id > 6", restored)
    assert (await six.verify_audit()).fault is None
    assert await fault_of(six, anchor) == "lines were cut off: the audit ends with line 6, but line 8 was anchored"
    await six.note([line(7, actor="another"), line(8)])
    assert "line 8 is not the one that was anchored" in await fault_of(six, anchor)


async def test_a_line_put_in_is_noticed(six: Ledger) -> None:
    shifted = [renumbered(n, n + 1) for n in (6, 5, 4, 3)]
    copied = (
        "INSERT INTO audit (id, at, actor, action, verdict, detail, chain)"
        " SELECT 3, at, actor, action, verdict, detail, chain FROM audit WHERE id = 4"
    )
    await by_hand(six, *shifted, copied, "UPDATE audit_head SET id = 7")
    assert "put in" in await fault_of(six)


async def test_a_line_put_in_at_the_end_is_noticed(six: Ledger) -> None:
    added = (
        "INSERT INTO audit (id, at, actor, action, verdict, detail, chain)"
        " SELECT 7, at, actor, action, verdict, detail, chain FROM audit WHERE id = 6"
    )
    await by_hand(six, added)
    assert await fault_of(six) == "line 7 was put in after the last one that was written"
    await by_hand(six, "UPDATE audit_head SET id = 7")
    assert "line 7 was changed, or put in" in await fault_of(six)


async def test_lines_that_changed_places_are_noticed(six: Ledger) -> None:
    swap = [renumbered(old, new) for old, new in ((4, 99), (5, 4), (99, 5))]
    await by_hand(six, *swap)
    assert "line 4 was changed" in await fault_of(six)


async def test_a_chain_that_was_taken_away_whole_is_noticed_by_an_anchor(six: Ledger) -> None:
    anchor = await six.anchor()
    await by_hand(six, "UPDATE audit SET chain = NULL", "UPDATE audit_head SET chain = '', proof = NULL")
    verified = await six.verify_audit()
    assert (verified.lines, verified.unchained) == (6, 6), "it says that nothing binds these lines"
    assert "line 6 is not the one that was anchored" in await fault_of(six, anchor)


async def test_another_pepper_proves_nothing(six: Ledger, ledger_url: str) -> None:
    stranger = await Ledger.open(ledger_url, [KEY], pepper=b"another pepper of the tests")
    assert "line 1 was changed" in await fault_of(stranger)
    await stranger.close()


async def test_without_its_head_nothing_is_written_and_the_check_says_so(six: Ledger) -> None:
    await by_hand(six, "DELETE FROM audit_head")
    assert await fault_of(six) == "the record of the last line is gone"
    with pytest.raises(LedgerUnavailable, match="audit_head has lost its row"):
        await six.note([line(7)])


@pytest.mark.parametrize(("column", "value"), [("at", "'noon'"), ("detail", "'{not json'"), ("actor", "x'00ff'")])
async def test_a_line_that_cannot_be_read_is_a_fault_and_no_crash(
    sqlite_ledger: Ledger, column: str, value: str
) -> None:
    await sqlite_ledger.note([line(1), line(2)])
    await by_hand(sqlite_ledger, f"UPDATE audit SET {column} = {value} WHERE id = 2")  # noqa: S608
    assert "changed" in await fault_of(sqlite_ledger)


@pytest.mark.parametrize("pepper", [b"", b"fifteen bytes.."])
async def test_a_pepper_too_short_to_keep_anything_blind_is_refused(sqlite_url: str, pepper: bytes) -> None:
    with pytest.raises(BadKey, match="the pepper must be 16 bytes or more"):
        await Ledger.open(sqlite_url, [KEY], pepper=pepper)


async def test_a_transaction_that_is_given_up_leaves_no_gap(six: Ledger) -> None:
    async def give_up() -> None:
        async with six.transaction() as transaction:
            await transaction.write([Change(audit=(line(7), line(8)))], NOON)
            raise KeyError

    with pytest.raises(KeyError):
        await give_up()
    await six.note([line(7)])
    verified = await six.verify_audit()
    assert (verified.lines, verified.fault) == (7, None)
