"""Attacks on the one-time code: guessed, borrowed, used too early, too late or twice."""

from __future__ import annotations

import asyncio

import pytest

from tests.hostile.fort import ANNA, BORIS, Fort
from tests.hostile.guessing import LOCKED, OVER, WRONG, code_for, others, told

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")


# ── guessing ─────────────────────────────────────────────────────────────────────────────────────────────
async def test_two_hundred_guesses_at_once(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    answers = await asyncio.gather(*(anna.confirms(call, guess) for guess in others(code, 200)))
    assert told(answers) == {WRONG: 3, OVER: 197}
    assert sorted(answer.json["attempts_left"] for answer in answers if answer.refused == WRONG) == [0, 1, 2]
    assert (await anna.confirms(call, code)).refused == OVER, "the right one comes too late"
    assert await anna.state(call) == "ended"
    assert fort.nothing_rang


async def test_the_right_code_among_two_hundred_counts_when_it_comes_in_time_only(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    guesses = others(code, 199)
    guesses.insert(100, code)
    answers = await asyncio.gather(*(anna.confirms(call, guess) for guess in guesses))
    right = [answer for answer in answers if answer.status == 200]
    assert told(answers)[WRONG] <= 3
    assert len(right) <= 1
    assert fort.nothing_rang or right


async def test_one_code_typed_two_hundred_times_at_once_rings_once(fort: Fort) -> None:
    fort.fake.citizen(ANNA, answers=False)
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    answers = await asyncio.gather(*(anna.confirms(call, code) for _ in range(200)))
    assert told(answers) == {(200, ""): 1, OVER: 199}
    await fort.time.advance(5)
    assert fort.fake.rings == {ANNA: 1}


async def test_guessing_call_after_call_is_locked_out(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    for _ in range(2):
        call = await anna.wants_call()
        for guess in others(await code_for(fort, ANNA), 3):
            assert (await anna.confirms(call, guess)).refused == WRONG
        await fort.time.advance(60)
    locked = await anna.initiates()
    assert locked.refused == LOCKED
    assert 3000 < locked.retry_after <= 3600
    before = len(fort.gateway.messages)
    await fort.restart()
    assert (await anna.initiates()).refused == LOCKED, "a restart forgets nothing"
    assert len(fort.gateway.messages) == before
    assert fort.nothing_rang


async def test_the_lock_is_over_when_it_said(fort: Fort) -> None:
    anna = await fort.citizen("anna", expires_in=9000)
    for _ in range(2):
        call = await anna.wants_call()
        for guess in others(await code_for(fort, ANNA), 3):
            await anna.confirms(call, guess)
        await fort.time.advance(60)
    await fort.time.advance((await anna.initiates()).retry_after + 1)
    again = await fort.citizen("anna")
    assert (await again.initiates()).status == 202


async def test_a_lock_is_not_gone_round_by_another_number_or_channel(fort: Fort) -> None:
    for _ in range(2):
        call = await fort.portal.wants_call(ANNA, user="anna")
        for guess in others(await code_for(fort, ANNA), 3):
            await fort.portal.confirms(call, guess)
        await fort.time.advance(60)
    for channel in ("sms", "voice"):
        assert (await fort.portal.initiates(BORIS, user="anna", code_channel=channel)).refused == LOCKED
        assert (await fort.portal.initiates(ANNA, user="boris", code_channel=channel)).refused == LOCKED
    assert (await fort.portal.initiates(BORIS, user="boris")).status == 202
    assert fort.nothing_rang


async def test_wrong_tries_are_not_forgotten_by_a_restart(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    for guess, left in zip(others(code, 3), (2, 1, 0), strict=True):
        answer = await anna.confirms(call, guess)
        assert (answer.refused, answer.json["attempts_left"]) == (WRONG, left)
        await fort.restart()
    assert (await anna.confirms(call, code)).refused == OVER


async def test_another_code_does_not_bring_tries_back(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    old = await code_for(fort, ANNA)
    for guess in others(old, 2):
        await anna.confirms(call, guess)
    await fort.time.advance(31)
    assert (await anna.asks_code(call)).status == 202
    await code_for(fort, ANNA)
    last = await anna.confirms(call, old)
    assert (last.refused, last.json["attempts_left"]) == (WRONG, 0)


# ── codes of something else ──────────────────────────────────────────────────────────────────────────────
async def test_the_code_of_another_citizens_call(fort: Fort) -> None:
    anna, boris = await fort.citizen("anna", ANNA), await fort.citizen("boris", BORIS)
    calls = await anna.wants_call(), await boris.wants_call()
    codes = await code_for(fort, ANNA), await code_for(fort, BORIS)
    assert (await anna.confirms(calls[0], codes[1])).refused == WRONG
    assert (await boris.confirms(calls[0], codes[0])).refused == (404, "unknown-call")
    assert fort.nothing_rang


async def test_the_code_of_an_earlier_call_to_the_same_number(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    first = await anna.wants_call()
    old = await code_for(fort, ANNA)
    await anna.aborts(first)
    await fort.time.advance(31)
    call = await anna.wants_call()
    assert await code_for(fort, ANNA) != old
    assert (await anna.confirms(call, old)).refused == WRONG
    assert fort.nothing_rang


async def test_the_code_that_another_number_got_for_the_same_citizen(fort: Fort) -> None:
    first = await fort.portal.wants_call(ANNA, user="anna")
    old = await code_for(fort, ANNA)
    await fort.portal.aborts(first)
    await fort.time.advance(31)
    call = await fort.portal.wants_call(BORIS, user="anna")
    await code_for(fort, BORIS)
    assert (await fort.portal.confirms(call, old)).refused == WRONG
    assert fort.nothing_rang


@pytest.mark.parametrize("typed", ["      ", "000000", "------", "abcdef", "1234567", "12345678901234567890"])
async def test_what_is_no_code_opens_nothing(fort: Fort, typed: str) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    if await code_for(fort, ANNA) != typed:
        assert (await anna.confirms(call, typed)).refused == WRONG
    assert fort.nothing_rang


@pytest.mark.parametrize(
    "typed", ["", "12345", "１２３４５６", "١٢٣٤٥٦", "123456\n", "12345\u0000", "1" * 21, 123456, [], True]
)
async def test_what_cannot_be_a_code_costs_no_try(fort: Fort, typed: object) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    for _ in range(4):
        answer = await anna.ask("POST", f"/v1/calls/{call}/confirm", {"code": typed})
        assert answer.refused == (422, "validation-failed")
    assert (await anna.confirms(call, code)).status == 200


# ── too early, too late, without ─────────────────────────────────────────────────────────────────────────
async def test_a_confirmation_without_a_code(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    assert (await anna.confirms(call)).refused == (422, "code-needed")
    assert fort.nothing_rang


async def test_a_code_before_any_was_sent(fort: Fort) -> None:
    fort.gateway.manner = "fails"
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    for guess in ("000000", "123456", "999999"):
        assert (await anna.confirms(call, guess)).status == 403
    assert fort.nothing_rang


async def test_a_code_after_the_call_was_aborted(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    assert (await anna.aborts(call)).status == 200
    assert (await anna.confirms(call, code)).refused == OVER
    assert (await anna.asks_code(call)).refused == OVER
    assert fort.nothing_rang


async def test_an_abort_and_the_code_at_once(fort: Fort) -> None:
    fort.fake.citizen(ANNA, answers=False)
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    await asyncio.gather(anna.aborts(call), *(anna.confirms(call, code) for _ in range(20)))
    await fort.time.advance(60)
    assert await anna.state(call) == "ended"
    assert sum(fort.fake.rings.values()) <= 1
    assert not fort.fake.living


async def test_a_code_after_its_time(fort: Fort) -> None:
    anna = await fort.citizen("anna", expires_in=900)
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    await fort.time.advance(301)
    late = await fort.citizen("anna")
    assert (await late.confirms(call, code)).refused == OVER
    assert fort.nothing_rang


async def test_a_code_after_its_time_that_comes_before_the_service_noticed(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    await fort.time.advance(1)
    await fort.stop()
    await fort.time.advance(300)
    await fort.start()
    late = await fort.citizen("anna")
    assert (await late.confirms(call, code)).refused == OVER
    assert fort.nothing_rang


async def test_a_code_a_second_time(fort: Fort) -> None:
    fort.fake.citizen(ANNA, busy=True)
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    assert (await anna.confirms(call, code)).status == 200
    await fort.time.advance(30)
    assert (await anna.confirms(call, code)).refused == OVER
    assert fort.fake.rings == {ANNA: 1}


async def test_a_code_in_the_query_is_not_read(fort: Fort) -> None:
    anna = await fort.citizen("anna")
    call = await anna.wants_call()
    code = await code_for(fort, ANNA)
    answer = await anna.ask("POST", f"/v1/calls/{call}/confirm?code={code}", {})
    assert answer.status == 422
    assert fort.nothing_rang
