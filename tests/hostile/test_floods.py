"""Attacks that make the service itself the weapon: somebody's telephone flooded with codes and calls."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.hostile.fort import ANNA, Fort
from tests.hostile.guessing import FLOOD, told

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")


async def test_one_number_bombed_through_many_citizens_and_many_portals(fort: Fort) -> None:
    portals = [await fort.program(token_lifetime_s=3600) for _ in range(3)]
    refused: Counter[tuple[int, str]] = Counter()
    for round_ in range(40):
        portal = portals[round_ % 3]
        answer = await portal.initiates(ANNA, user=f"u-{round_}")
        refused[answer.refused] += 1
        if answer.status == 429:
            assert answer.retry_after
        else:
            await portal.aborts(answer.json["call"]["id"])
        await fort.time.advance(31)
    assert refused == {(202, ""): 6, FLOOD: 34}
    assert len(fort.gateway.to(ANNA)) == 6


async def test_one_number_bombed_at_once(fort: Fort) -> None:
    answers = await asyncio.gather(*(fort.portal.initiates(ANNA, user=f"u-{each}") for each in range(50)))
    assert told(answers) == {(202, ""): 1, FLOOD: 49}
    await fort.time.advance(5)
    assert len(fort.gateway.to(ANNA)) == 1


async def test_one_call_asked_for_codes_without_end(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    assert {answer.refused for answer in [await anna.asks_code(call) for _ in range(10)]} == {FLOOD}
    for _ in range(7):
        await fort.time.advance(31)
        assert (await anna.asks_code(call, "voice")).status in (202, 409, 429)
    assert len(fort.gateway.to(ANNA)) + sum(fort.fake.code_rings.values()) <= 3
    assert not fort.fake.rings


async def test_a_number_rung_with_codes_through_many_citizens(fort: Fort) -> None:
    fort.fake.citizen(ANNA, answers=False)
    for each in range(20):
        answer = await fort.portal.initiates(ANNA, user=f"u-{each}", code_channel="voice")
        if answer.status == 202:
            await fort.time.advance(40)
            await fort.portal.aborts(answer.json["call"]["id"])
    assert fort.fake.code_rings[ANNA] <= 6
    assert not fort.fake.rings


async def test_many_calls_of_one_citizen(fort: Fort) -> None:
    program = await fort.program(second_step="none")
    fort.fake.citizen(ANNA, busy=True)
    seen: Counter[tuple[int, str]] = Counter()
    for _ in range(25):
        seen[(await program.initiates(ANNA, user="anna")).refused] += 1
        await fort.time.advance(20)
    assert seen == {(202, ""): 20, (429, "too-many-calls"): 5}
