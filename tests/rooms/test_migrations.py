"""The migrations make exactly the tables that the program is written for, and harm nobody on the way."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from pbx_bridge.ledger import Ledger, LedgerUnavailable, migrate
from pbx_bridge.ledger.engines import connect, parse
from pbx_bridge.ledger.migrating import MIGRATIONS
from pbx_bridge.ledger.tables import REVISIONS, metadata
from workshop.postgres import Postgres

from .ledger_calls import KEY, PEPPER, birth, newborn, put

pytest_plugins = ["tests.ledger_plugin"]

ROOT = Path(__file__).parents[2]
_numbers = iter(range(10**6))


def bare(request: pytest.FixtureRequest, kind: str, folder: Path) -> str:
    """The URL of a database without tables; a SQLite file does not even exist."""
    number = next(_numbers)
    if kind == "sqlite":
        return f"sqlite:///{folder}/bare{number}.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.create(f"bare{number}")


@pytest.fixture(params=["sqlite", "postgres"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables, once of each kind."""
    return bare(request, request.param, tmp_path)


def make_file(url: str) -> None:
    """An empty SQLite file, for those who do not make it themselves."""
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).touch()


async def within(url: str, step: Callable[[Connection], Any]) -> Any:
    """Take a step in a transaction on the database."""
    store = connect(parse(url), raw_json=False)
    try:
        async with store.writing() as desk:
            return await desk.run(step)
    finally:
        await store.close()


def description(connection: Connection) -> set[str]:
    """Everything the database says of its tables, in its own words: columns, constraints, indexes, comments."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")).scalars()
        return {line.strip().rstrip(",") for row in rows for line in _clauses(row)}
    question = """
        SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
          WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, identity_generation,
            col_description(table_name::regclass, ordinal_position)) FROM information_schema.columns
          WHERE table_schema = 'public'
        UNION ALL SELECT relname || ' ' || obj_description(oid) FROM pg_class
          WHERE relnamespace = 'public'::regnamespace"""
    rows = connection.execute(text(question)).scalars()
    return {row for row in rows if row and "alembic_version" not in row}


def _clauses(sql: str) -> list[str]:
    """A CREATE statement, clause by clause, as the order of constraints (and of columns added later) means nothing."""
    table = re.match(r"CREATE TABLE (\w+) *\((.*)\)", sql, re.DOTALL)
    if not table:
        return [sql]
    clauses, depth = [""], 0
    for character in table[2]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            clauses.append("")
        else:
            clauses[-1] += character
    return [f"{table[1]}: {' '.join(clause.split())}" for clause in clauses if table[1] != "alembic_version"]


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version", "sqlite_sequence"}


# ── the same tables ──────────────────────────────────────────────────────────────────────────────────────
async def test_the_migrations_make_what_the_program_describes(bare_url: str) -> None:
    await migrate(bare_url)

    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    assert await within(bare_url, differences) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_constraints_and_indexes_are_the_same_to_the_letter(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:
    migrated, described = bare(request, kind, tmp_path), bare(request, kind, tmp_path)
    await migrate(migrated)
    make_file(described)
    await within(described, metadata.create_all)
    expected = await within(described, description)
    assert any("one_active" in clause for clause in expected), "this test would not see anything"
    assert await within(migrated, description) == expected


def test_the_program_knows_all_revisions_in_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    found = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS
    for revision in script.walk_revisions():
        assert "The previous release still runs on it:" in (revision.module.__doc__ or "")


def test_the_link_in_the_package_leads_to_the_folder_in_the_tree() -> None:
    assert MIGRATIONS.resolve() == ROOT / "migrations"


# ── up and down ──────────────────────────────────────────────────────────────────────────────────────────
async def test_up_down_and_up_again(bare_url: str) -> None:
    said: list[str] = []
    await migrate(bare_url, said.append)
    first = await within(bare_url, description)
    await migrate(bare_url, said.append, to="base")
    assert await within(bare_url, tables) == set()
    await migrate(bare_url, said.append)
    assert await within(bare_url, description) == first
    made = [f"made {revision}" for revision in REVISIONS]
    undid = [f"undid {revision}" for revision in reversed(REVISIONS)]
    assert [line.split(":")[0] for line in said] == made + undid + made


async def test_migrating_again_does_nothing_and_loses_nothing(bare_url: str) -> None:
    await migrate(bare_url)
    ledger = await Ledger.open(bare_url, [KEY], pepper=PEPPER)
    call = newborn()
    await put(ledger, birth(call))
    said: list[str] = []
    await migrate(bare_url, said.append)
    assert said == []
    assert await ledger.call(call.id) == call
    assert await ledger.schema_version() == REVISIONS[-1]
    await ledger.close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(
    bare_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import op

    made = op.create_index

    def fail(name: str, *arguments: Any, **keywords: Any) -> None:
        if name == "audit_of_call":
            raise RuntimeError("the disk says no")
        made(name, *arguments, **keywords)

    monkeypatch.setattr("alembic.op.create_index", fail)
    with pytest.raises(RuntimeError, match="the disk says no"):
        await migrate(bare_url)
    assert await within(bare_url, tables) == set()
    monkeypatch.undo()
    await migrate(bare_url)


# ── two at once ──────────────────────────────────────────────────────────────────────────────────────────
async def test_two_processes_that_start_at_once_migrate_once(bare_url: str) -> None:
    program = "import asyncio, sys; from pbx_bridge.ledger import migrate; asyncio.run(migrate(sys.argv[1], print))"
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, bare_url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    said = [(await process.communicate())[0].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert "".join(said).count("made 0001") == 1


async def test_a_new_file_that_another_program_holds_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    place = tmp_path / "bare.db"
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        migration = asyncio.create_task(migrate(f"sqlite:///{place}"))
        # Turning the file to WAL is what it asks first; it is refused for as long as the other goes on.
        done, _ = await asyncio.wait({migration}, timeout=0.5)
        assert not done
        other.execute("COMMIT")
    await migration
    assert await within(f"sqlite:///{place}", tables)


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────────────
async def alembic(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alembic", "-c", "migrations/alembic.ini", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_alembics_own_command_line_works_too(bare_url: str) -> None:
    make_file(bare_url)
    assert (await alembic("-x", f"url={bare_url}", "upgrade", "head"))[0] == 0
    ledger = await Ledger.open(bare_url, [KEY], pepper=PEPPER)
    await ledger.close()
    assert (await alembic("-x", f"url={bare_url}", "check"))[0] == 0


async def test_alembic_without_a_database_says_what_is_missing() -> None:
    code, output = await alembic("current")
    assert code == 1
    assert "Say which database" in output


# ── who may open what ────────────────────────────────────────────────────────────────────────────────────
async def set_version(url: str, version: str) -> None:
    statement = text("UPDATE alembic_version SET version_num = :version").bindparams(version=version)
    await within(url, lambda connection: connection.execute(statement))


async def test_tables_of_a_newer_release_are_not_opened_and_not_touched(ledger_url: str) -> None:
    await set_version(ledger_url, "9999")
    with pytest.raises(LedgerUnavailable, match="at revision 9999, newer than this program"):
        await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    with pytest.raises(LedgerUnavailable, match="9999"):
        await migrate(ledger_url)


async def test_tables_that_were_taken_down_ask_for_the_migrations(ledger_url: str) -> None:
    await migrate(ledger_url, to="base")
    with pytest.raises(LedgerUnavailable, match="run the migrations first"):
        await Ledger.open(ledger_url, [KEY], pepper=PEPPER)


async def test_only_its_owner_may_read_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    await migrate(f"sqlite:///{file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_file_in_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="its folder must exist"):
        await migrate(f"sqlite:///{tmp_path}/missing/new.db")


async def test_a_locked_file_is_told_and_not_waited_for_for_ever(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pbx_bridge.ledger.migrating.MIGRATION_PATIENCE_S", 0.2)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="is locked"):
        await migrate(sqlite_url)
    other.close()
