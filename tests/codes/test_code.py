"""One-time codes: bound to everything, kept by nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.codes.code import Bond, Codes
from pbx_bridge.phone import Phone

KEY = b"k" * 32
BOND = Bond("call_1", "portal", "u-1", Phone("+79161234567"))
texts = st.text(max_size=20)
bonds = st.builds(Bond, texts, texts, texts, st.sampled_from(["+79161234567", "+79161234568"]).map(Phone))


@given(bonds, st.integers(1, 5))
def test_a_code_has_six_digits_and_is_the_same_whenever_it_is_asked_for(bond: Bond, number: int) -> None:
    code = Codes(KEY).code(bond, number)
    assert len(code) == 6
    assert code.isascii()
    assert code.isdigit()
    assert Codes(KEY).code(bond, number) == code
    assert Codes(KEY).matches(code, bond, number)


@given(bonds)
def test_no_code_of_a_request_comes_again(bond: Bond) -> None:
    codes = Codes(KEY)
    given_ = [codes.code(bond, number) for number in range(1, 8)]
    assert len(set(given_)) == len(given_)


def test_a_code_that_would_come_again_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Codes, "_draw", lambda self, bond, number, draw: f"{draw:06d}")
    assert [Codes(KEY).code(BOND, number) for number in (1, 2, 3)] == ["000000", "000001", "000002"]


@pytest.mark.parametrize(
    "other",
    [
        replace(BOND, call_id="call_2"),
        replace(BOND, client="another"),
        replace(BOND, user="u-2"),
        replace(BOND, phone=Phone("+79161234568")),
        Bond("call_1port", "al", "u-1", BOND.phone),
    ],
)
def test_a_code_is_for_one_request_of_one_citizen_and_one_number(other: Bond) -> None:
    codes = Codes(KEY)
    mine = {codes.code(BOND, number) for number in range(1, 4)}
    assert mine.isdisjoint(codes.code(other, number) for number in range(1, 4))


def test_another_key_gives_other_codes() -> None:
    assert Codes(KEY).code(BOND, 1) != Codes(b"K" * 32).code(BOND, 1)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "\0"])
def test_what_is_no_code_is_just_wrong(typed: str) -> None:
    assert not Codes(KEY).matches(typed, BOND, 1)


def test_codes_are_spread_over_the_whole_million() -> None:
    codes = Codes(KEY)
    leading = {codes.code(replace(BOND, user=str(each)), 1)[0] for each in range(200)}
    assert leading == set("0123456789")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Codes(b"short")
