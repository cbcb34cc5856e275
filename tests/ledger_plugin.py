"""Ledgers for tests, each test with a fresh database: `ledger` runs on SQLite and on PostgreSQL.

pytest_plugins = ["tests.ledger_plugin"]
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pbx_bridge.ledger import Ledger, migrate
from tests.rooms.ledger_calls import KEY, PEPPER
from workshop.postgres import Postgres, serving

_numbers = itertools.count(1)


def migrate_apart(url: str) -> None:
    """Migrate in an event loop of its own, whether or not one runs here."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrate(url)).result()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of our own with one migrated database, `template_ledger`, to copy."""
    with serving() as server:
        url = server.create("template_ledger")
        migrate_apart(url)
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("ledger") / "template.db"
    migrate_apart(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database of this test's own."""
    file = tmp_path / f"ledger{next(_numbers)}.db"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A migrated PostgreSQL database of this test's own."""
    name = f"ledger{next(_numbers)}"
    yield postgres.create(name, "template_ledger")
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """A migrated database, once of each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[Ledger]:
    """An open ledger, once on each database."""
    opened = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_ledger(sqlite_url: str) -> AsyncIterator[Ledger]:
    """An open ledger on SQLite, for tests of other rooms that need one and not both."""
    opened = await Ledger.open(sqlite_url, [KEY], pepper=PEPPER)
    yield opened
    await opened.close()
