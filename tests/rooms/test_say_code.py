"""An order to read a code, as Asterisk gets it, and what a look makes of such a leg."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from typing import cast

import pytest
import structlog

from pbx_bridge.asterisk.act import Act, Trunk
from pbx_bridge.asterisk.ami import Ami
from pbx_bridge.asterisk.look import Lists, picture
from pbx_bridge.call.recovery import LegSeen, LegState
from pbx_bridge.conductor.ports import AlreadyDialled, CodeOrder, DialRefused, OutOfReach
from pbx_bridge.phone import Phone
from tests.call.story import MORNING
from tests.rooms.ari_desk import Desk, open_desk, says

LEG, NUMBER, CODE = "pb.call_x.c1", "+79161234567", "493817"
TRUNKS = (Trunk("+7", "operator", caller_id="88001000000"), Trunk("+7916", "mobile", plus=False))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as made:
        yield made


def order(*, number: str = NUMBER, code: str = CODE, locale: str = "ru") -> CodeOrder:
    return CodeOrder(LEG, Phone(number), code, locale, 25)


async def say(desk: Desk, wanted: CodeOrder, code_caller_id: str = "") -> None:
    ari = desk.ari(request_timeout_s=1.0)
    try:
        # Reading a code is ARI's business alone.
        await Act(ari, cast(Ami, None), TRUNKS, code_caller_id).say_code(wanted)
    finally:
        await ari.close()


async def test_the_order_is_one_request_that_asterisk_needs_no_help_with(desk: Desk) -> None:
    await say(desk, order())
    (asked,) = desk.asked
    assert (asked.method, asked.path) == ("POST", f"/ari/channels/{LEG}")
    assert asked.body == {
        "endpoint": "PJSIP/79161234567@mobile",
        "context": "say-code",
        "extension": "s",
        "priority": 1,
        "timeout": 25,
        "variables": {
            "CHANNEL(hangup_handler_push)": "leg-gone,s,1",
            "CHANNEL(language)": "ru",
            "PB_CODE": CODE,
        },
    }


@pytest.mark.parametrize(
    ("locale", "language"),
    [("ru", "ru"), ("ru-RU", "ru"), ("en", "en"), ("EN_gb", "en"), ("de", "ru"), ("", "ru"), ("../x", "ru")],
)
async def test_the_digits_are_in_the_citizens_language_or_in_russian(desk: Desk, locale: str, language: str) -> None:
    await say(desk, order(locale=locale))
    assert desk.asked[0].body["variables"]["CHANNEL(language)"] == language


async def test_the_caller_is_the_trunks_unless_codes_have_their_own(desk: Desk) -> None:
    await say(desk, order(number="+74951234567"))
    await say(desk, order(number="+74951234567"), code_caller_id="Код <88002000000>")
    assert [asked.body["callerId"] for asked in desk.asked] == ["88001000000", "Код <88002000000>"]


@pytest.mark.parametrize("code", ["", "12a", "1,2", "${DB(x)}", "12\n", "١٢٣", "-1"])
async def test_nothing_but_digits_is_read(desk: Desk, code: str) -> None:
    with pytest.raises(ValueError, match="made of digits") as refusal:
        await say(desk, order(code=code))
    assert not desk.asked
    assert not code or code not in str(refusal.value)


async def test_a_number_without_a_trunk_is_refused_unasked(desk: Desk) -> None:
    with pytest.raises(DialRefused) as refusal:
        await say(desk, order(number="+12025550123"))
    assert refusal.value.cause.slug == "no_endpoint"
    assert not desk.asked


@pytest.mark.parametrize(
    ("status", "error"), [(409, AlreadyDialled), (500, DialRefused), (400, DialRefused), (404, OutOfReach)]
)
async def test_asterisks_no_is_told_in_our_words_and_names_neither_number_nor_code(
    desk: Desk, status: int, error: type[Exception]
) -> None:
    desk.answers[LEG] = says(status, {"message": "no"})
    with structlog.testing.capture_logs() as logs, pytest.raises(error) as refusal:
        await say(desk, order())
    told = "".join(traceback.format_exception(refusal.value)) + repr(logs)
    assert CODE not in told
    assert NUMBER[2:] not in told


def test_an_order_prints_neither_number_nor_code() -> None:
    assert CODE not in repr(order())
    assert NUMBER[2:] not in repr(order())


def test_a_look_shows_such_a_leg_and_its_trace() -> None:
    gone = "pb.call_y.c2"
    lists = Lists(
        "2026-01-12T05:00:00.123+0000",
        [{"id": LEG, "state": "Up"}, {"id": "pb.call_z.cx", "state": "Up"}],
        [],
        [],
        memory={f"pbx-bridge/837/{gone}": "1768197600.5|16|SIP 200 OK|1768197590.5|||||"},
    )
    seen = picture(lists, MORNING)
    assert seen.legs == {LEG: LegSeen(LegState.UP)}
    assert list(seen.traces) == [gone]
    assert seen.traces[gone].answered_at
