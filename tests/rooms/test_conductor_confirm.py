"""The second step: nothing rings before it, every guess is judged after the one before it, and no crash forgets one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest

from pbx_bridge.call.model import By, Channel, Confirmation
from pbx_bridge.call.states import State
from pbx_bridge.codes.authenticator import recovery_hash
from pbx_bridge.codes.tries import Rules
from pbx_bridge.conductor import errors
from pbx_bridge.conductor.confirming import AskCode, ConfirmCall, Confirmed
from pbx_bridge.ledger.access import Authenticator
from tests.house import ANNA, BORIS, PEPPER, House, closed_until
from tests.virtual_time import NOON

pytest_plugins = ("tests.house_plugin",)

BY_SMS, BY_VOICE = Confirmation(By.CODE, Channel.SMS), Confirmation(By.CODE, Channel.VOICE)
BY_APP, BY_CLICK = Confirmation(By.CODE, Channel.TOTP), Confirmation(By.CLICK)
USER = "user-of-1111"


async def asked(service: House, confirmation: Confirmation = BY_SMS, number: str = ANNA) -> str:
    """A call that waits for its second step, with its code on the way."""
    call = await service.call(number, confirmation=confirmation)
    await service.until(call, State.AWAITING_CODE)
    return call


async def typed(service: House, call: str, code: str | None) -> Confirmed:
    return await service.conductor.confirm(call, code, by="citizen:portal")


async def until(there: Callable[[], bool]) -> None:
    """It comes within a minute."""
    async with asyncio.timeout(60):
        while not there():  # noqa: ASYNC110 - virtual time passes at once
            await asyncio.sleep(0.1)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


# ── the way it goes ──────────────────────────────────────────────────────────────────────────────────────
async def test_the_code_that_was_sent_lets_the_call_ring(service: House) -> None:
    service.fake.citizen(ANNA)
    service.fake.agent("ann", hangs_up_after_s=10)
    call = await asked(service)
    assert service.fake.rings == {}
    assert service.post.messages[0].phone.e164 == ANNA
    assert (await typed(service, call, service.post.code)).right
    assert (await service.end(call)).outcome == "completed"
    assert service.fake.rings == {ANNA: 1}


async def test_without_the_second_step_nothing_is_ever_dialled(service: House) -> None:
    service.fake.citizen(ANNA)
    for confirmation, number in ((BY_SMS, ANNA), (BY_CLICK, BORIS)):
        end = await service.end(await service.call(number, confirmation=confirmation))
        assert (end.outcome, end.cause.slug) == ("expired", "code_expired")
    assert service.fake.rings == {}


async def test_where_the_portal_vouches_a_click_is_enough_and_is_needed(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    call = await asked(service, BY_CLICK)
    assert service.post.messages == []
    assert (await typed(service, call, None)).right
    assert (await service.end(call)).outcome == "busy"


async def test_a_code_confirmed_at_night_schedules_the_call(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    service.fake.agent("ann")
    service.opening = closed_until(NOON + timedelta(hours=1))
    call = await asked(service)
    await typed(service, call, service.post.code)
    assert (await service.present(call)).state is State.SCHEDULED
    assert (await service.end(call)).outcome == "busy"


# ── codes that are wrong ─────────────────────────────────────────────────────────────────────────────────
async def test_the_third_wrong_code_denies_the_call_and_the_right_one_comes_too_late(service: House) -> None:
    call = await asked(service)
    code = service.post.code
    left = [(await typed(service, call, wrong(code))).attempts_left for _ in range(3)]
    assert left == [2, 1, 0]
    with pytest.raises(errors.NothingToConfirm):
        await typed(service, call, code)
    assert (await service.end(call)).outcome == "denied"
    assert service.fake.rings == {}


async def test_of_a_hundred_guesses_at_once_three_are_judged(service: House) -> None:
    call = await asked(service)
    code = service.post.code
    guesses = [f"{(int(code) + 1 + each) % 10**6:06d}" for each in range(100)]
    answers = await asyncio.gather(*(typed(service, call, each) for each in guesses), return_exceptions=True)
    judged = [each for each in answers if isinstance(each, Confirmed)]
    assert sorted(each.attempts_left for each in judged) == [0, 1, 2]
    assert all(isinstance(each, errors.NothingToConfirm) for each in answers if each not in judged)
    assert (await service.end(call)).outcome == "denied"


async def test_the_right_code_typed_twice_at_once_rings_once(service: House) -> None:
    service.fake.citizen(ANNA, busy=True)
    call = await asked(service)
    answers = await asyncio.gather(
        *(typed(service, call, service.post.code) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(each, Confirmed) for each in answers) == 1
    await service.end(call)
    assert service.fake.rings == {ANNA: 1}


async def test_a_code_opens_no_other_call(service: House) -> None:
    anna = await asked(service)
    code_of_anna = service.post.code
    boris = await asked(service, number=BORIS)
    assert service.post.code != code_of_anna
    assert not (await typed(service, boris, code_of_anna)).right
    assert (await typed(service, anna, code_of_anna)).right


async def test_a_code_opens_nothing_after_the_abort_nor_in_the_next_call(service: House) -> None:
    call = await asked(service)
    code = service.post.code
    await service.conductor.abort(call, by="citizen:portal")
    with pytest.raises(errors.NothingToConfirm):
        await typed(service, call, code)
    again = await asked(service)
    assert not (await typed(service, again, code)).right


async def test_a_code_that_is_five_minutes_old_opens_nothing_even_before_the_alarm_says_so(service: House) -> None:
    call = await asked(service)
    code = service.post.code
    sent = (await service.present(call)).confirmation
    assert sent
    assert sent.sent_at
    late = sent.sent_at + timedelta(seconds=300)
    judge = service.conductor._judge
    with pytest.raises(errors.NothingToConfirm, match="time"):
        await service.conductor._taker.submit(ConfirmCall(call, code, late, "citizen:portal", judge))
    with pytest.raises(errors.NothingToConfirm, match="time"):
        await service.conductor._taker.submit(AskCode(call, Channel.SMS, late, "citizen:portal", judge))


async def test_no_code_at_all_is_not_counted_as_a_wrong_one(service: House) -> None:
    call = await asked(service)
    with pytest.raises(errors.CodeNeeded):
        await typed(service, call, None)
    present = (await service.present(call)).confirmation
    assert present
    assert present.tries_left == 3


async def test_guesses_are_in_the_audit_without_what_was_typed(service: House) -> None:
    call = await asked(service)
    await typed(service, call, wrong(service.post.code))
    await typed(service, call, service.post.code)
    told = await service.audit(call)
    assert ("citizen:portal", "CodeMismatch", "taken") in told
    assert ("citizen:portal", "CodeConfirmed", "taken") in told
    lines = repr(await service.ledger.audit(call))
    assert service.post.code not in lines
    assert wrong(service.post.code) not in lines


# ── other codes, other ways ──────────────────────────────────────────────────────────────────────────────
async def test_another_code_makes_the_first_one_worthless(service: House) -> None:
    call = await asked(service)
    first = service.post.code
    await service.conductor.ask_code(call, Channel.SMS, by="citizen:portal")
    await service.until(call, State.AWAITING_CODE)
    await until(lambda: len(service.post.messages) == 2)
    assert service.post.code != first
    assert not (await typed(service, call, first)).right
    assert (await typed(service, call, service.post.code)).right


async def test_a_gateway_that_was_away_sends_one_message_when_it_is_back(service: House) -> None:
    service.post.away = True
    call = await service.call(ANNA, confirmation=BY_SMS)
    await asyncio.sleep(10)
    service.post.away = False
    await service.until(call, State.AWAITING_CODE)
    assert [message.key for message in service.post.messages] == [f"{call}.1"]


async def test_a_gateway_that_refuses_leaves_another_way_open(service: House) -> None:
    service.post.refuses = True
    anna = service.fake.citizen(ANNA)
    call = await asked(service)
    step = (await service.present(call)).confirmation
    assert step
    assert step.undelivered
    await service.conductor.ask_code(call, Channel.VOICE, by="citizen:portal")
    await until(lambda: bool(anna.heard))
    assert (await typed(service, call, anna.heard[0])).right


async def test_who_asks_for_a_voice_while_the_gateway_is_away_is_not_sent_the_text_later(service: House) -> None:
    service.post.away = True
    anna = service.fake.citizen(ANNA)
    call = await service.call(ANNA, confirmation=BY_SMS)
    await service.conductor.ask_code(call, Channel.VOICE, by="citizen:portal")
    await service.until(call, State.AWAITING_CODE)
    service.post.away = False
    await until(lambda: len(anna.heard) == 2)
    assert service.post.messages == []
    assert (await typed(service, call, anna.heard[0])).right


async def test_the_code_is_read_twice_and_the_telephone_rings_once_through_a_restart(service: House) -> None:
    anna = service.fake.citizen(ANNA, after_s=5)
    call = await asked(service, BY_VOICE)
    await service.restart()
    await until(lambda: len(anna.heard) == 2)
    assert anna.heard[0] == anna.heard[1]
    assert service.fake.code_rings == {ANNA: 1}
    assert service.fake.rings == {}
    assert (await typed(service, call, anna.heard[0])).right


async def test_the_telephone_that_reads_is_silent_when_the_call_is_over(service: House) -> None:
    service.fake.citizen(ANNA, after_s=20)
    call = await asked(service, BY_VOICE)
    await service.conductor.abort(call, by="citizen:portal")
    await until(lambda: not service.fake.living)
    assert (await service.end(call)).outcome == "cancelled"


async def test_a_message_is_the_same_after_a_crash(service: House) -> None:
    service.post.away = True
    call = await service.call(ANNA, confirmation=BY_SMS)
    await service.stop()
    service.post.away = False
    await service.start()
    await service.until(call, State.AWAITING_CODE)
    (message,) = service.post.messages
    assert message.key == f"{call}.1"
    assert (await typed(service, call, message.code)).right


async def test_tries_are_remembered_by_the_next_life(service: House) -> None:
    call = await asked(service)
    await typed(service, call, wrong(service.post.code))
    await service.restart()
    assert (await typed(service, call, wrong(service.post.code))).attempts_left == 1


# ── authenticator apps ───────────────────────────────────────────────────────────────────────────────────
async def enrolled(service: House) -> pyotp.TOTP:
    app = pyotp.TOTP(pyotp.random_base32())
    kept = recovery_hash(PEPPER, "portal", USER, "q7x2m-04kzv")
    now = service.time()
    await service.ledger.keep_authenticator(Authenticator("portal", USER, app.secret, now, now, 0, (kept,)))
    return app


async def test_an_apps_code_lets_the_call_ring_and_never_counts_again(service: House) -> None:
    app = await enrolled(service)
    code = app.at(service.time())
    call = await asked(service, BY_APP)
    assert (await typed(service, call, code)).right
    await service.conductor.abort(call, by="citizen:portal")
    again = await asked(service, BY_APP)
    assert not (await typed(service, again, code)).right


async def test_an_apps_code_for_two_calls_at_once_lets_one_of_them_ring(service: House) -> None:
    app = await enrolled(service)
    code = app.at(service.time())
    first = await asked(service, BY_APP)
    answers = await asyncio.gather(*(typed(service, first, code) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, Confirmed) and each.right for each in answers) == 1


async def test_a_recovery_code_counts_once(service: House) -> None:
    await enrolled(service)
    call = await asked(service, BY_APP)
    assert (await typed(service, call, "Q7X2M-04KZV")).right
    await service.conductor.abort(call, by="citizen:portal")
    again = await asked(service, BY_APP)
    assert not (await typed(service, again, "q7x2m-04kzv")).right


async def test_an_app_that_is_not_confirmed_opens_nothing(service: House) -> None:
    app = await enrolled(service)
    known = await service.ledger.authenticator("portal", USER)
    assert known
    await service.ledger.keep_authenticator(replace(known, confirmed_at=None))
    call = await asked(service, BY_APP)
    assert not (await typed(service, call, app.at(service.time()))).right


# ── how often ────────────────────────────────────────────────────────────────────────────────────────────
async def limited(service: House, **limits: int) -> None:
    service.rules = Rules(**limits)
    await service.restart()


async def test_between_two_codes_there_is_a_pause(service: House) -> None:
    await limited(service, code_pause_s=30, codes_per_hour_of_citizen=10)
    call = await asked(service)
    with pytest.raises(errors.MustWait, match="too-many-codes") as wait:
        await service.conductor.ask_code(call, Channel.SMS, by="citizen:portal")
    assert wait.value.retry_after_s <= 30
    await asyncio.sleep(wait.value.retry_after_s)
    await service.conductor.ask_code(call, Channel.SMS, by="citizen:portal")


async def test_codes_of_an_hour_are_counted_across_calls_and_lives(service: House) -> None:
    await limited(service, codes_per_hour_of_citizen=2)
    for _ in range(2):
        await service.conductor.abort(await asked(service), by="citizen:portal")
    await service.restart()
    with pytest.raises(errors.MustWait, match="too-many-codes"):
        await service.call(ANNA, confirmation=BY_SMS)
    await service.call(BORIS, confirmation=BY_SMS)


async def test_who_guesses_call_after_call_is_locked_out_with_the_right_code_too(service: House) -> None:
    await limited(service, wrong_codes=4, lock_s=3600)
    for _ in range(2):
        call = await asked(service)
        for _ in range(2):
            await typed(service, call, wrong(service.post.code))
        await service.conductor.abort(call, by="citizen:portal")
    with pytest.raises(errors.MustWait, match="locked-out") as wait:
        await service.call(ANNA, confirmation=BY_SMS)
    assert 3500 < wait.value.retry_after_s <= 3600
    await asyncio.sleep(wait.value.retry_after_s)
    call = await asked(service)
    assert (await typed(service, call, service.post.code)).right


async def test_calls_of_one_number_are_counted_whoever_asks(service: House) -> None:
    await limited(service, calls_per_hour_of_number=2)
    service.fake.citizen(ANNA, busy=True)
    for user in ("one", "two"):
        await service.end(await service.call(ANNA, user=user))
    with pytest.raises(errors.MustWait, match="too-many-calls"):
        await service.call(ANNA, user="three")


async def test_of_ten_requests_at_once_no_more_are_taken_than_the_limit(service: House) -> None:
    await limited(service, calls_per_hour_of_number=3)
    service.fake.citizen(ANNA, busy=True)
    calls = [service.call(ANNA, user=f"user-{each}") for each in range(10)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(each, str) for each in answers) == 3
    assert sum(isinstance(each, errors.MustWait) for each in answers) == 7


async def test_a_refusal_is_in_the_audit(service: House) -> None:
    await limited(service, calls_per_hour_of_citizen=1)
    await service.call(ANNA)
    with pytest.raises(errors.MustWait):
        await service.call(ANNA)
    lines = [each.line for each in await service.ledger.audit()]
    assert ("open", "refused", {"why": "too-many-calls"}) in [
        (each.action, each.verdict, each.detail) for each in lines
    ]


async def test_wrong_codes_for_a_number_lock_out_who_waits_with_that_number_too(service: House) -> None:
    await limited(service, wrong_codes=2, lock_s=3600)
    waiting = await service.call(ANNA, user="one", confirmation=BY_SMS)
    await service.until(waiting, State.AWAITING_CODE)
    code = service.post.code
    guessed = await service.call(ANNA, user="two", confirmation=BY_SMS)
    await service.until(guessed, State.AWAITING_CODE)
    for _ in range(2):
        await typed(service, guessed, wrong(service.post.code))
    with pytest.raises(errors.MustWait, match="locked-out"):
        await typed(service, waiting, code)
    assert ("citizen:portal", "CodeTyped", "refused") in await service.audit(waiting)
