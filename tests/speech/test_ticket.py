"""The ticket's number, read aloud, and whose language it is read in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.speech import spoken, ticket
from workshop.prompts import known, text


@pytest.mark.parametrize(
    ("digits", "heard"),
    [
        ("004", "ноль, ноль, четыре."),
        ("1234", "один, два, три; четыре."),
        ("987654321", "девять, восемь, семь; шесть, пять, четыре; три, два, один."),
    ],
)
def test_digits_are_read_one_by_one_in_groups_of_three(digits: str, heard: str) -> None:
    assert text(ticket(digits, "ru"), "ru") == f"Номер вашего обращения: {heard}"


def test_it_is_read_in_english_too() -> None:
    assert text(ticket("105", "en"), "en") == "The number of your request is one, zero, five."


def test_nothing_waits_after_the_last_digit() -> None:
    assert ticket("123456", "ru")[3:] == ("digit-3-pause", "digit-4", "digit-5", "digit-6")


@given(st.text("0123456789", min_size=1, max_size=20))
def test_no_digit_is_lost_and_each_has_a_text(digits: str) -> None:
    names = ticket(digits, "ru")
    assert "".join(name.removeprefix("digit-")[0] for name in names[1:]) == digits
    assert known(names)


@pytest.mark.parametrize("digits", ["", "12-3", "1a", "٣"])
def test_what_cannot_be_read_in_full_is_not_read(digits: str) -> None:
    with pytest.raises(ValueError, match="0-9") as refusal:
        ticket(digits, "ru")
    assert not digits or digits not in str(refusal.value)


@pytest.mark.parametrize(
    ("locale", "language"),
    [("ru", "ru"), ("en", "en"), ("en-GB", "en"), ("EN_us", "en"), ("uk", "ru"), ("kk-KZ", "ru"), ("", "ru")],
)
def test_who_has_no_language_of_ours_hears_russian(locale: str, language: str) -> None:
    assert spoken(locale) == language
