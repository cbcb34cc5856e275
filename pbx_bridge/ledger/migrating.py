"""Bringing a database's tables to the revision this program needs, without losing a row.

All of it is one transaction: a migration that fails leaves the database as it was. Two processes that start at
once are harmless: the second waits for the first and finds nothing to do.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from .engines import connect, parse, sqlite_file
from .errors import LedgerUnavailable, NewerTables

#: Where the revisions are: migrations/ in the tree, and in this package through a link, so that a wheel has them.
MIGRATIONS = Path(__file__).parent / "migrations"
#: How long to wait for another process that migrates the same database, seconds.
MIGRATION_PATIENCE_S = 60.0
# Any number will do, but it must be the same in every release.
_LOCK = "SELECT pg_advisory_xact_lock(7224)"

Progress = Callable[[str], None]


async def migrate(url: str, progress: Progress | None = None, *, to: str = "head") -> None:
    """Bring the tables to revision `to`, also an older one ("base" removes them all). Makes the SQLite file if there is
    none.

    `progress` hears one line for each revision applied. Raises LedgerUnavailable, also when the tables belong to
    a newer release.
    """
    place = parse(url)
    if place.get_backend_name() == "sqlite":
        _make_file(place)
    store = connect(place, MIGRATION_PATIENCE_S, raw_json=False)
    say = progress or (lambda line: None)
    try:
        async with store.writing() as desk:
            await desk.run(lambda connection: _run(connection, to, say))
    finally:
        await store.close()


def _run(connection: Connection, to: str, say: Progress) -> None:
    # alembic takes 0.8 s to import; a program whose tables are ready never needs it.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.util import CommandError

    from .tables import REVISIONS

    if connection.dialect.name == "postgresql":
        connection.execute(text(_LOCK))
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None and present not in REVISIONS:
        raise NewerTables(present)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes.update(connection=connection, say=say)
    try:
        (command.downgrade if _is_down(present, to) else command.upgrade)(config, to)
    except CommandError as error:
        raise LedgerUnavailable(f"these tables cannot be brought to {to}: {error}") from error


def _is_down(present: str | None, to: str) -> bool:
    from .tables import REVISIONS

    known = present in REVISIONS and to in REVISIONS
    return to == "base" or (known and REVISIONS.index(to) < REVISIONS.index(str(present)))


def apply(context: Any, connection: Connection, say: Progress) -> None:
    """Run the revisions that alembic has chosen; migrations/env.py calls this."""
    from .tables import metadata

    def applied(*, step: Any, **_: object) -> None:
        say(f"{'made' if step.is_upgrade else 'undid'} {step.up_revision_id}: {step.up_revision.doc}")

    context.configure(
        connection=connection, target_metadata=metadata, on_version_apply=applied, transactional_ddl=False
    )
    context.run_migrations()


def by_hand(context: Any, url: str) -> None:
    """The same from alembic's own command line: one transaction, the same locks."""

    async def go() -> None:
        store = connect(parse(url), MIGRATION_PATIENCE_S, raw_json=False)
        try:
            async with store.writing() as desk:
                await desk.run(lambda connection: apply(context, connection, print))
        finally:
            await store.close()

    asyncio.run(go())


def _make_file(place: URL) -> None:
    """An empty file that only this user can read: what is sealed in it is nobody else's business either."""
    path = sqlite_file(place)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise LedgerUnavailable(
            f"{path} cannot be made or opened ({error.strerror}); its folder must exist and belong to this user"
        ) from error
