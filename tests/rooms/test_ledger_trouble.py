"""When the database is not there, not ours, or not free: a sentence, in bounded time, and nothing stays locked."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pbx_bridge.ledger import Ledger, LedgerUnavailable, Refused
from workshop.postgres import Postgres

from .ledger_calls import KEY, NOON, PEPPER, birth, newborn, put

pytest_plugins = ["tests.ledger_plugin"]


def file_of(url: str) -> str:
    return url.removeprefix("sqlite:///")


def database_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


@contextmanager
def locked(file: str) -> Iterator[None]:
    """Another program holds SQLite's one write lock."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.rollback()
    other.close()


async def refusal(url: str) -> LedgerUnavailable:
    """Why the ledger does not open."""
    with pytest.raises(LedgerUnavailable) as caught:
        await Ledger.open(url, [KEY], pepper=PEPPER, patience_s=0.5)
    return caught.value


# ── SQLite ───────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_locked_file_is_told_in_bounded_time_and_can_be_tried_again(sqlite_url: str) -> None:
    ledger = await Ledger.open(sqlite_url, [KEY], pepper=PEPPER, patience_s=0.2)
    call = newborn()
    with locked(file_of(sqlite_url)):
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable, match=r"is locked by another program for too long; stop that") as caught:
            await put(ledger, birth(call))
        assert time.monotonic() - began < 2
        assert caught.value.retryable
    await put(ledger, birth(call))
    await ledger.close()


async def test_readers_do_not_wait_for_writers(sqlite_url: str) -> None:
    ledger = await Ledger.open(sqlite_url, [KEY], pepper=PEPPER)
    call = newborn()
    await put(ledger, birth(call))
    with locked(file_of(sqlite_url)):
        assert await asyncio.wait_for(ledger.call(call.id), 2) == call
    async with ledger.transaction() as transaction:
        await transaction.write([birth(newborn("u-2"))], NOON)
        assert await asyncio.wait_for(ledger.unfinished(), 2) == [call]
    await ledger.close()


async def test_a_missing_file_is_not_made_by_mistake(tmp_path: Path) -> None:
    told = await refusal(f"sqlite:///{tmp_path}/mistyped.db")
    assert "there is no database at" in str(told)
    assert "run the migrations" in str(told)
    assert os.listdir(tmp_path) == []


async def test_a_file_that_is_no_database_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Anna, " * 500)
    assert "is not a database; name another file" in str(await refusal(f"sqlite:///{file}"))


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert "cannot be opened" in str(await refusal(f"sqlite:///{tmp_path}"))


async def test_a_file_without_tables_asks_for_the_migrations(tmp_path: Path) -> None:
    file = tmp_path / "empty.db"
    file.touch()
    assert "has no tables of ours; run the migrations first" in str(await refusal(f"sqlite:///{file}"))


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://root:hidden@db/calls", "SQLite and PostgreSQL, not mysql"),
        ("postgresql hidden", "cannot be read"),
        ("sqlite:///FILE?synchronous=hidden", "either normal or full"),
    ],
)
async def test_an_impossible_url_is_refused_without_repeating_it(url: str, word: str, tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.touch()
    told = str(await refusal(url.replace("FILE", str(file))))
    assert word in told
    assert "hidden" not in told


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("url", "word", "retryable"),
    [
        ("postgresql://anna:hidden@no-such-host.invalid/calls", "cannot be reached", True),
        ("postgresql://anna:hidden@127.0.0.1:1/calls", "cannot be reached", True),
    ],
)
async def test_a_server_that_is_not_there_is_told_without_the_password(url: str, word: str, retryable: bool) -> None:
    told = await refusal(url)
    assert word in str(told)
    assert "hidden" not in str(told)
    assert told.retryable is retryable


async def test_a_database_that_does_not_exist_is_told_so(postgres: Postgres) -> None:
    assert "there is no such database" in str(await refusal(postgres.url("nowhere")))


async def test_a_wrong_password_is_told_so(postgres: Postgres, postgres_url: str) -> None:
    postgres.run("postgres", f"CREATE ROLE {Postgres.guarded} LOGIN PASSWORD 'right'")
    url = postgres_url.replace(f"{Postgres.user}@", f"{Postgres.guarded}:hidden@")
    told = await refusal(url)
    assert "refuses the password" in str(told)
    assert "hidden" not in str(told)
    assert not told.retryable


async def test_a_user_without_rights_is_told_so(postgres: Postgres, postgres_url: str) -> None:
    postgres.run("postgres", "CREATE ROLE nobody LOGIN")
    assert "too few rights" in str(await refusal(postgres_url.replace(f"{Postgres.user}@", "nobody@")))


async def test_a_silent_server_is_given_up_in_bounded_time() -> None:
    server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    assert "does not answer in time" in str(await refusal(f"postgresql://anna@127.0.0.1:{port}/calls"))
    assert time.monotonic() - began < 5
    server.close()


async def test_a_cut_connection_is_told_and_the_next_transaction_works(postgres: Postgres, postgres_url: str) -> None:
    ledger = await Ledger.open(postgres_url, [KEY], pepper=PEPPER)
    call = newborn()
    name = database_of(postgres_url)
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608

    async def cut_in_the_middle() -> None:
        async with ledger.transaction() as transaction:
            await transaction.write([birth(call)], NOON)
            postgres.run("postgres", cut)
            await transaction.load([call.id])

    with pytest.raises(LedgerUnavailable) as caught:
        await cut_in_the_middle()
    assert caught.value.retryable
    await put(ledger, birth(call))
    postgres.run("postgres", cut)
    # Every pooled connection is dead now; one failure at most may be seen.
    with pytest.raises(LedgerUnavailable):
        await ledger.call(call.id)
    assert await ledger.call(call.id) == call
    await ledger.close()


async def test_a_locked_row_is_told_in_bounded_time(postgres_url: str) -> None:
    one = await Ledger.open(postgres_url, [KEY], pepper=PEPPER, patience_s=0.3)
    two = await Ledger.open(postgres_url, [KEY], pepper=PEPPER, patience_s=0.3)
    call = newborn()
    await put(one, birth(call))
    async with one.transaction() as transaction:
        await transaction.load([call.id])

        async def wait() -> None:
            async with two.transaction() as other:
                await other.load([call.id])

        with pytest.raises(LedgerUnavailable, match="locked by another program"):
            await wait()
    await wait()
    await one.close()
    await two.close()


# ── both ─────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_cancelled_transaction_keeps_nothing_and_locks_nothing(ledger: Ledger) -> None:
    call = newborn()
    written = asyncio.Event()

    async def hang() -> None:
        async with ledger.transaction() as transaction:
            await transaction.write([birth(call)], NOON)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ledger.call(call.id) is None
    await asyncio.wait_for(put(ledger, birth(call)), 5)


@pytest.mark.parametrize("turns", range(12))
async def test_a_transaction_cancelled_at_any_step_is_whole_or_not_there(ledger: Ledger, turns: int) -> None:
    call = newborn()
    task = asyncio.create_task(put(ledger, birth(call, key="k")))
    for _ in range(turns):
        await asyncio.sleep(0.0005)
    task.cancel()
    await asyncio.wait([task])
    kept = await ledger.call(call.id) is not None
    assert len(await ledger.events(call.id)) == kept
    assert (await ledger.idempotent("portal", "k") is not None) == kept
    await asyncio.wait_for(put(ledger, birth(newborn("u-2"))), 5)


async def test_many_transactions_at_once_all_go_through(ledger: Ledger) -> None:
    await asyncio.gather(*(put(ledger, birth(newborn(f"u-{number}"))) for number in range(60)))
    assert len(await ledger.unfinished()) == 60


async def test_a_closed_ledger_that_is_opened_again_knows_everything(ledger_url: str) -> None:
    ledger = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    call = newborn()
    await put(ledger, birth(call))
    await ledger.close()
    ledger = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    assert await ledger.call(call.id) == call
    await ledger.ping()
    await ledger.close()


async def test_a_ledger_can_be_closed_twice_and_says_that_it_is(sqlite_url: str) -> None:
    ledger = await Ledger.open(sqlite_url, [KEY], pepper=PEPPER)
    await ledger.close()
    await ledger.close()
    with pytest.raises(LedgerUnavailable, match="is closed"):
        await ledger.ping()
    with pytest.raises(LedgerUnavailable, match="is closed"):
        await put(ledger, birth(newborn()))


async def test_a_text_that_postgresql_cannot_hold_is_refused(postgres_url: str) -> None:
    ledger = await Ledger.open(postgres_url, [KEY], pepper=PEPPER)
    with pytest.raises(Refused, match="SQLSTATE 22"):
        await put(ledger, birth(newborn("a\0b")))
    await ledger.close()


@pytest.mark.parametrize("option", ["ssl=disable", "sslmode=disable"])
async def test_tls_to_postgres_is_named_as_everywhere_else(postgres_url: str, option: str) -> None:
    ledger = await Ledger.open(f"{postgres_url}&{option}", [KEY], pepper=PEPPER)
    await ledger.ping()
    await ledger.close()


async def test_an_option_of_the_url_that_nobody_knows_is_named(postgres_url: str) -> None:
    with pytest.raises(LedgerUnavailable, match="option sslmod, which is not known here; known: host, port, ssl, sslm"):
        await Ledger.open(f"{postgres_url}&sslmod=disable", [KEY], pepper=PEPPER)
