"""What queues learned, and how promises held: it outlives the process, and adds up whoever writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pbx_bridge.ledger import Change, Ledger, Stale
from pbx_bridge.line.calibration import Held, Hour
from pbx_bridge.line.estimate import Learned

from .ledger_calls import NOON, birth, newborn, put

pytest_plugins = ["tests.ledger_plugin"]

HOUR = timedelta(hours=1)
THIS = Hour("support", NOON)
GOOD = Held(within=1, answered=1, error_ms=2000, bias_ms=-2000)
BAD = Held(late=1, answered=1, error_ms=60_000, bias_ms=60_000)


async def test_what_a_queue_learned_comes_back_and_is_replaced(ledger: Ledger) -> None:
    assert await ledger.learned() == {}
    once = Learned().handled(61.7).left(12.3, abandoned=True)
    await ledger.keep_learned("support", once, NOON)
    await ledger.keep_learned("tax", Learned(), NOON)
    assert await ledger.learned() == {"support": once, "tax": Learned()}
    twice = once.handled(1.1)
    await ledger.keep_learned("support", twice, NOON + HOUR)
    assert (await ledger.learned())["support"] == twice


async def test_how_promises_held_adds_up_within_a_write_and_over_many(ledger: Ledger) -> None:
    await put(ledger, replace(birth(newborn("u-1")), held=((THIS, GOOD),)), Change(held=((THIS, BAD),)))
    await put(ledger, Change(held=((THIS, BAD), (Hour("support", NOON + HOUR), GOOD), (Hour("tax", NOON), GOOD))))
    assert await ledger.held("support", NOON, NOON + HOUR) == {THIS: GOOD + BAD + BAD}
    both = await ledger.held("support", NOON, NOON + 2 * HOUR)
    assert list(both.items()) == [(THIS, GOOD + BAD + BAD), (Hour("support", NOON + HOUR), GOOD)]
    assert await ledger.held("support", NOON + HOUR, NOON + HOUR) == {}


async def test_a_write_that_fails_adds_nothing(ledger: Ledger) -> None:
    call = newborn()
    try:
        await put(ledger, Change(call=call, before_revision=7, wake_at=NOON, held=((THIS, GOOD),)))
    except Stale:
        assert await ledger.held("support", NOON, NOON + HOUR) == {}
    else:
        raise AssertionError("a call that was never written was changed")


async def test_hours_are_forgotten_after_four_hundred_days_and_not_before(ledger: Ledger) -> None:
    await put(ledger, Change(held=((THIS, GOOD),)))
    assert await ledger.forget_old(NOON + timedelta(days=400)) == 0
    assert await ledger.forget_old(NOON + timedelta(days=400, seconds=1)) == 1
    assert await ledger.held("support", NOON, NOON + HOUR) == {}
