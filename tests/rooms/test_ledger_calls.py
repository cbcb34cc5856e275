"""What the ledger remembers of calls, on both databases."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, given, settings

from pbx_bridge.call.machine import Step
from pbx_bridge.ledger import Change, Ledger

from .ledger_calls import NOON, birth, change, lives

pytest_plugins = ["tests.ledger_plugin"]

#: One database serves all examples of a property: every example brings calls of its own.
_SHARED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


async def put(ledger: Ledger, *changes: Change) -> None:
    async with ledger.transaction() as transaction:
        await transaction.write(changes, NOON)


@_SHARED
@given(life=lives())
async def test_any_call_comes_back_as_it_was_written(ledger: Ledger, life: list[Step]) -> None:
    await put(ledger, birth(life[0].call))
    for before, step in pairwise(life):
        await put(ledger, change(before.call, step, NOON))
        assert await ledger.call(step.call.id) == step.call
    await _forget(ledger)
    assert await ledger.call(life[-1].call.id) == life[-1].call


async def _forget(ledger: Ledger) -> None:
    ledger._rows._births.clear()


@_SHARED
@given(life=lives())
async def test_the_history_of_any_call_has_no_gap(ledger: Ledger, life: list[Step]) -> None:
    await put(ledger, birth(life[0].call))
    for before, step in pairwise(life):
        await put(ledger, change(before.call, step, NOON))
    history = await ledger.events(life[0].call.id)
    assert [event.sequence for event in history] == list(range(1, life[-1].call.revision + 1))
    assert history[-1].data["call"]["revision"] == life[-1].call.revision
    assert [event.id for event in history] == sorted(event.id for event in history)
