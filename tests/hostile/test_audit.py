"""Attacks on the audit: somebody who may write to the database changes what is told about them."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from pbx_bridge import upkeep, wiring
from pbx_bridge.settings import Database
from tests.hostile.fort import ANNA, BORIS, Fort
from tests.hostile.guessing import code_for, others

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")

#: What is done to the database, and what the verification must say.
FORGERIES = {
    "the actor of a line": ("UPDATE audit SET actor = 'client:else' WHERE id = :middle", "line {middle} was changed"),
    "the verdict of a line": ("UPDATE audit SET verdict = 'refused' WHERE id = :middle", "line {middle} was changed"),
    "the year of a line": (
        "UPDATE audit SET at = replace(at, '2026', '2025') WHERE id = :middle",
        "line {middle} was changed",
    ),
    "the call of a line": ("UPDATE audit SET call_id = 'call_x' WHERE id = :middle", "line {middle} was changed"),
    "a line taken out": ("DELETE FROM audit WHERE id = :middle", "line {middle} was removed"),
    "many lines taken out": ("DELETE FROM audit WHERE id BETWEEN 2 AND :middle", "lines 2 to {middle} were removed"),
    "the end cut off": ("DELETE FROM audit WHERE id > :middle", "lines were cut off"),
    "everything": ("DELETE FROM audit", "cut off"),
    "two lines swapped": (
        "UPDATE audit SET id = CASE id WHEN :middle THEN -1 ELSE :middle END WHERE id IN (:middle, :middle + 1);"
        "UPDATE audit SET id = :middle + 1 WHERE id = -1",
        "line {middle} was changed",
    ),
    "a line put in": (
        "INSERT INTO audit SELECT (SELECT max(id) + 1 FROM audit), {others} FROM audit WHERE id = :middle",
        "put in",
    ),
    "the record of the end": ("DELETE FROM audit_head", "record of the last line is gone"),
    "the end cut off and its record forged": (
        "DELETE FROM audit WHERE id > :middle;"
        "UPDATE audit_head SET id = :middle, chain = (SELECT chain FROM audit WHERE id = :middle)",
        "lines were cut off",
    ),
}


async def verify(fort: Fort, file: Path, *arguments: str) -> tuple[int, str]:
    """`pbx-bridge audit verify` as an operator runs it; exit code and words."""
    secrets = fort.settings.secrets
    config = file.with_suffix(".toml")
    config.write_text(
        f'[database]\nurl = "sqlite:///{file}"\n[secrets]\npepper = "{secrets.pepper.get_secret_value()}"\n'
        f'sealing_keys = ["{secrets.sealing_keys[0].get_secret_value()}"]\n'
    )
    command = (sys.executable, "-m", "pbx_bridge", "audit", "verify", *arguments, "--config", str(config))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PBX_")}
    run = partial(subprocess.run, command, capture_output=True, text=True, env=kept, check=False)
    done = await asyncio.get_running_loop().run_in_executor(None, run)
    return done.returncode, done.stdout + done.stderr


def tamper(file: Path, copy: Path, statements: str, middle: int) -> Path:
    """A copy of the database, after a forger was there."""
    shutil.copy(file, copy)
    with sqlite3.connect(copy) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(audit)") if row[1] != "id"]
        for statement in statements.replace("{others}", ", ".join(columns)).split(";"):
            database.execute(statement.replace(":middle", str(middle)))
        database.commit()
    database.close()
    return copy


@pytest.fixture
async def written(fort: Fort) -> Path:
    """The database of a service that has done something, and stopped."""
    anna = await fort.citizen("anna", ANNA)
    call = await anna.wants_call()
    for guess in others(await code_for(fort, ANNA), 3):
        await anna.confirms(call, guess)
    await fort.portal.ask("GET", "/v1/users/anna/identity")
    await fort.portal.wants_call(BORIS)
    await fort.time.advance(400)
    await fort.stop()
    with sqlite3.connect(fort.file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return fort.file


async def test_each_forgery_is_found_and_its_place_named(fort: Fort, written: Path, tmp_path: Path) -> None:
    with sqlite3.connect(written) as database:
        (last,) = database.execute("SELECT max(id) FROM audit").fetchone()
    database.close()
    middle = last // 2
    assert middle > 3
    untouched = await verify(fort, written)
    assert untouched[0] == 0, untouched
    assert f"holds: {last} lines" in untouched[1]
    anchor = next(line.split()[1] for line in untouched[1].splitlines() if line.startswith("anchor "))
    assert (await verify(fort, written, "--anchor", anchor))[0] == 0
    shown = await tampered_and_verified(fort, written, tmp_path, middle)
    for name, (_, words) in FORGERIES.items():
        holds, said = shown[name]
        assert not holds, (name, said)
        assert words.format(middle=middle) in said, (name, said)
        fort.treasure.is_nowhere_in("what verify says", said)


async def tampered_and_verified(fort: Fort, written: Path, folder: Path, middle: int) -> dict[str, tuple[bool, str]]:
    """By forgery, whether the audit still holds and what is said. The command of one forgery exits with 1."""
    shown: dict[str, tuple[bool, str]] = {}
    for name, (statements, _) in FORGERIES.items():
        said: list[str] = []
        copy = tamper(written, folder / "copy.db", statements, middle)
        ledger = await wiring.ledger_of(
            fort.settings.model_copy(update={"database": Database(url=SecretStr(f"sqlite:///{copy}"))})
        )
        shown[name] = await upkeep.audit_verify(ledger, said.append), " ".join(said)
        await ledger.close()
    code, words = await verify(fort, copy)
    assert (code, words.splitlines()[0]) == (1, said[0])
    return shown


async def test_another_service_that_was_begun_anew_is_found_by_the_anchor(fort: Fort, written: Path) -> None:
    """Everything at once is forged by somebody who has the pepper too; only what was kept elsewhere tells."""
    code, said = await verify(fort, written, "--anchor", f"3:{'A' * 43}=")
    assert code == 1
    assert "anchored" in said
