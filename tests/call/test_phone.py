"""A telephone number does not show itself, whoever prints it and however."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.phone import NotAPhone, Phone

NUMBER = "+79161234567"


def test_its_owner_recognises_it_and_nobody_can_dial_it() -> None:
    assert Phone(NUMBER).masked == "+7916***4567"
    assert Phone(NUMBER).e164 == NUMBER


@pytest.mark.parametrize("number", [NUMBER, "+74957770011", "+4930123456", "+14155552671", "+35312345678"])
def test_no_way_of_printing_shows_the_middle(number: str) -> None:
    phone = Phone(number)
    for text in (str(phone), repr(phone), f"{phone}", f"{phone!r:>30}", str([phone]), f"{ {phone: 1} }"):
        assert number[1:] not in text
        assert "***" in text


def test_a_log_line_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().warning("dialling %s for %r", Phone(NUMBER), {"phone": Phone(NUMBER)})
    assert "1234567" not in caplog.text
    assert caplog.text.count("+7916***4567") == 2


@pytest.mark.parametrize(
    "text",
    ["", "+", "79161234567", "8 916 123-45-67", "+7 916 1234567", "+7916123456٧", "+79161234567x", "sip:+79161234567"],
)
def test_what_is_not_e164_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(NotAPhone, match=r"must be E\.164") as refusal:
        Phone(text)
    assert len(text) < 3 or text not in str(refusal.value)


@pytest.mark.parametrize(("text", "why"), [("+9991234567", "existing country code"), ("+7916", "too few or too many")])
def test_what_no_country_has_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(NotAPhone, match=why) as refusal:
        Phone(text)
    assert text not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_the_same_digits_are_the_same_phone() -> None:
    assert Phone(NUMBER) == Phone(NUMBER)
    assert len({Phone(NUMBER), Phone(NUMBER)}) == 1
    assert Phone(NUMBER) != Phone("+79161234568")
    assert Phone(NUMBER) != NUMBER


@given(st.integers(9000000000, 9999999999))
def test_at_most_four_digits_of_the_subscriber_are_shown(digits: int) -> None:
    phone = Phone(f"+7{digits}")
    assert sum(map(str.isdigit, phone.masked)) <= 8
    assert phone.masked.endswith(f"***{digits % 10000:04d}")
