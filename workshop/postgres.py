"""A throw-away PostgreSQL: made in half a second, on a Unix socket only, gone with the process that started it.

PostgreSQL refuses to run as root, so root starts it as `postgres` or `nobody`. Durability is switched off
(fsync and friends): nothing in it shall survive the machine, only our own crashes.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workshop.mortal import die_with_parent

START_S = 30.0
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "listen_addresses": "",
    "log_min_messages": "warning",
}


class PostgresError(Exception):
    """PostgreSQL cannot be had here; the message says what to do."""


def programs() -> Path:
    """The folder of the newest installed PostgreSQL's programs. Raises PostgresError."""
    # Debian keeps servers out of PATH, one folder for each version.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    raise PostgresError("PostgreSQL's programs are missing: make deps, or apt-get install postgresql")


class Postgres:
    """A running server. `user` comes in unasked; the role `guarded`, once created, needs its password."""

    user = "ledger"
    guarded = "guarded"

    def __init__(self, folder: Path, account: dict[str, Any]) -> None:
        self.folder = folder
        self._account = account
        self._programs = programs()

    def url(self, database: str) -> str:
        """For SQLAlchemy."""
        return f"postgresql://{self.user}@/{database}?host={quote(str(self.folder))}"

    def create(self, database: str, template: str = "template0") -> str:
        """A new database, a copy of `template`; returns its URL."""
        self._call("createdb", "--template", template, database)
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove it, whoever is connected."""
        self._call("dropdb", "--force", "--if-exists", database)

    def run(self, database: str, sql: str) -> str:
        """Let psql execute `sql`; returns the rows, unaligned."""
        return self._call("psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-Atc", sql, database)

    def _call(self, program: str, *arguments: str) -> str:
        command = [str(self._programs / program), "--host", str(self.folder), "--username", self.user, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PostgresError(f"{program} failed: {done.stderr.strip()}")
        return done.stdout

    def _make(self) -> None:
        data = self.folder / "data"
        command = [str(self._programs / "initdb"), "--pgdata", str(data), "--username", self.user]
        command += ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **self._account)
        if done.returncode:
            raise PostgresError(f"initdb failed: {done.stderr.strip()}")
        settings = _FAST | {"unix_socket_directories": str(self.folder)}
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        (data / "pg_hba.conf").write_text(f"local all {self.guarded} scram-sha-256\nlocal all all trust\n")

    def _serve(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self.folder / "data")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),
                **self._account,
            )

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        patience = time.monotonic() + START_S
        ready = [str(self._programs / "pg_isready"), "--quiet", "--host", str(self.folder), "--username", self.user]
        while subprocess.run(ready, check=False).returncode:
            if server.poll() is not None or time.monotonic() > patience:
                raise PostgresError(f"PostgreSQL does not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)


@contextmanager
def serving() -> Iterator[Postgres]:
    """A server for the time of the block. Raises PostgresError."""
    # A short path: a Unix socket's may have 107 characters (unix(7)).
    folder = Path(tempfile.mkdtemp(prefix="pbx-pg-"))
    account = _account()
    if account:
        os.chown(folder, account["user"], account["group"])
    postgres = Postgres(folder, account)
    server: subprocess.Popen[bytes] | None = None
    try:
        postgres._make()
        server = postgres._serve()
        postgres._wait(server)
        yield postgres
    finally:
        if server is not None:
            _stop(server)
        shutil.rmtree(folder, ignore_errors=True)


def _stop(server: subprocess.Popen[bytes]) -> None:
    # SIGQUIT is PostgreSQL's immediate shutdown: it ends its children, and there is nothing to save.
    server.send_signal(signal.SIGQUIT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(10)
    server.kill()
    server.wait()


def _account() -> dict[str, Any]:
    """Whom to run as: arguments for subprocess; none unless we are root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise PostgresError("PostgreSQL refuses to run as root, and this machine has no user postgres or nobody")
