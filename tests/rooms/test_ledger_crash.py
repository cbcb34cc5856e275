"""A writer is killed (-9) in the middle of its work: what it said is there, and no half of anything."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pbx_bridge.call.states import State
from pbx_bridge.ledger import Ledger

from .ledger_calls import KEY, NOON, PEPPER, birth, newborn, put
from .ledger_writer import GROUP

pytest_plugins = ["tests.ledger_plugin"]

ROOT = Path(__file__).parents[2]


async def groups_said_before_the_kill(url: str, seed: int) -> int:
    """Let the writer work, kill it at a random moment after its first commit, return how many it had reported."""
    module = "tests.rooms.ledger_writer"
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, url, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert writer.stdout is not None
    assert await asyncio.wait_for(writer.stdout.readline(), 30) == b"0\n"
    await asyncio.sleep(random.Random(seed).uniform(0, 0.15))
    writer.kill()
    rest = await writer.stdout.read()
    await writer.wait()
    return 1 + rest.count(b"\n")


@pytest.mark.parametrize("seed", range(4))
async def test_a_killed_writer_leaves_whole_transactions_only(ledger_url: str, seed: int) -> None:
    said = await groups_said_before_the_kill(ledger_url, seed)
    ledger = await Ledger.open(ledger_url, [KEY], pepper=PEPPER)
    calls = await ledger.unfinished()
    assert len(calls) % GROUP == 0
    assert len(calls) // GROUP in (said, said + 1), "committed and not yet said, at most one"
    assert {call.state for call in calls} <= {State.DIALING}
    written = Counter(event.call_id for event in await ledger.events_after("", limit=1_000_000))
    assert written == {call.id: 2 for call in calls}
    wishes = Counter(wish.call_id for wish in await ledger.open_wishes())
    assert wishes == {call.id: 1 for call in calls}
    await ledger.close()


async def test_the_next_writer_need_not_wait_for_the_killed_one(ledger_url: str) -> None:
    await groups_said_before_the_kill(ledger_url, seed=99)
    ledger = await Ledger.open(ledger_url, [KEY], pepper=PEPPER, patience_s=1)
    call = replace(newborn("after the crash"), id="call_next", ticket="T-next")
    await put(ledger, birth(call))
    assert await ledger.events(call.id) != []
    assert call.accepted_at == NOON
    await ledger.close()
