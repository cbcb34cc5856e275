"""`pbx-bridge recordings`: list, verify and purge, on an installation with one recording."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pbx_bridge import recordings_cli as cli
from pbx_bridge import wiring
from pbx_bridge.ledger import Ledger, new_key
from pbx_bridge.recordings.archive import Archive
from pbx_bridge.settings import load

from .ledger_calls import PEPPER
from .recording_files import CALL, OVER, TALK, facts, keep, leave, lived, wav

pytest_plugins = ("tests.ledger_plugin",)

LATER = TALK + OVER + timedelta(seconds=10)


@pytest.fixture
def config(sqlite_url: str, tmp_path: Path) -> Path:
    file = tmp_path / "pbx-bridge.toml"
    file.write_text(
        f'[database]\nurl = "{sqlite_url}"\n[secrets]\nsealing_keys = [{json.dumps(new_key())}]\n'
        f'pepper = "{PEPPER.decode()}"\n[recordings]\nspool = "{tmp_path}/spool"\nstore = "{tmp_path}/store"\n'
    )
    return file


def in_archive(config: Path, work: Callable[[Ledger, Archive], Awaitable[str]]) -> str:
    async def go() -> str:
        ledger = await wiring.ledger_of(load(config))
        archive = wiring.archive_of(load(config), ledger)
        assert archive
        try:
            return await work(ledger, archive)
        finally:
            await ledger.close()

    return asyncio.run(go())


@pytest.fixture
def recording(config: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of the one that is kept."""
    monkeypatch.setattr(wiring, "now", lambda: LATER)
    monkeypatch.setattr(cli, "now", lambda: LATER)

    async def put(ledger: Ledger, archive: Archive) -> str:
        await keep(ledger, lived(facts()))
        leave(config.parent / "spool", wav())
        await archive.collect()
        return (await ledger.recordings_of_call(CALL))[0].id

    return in_archive(config, put)


def test_a_recording_is_listed_without_its_sound(
    config: Path, recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.list_(config=config)
    said = capsys.readouterr().out
    assert said.startswith(f"{recording}  2026-01-12T12:00:20Z      1.0 s  support  until 2026-04-12  kept")
    cli.list_(call="call_none", config=config)
    assert capsys.readouterr().out == ""


def test_every_file_is_opened_and_a_changed_one_named(
    config: Path, recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.verify(config=config) == 0
    (file,) = (config.parent / "store").rglob("*.sealed")
    file.write_bytes(file.read_bytes()[:-1])
    assert cli.verify(config=config) == 1
    assert f"FAIL {recording}: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("how", "gone"),
    [({}, False), ({"call": CALL}, True), ({"call": "call_none"}, False), ({"before": TALK}, False),
     ({"before": LATER}, True), ({"before": LATER.replace(tzinfo=None)}, True)],
)  # fmt: skip
def test_what_is_named_or_due_is_deleted_and_nothing_else(
    config: Path, recording: str, how: dict[str, object], gone: bool
) -> None:
    cli.purge(config=config, **how)  # type: ignore[arg-type]
    assert bool(list((config.parent / "store").rglob("*.sealed"))) is not gone


def test_one_is_deleted_by_its_id_and_the_audit_says_by_whom(config: Path, recording: str) -> None:
    cli.purge([recording], config=config)

    async def last(ledger: Ledger, archive: Archive) -> str:
        line = (await ledger.audit())[-1].line
        return f"{line.actor.partition(':')[0]} {line.action} {line.detail['why']}"

    assert in_archive(config, last) == "operator purge-recording ordered"


def test_where_nothing_is_recorded_it_says_what_to_set(config: Path) -> None:
    config.write_text(config.read_text().partition("[recordings]")[0])
    with pytest.raises(cli.Refused, match=r"recordings\.spool"):
        cli.list_(config=config)
