"""`pbx-bridge recordings …`: what is kept, whether it is still what was recorded, and deleting it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import App, Parameter
from rich.console import Console

from . import settings
from .ledger import KeptRecording, Ledger, Unreadable
from .recordings.archive import Archive
from .upkeep import operator
from .wiring import archive_of, ledger_of, now

Config = Annotated[Path | None, Parameter(name=["--config", "-c"], help="Configuration file; default PBX_CONFIG.")]
Result = TypeVar("Result")

app = App(name="recordings", help="Recordings: list, verify, purge.")
out = Console(highlight=False, soft_wrap=True)


class Refused(Exception):
    """What was asked for cannot be done. The text says why and what to do."""


@app.command(name="list")
def list_(*, call: str | None = None, config: Config = None) -> None:
    """All recordings, or those of one call; no sound, and nothing about citizens."""

    async def show(ledger: Ledger, archive: Archive) -> None:
        async for each in _all(ledger, call):
            state = each.state if each.key else f"{each.state} ({each.why})"
            words = f"{each.id}  {each.began_at:%Y-%m-%dT%H:%M:%SZ}  {each.length_ms / 1000:7.1f} s  {each.service}"
            out.print(f"{words}  until {each.keep_until:%Y-%m-%d}  {state}", markup=False)

    _with_archive(config, show)


@app.command
def verify(*, config: Config = None) -> int:
    """Open every file that is kept, and say which of them are not what was recorded."""

    async def look(ledger: Ledger, archive: Archive) -> int:
        good = bad = 0
        async for each in _all(ledger, None):
            if each.key is None:
                continue
            try:
                async for _ in archive.sound(each):
                    pass
            except Unreadable as error:
                bad += 1
                out.print(f"FAIL {error}", markup=False)
            else:
                good += 1
        out.print(f"{good} as they were recorded, {bad} not.", markup=False)
        return 1 if bad else 0

    return _with_archive(config, look)


@app.command
def purge(
    recording: Annotated[list[str] | None, Parameter(negative="", help="Ids; default: what is due.")] = None,
    *,
    call: str | None = None,
    before: datetime | None = None,
    config: Config = None,
) -> None:
    """Delete recordings for good: those named, all of a call, all that began before a time, or what is due by now.

    Parameters
    ----------
    recording
        Ids, as `list` prints them.
    call
        All of this call.
    before
        All that began before this time (UTC where it names no zone).
    """

    async def go(ledger: Ledger, archive: Archive) -> None:
        if not (recording or call or before):
            out.print(f"Deleted: {await archive.sweep()} whose time was over.", markup=False)
            return
        gone = 0
        limit = before.astimezone(now().tzinfo) if before and before.tzinfo else before
        async for each in _all(ledger, call):
            began = each.began_at if limit is None or limit.tzinfo else each.began_at.replace(tzinfo=None)
            if each.key and (not recording or each.id in recording) and (limit is None or began < limit):
                gone += await archive.purge(each.id, operator(), "ordered")
        out.print(f"Deleted: {gone}. Nobody can hear them any more, from backups either.", markup=False)

    _with_archive(config, go)


async def _all(ledger: Ledger, call: str | None) -> AsyncIterator[KeptRecording]:
    if call is not None:
        for each in await ledger.recordings_of_call(call):
            yield each
        return
    after = ""
    while page := await ledger.recordings(after):
        for each in page:
            yield each
        after = page[-1].id


def _with_archive(config: Path | None, work: Callable[[Ledger, Archive], Awaitable[Result]]) -> Result:
    wanted = settings.load(config)

    async def go() -> Result:
        ledger = await ledger_of(wanted)
        try:
            archive = archive_of(wanted, ledger)
            if archive is None:
                raise Refused("Nothing is recorded here: set recordings.spool and recordings.store first.")
            return await work(ledger, archive)
        finally:
            await ledger.close()

    return asyncio.run(go())
