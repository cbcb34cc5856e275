"""Numbers of people: those that can be are taken, slips are found as far as the check digits promise."""

from __future__ import annotations

import pytest
from hypothesis import assume, given

from pbx_bridge.identity import Inn, NotValid, Passport, Private, Snils

from .numbers import INNS, PASSPORTS, SNILS, inn_of, misread, remainder_of_snils, remainders_of_inn, snils_of, swapped


def is_taken(kind: type[Private], text: str) -> bool:
    try:
        kind(text)
    except NotValid:
        return False
    return True


# ── SNILS ────────────────────────────────────────────────────────────────────────────────────────────────
@given(SNILS)
def test_every_snils_with_its_control_number_is_taken(text: str) -> None:
    assert Snils(text).clear == text


@given(SNILS)
def test_a_snils_with_one_wrong_digit_is_found_but_for_the_two_remainders_that_look_the_same(text: str) -> None:
    for wrong in misread(text):
        if int(wrong[:9]) <= 1_001_998:
            continue
        folded = wrong[9:] == "00" and {remainder_of_snils(text), remainder_of_snils(wrong)} == {0, 100}
        assert is_taken(Snils, wrong) == folded, "a slip"


@given(SNILS)
def test_a_snils_with_swapped_neighbours_is_found_but_for_the_same_two_remainders(text: str) -> None:
    for _, wrong in swapped(text):
        if int(wrong[:9]) <= 1_001_998:
            continue
        folded = wrong[9:] == "00" and {remainder_of_snils(text), remainder_of_snils(wrong)} == {0, 100}
        assert is_taken(Snils, wrong) == folded, "a slip"


def test_the_scheme_itself_takes_a_neighbour_of_some_snils_with_control_number_00() -> None:
    texts = (snils_of(number) for number in range(222_222_000, 222_232_000))
    missed = [(text, wrong) for text in texts for wrong in misread(text) if is_taken(Snils, wrong)]
    assert missed
    for text, wrong in missed:
        assert text[:8] + text[9:] == wrong[:8] + wrong[9:]
        assert abs(int(text[8]) - int(wrong[8])) == 1
        assert text[9:] == "00"


@pytest.mark.parametrize("text", ["112-233-445 95", "112 233 445 95", "11223344595", "112-233-445-95"])
def test_a_snils_is_the_same_however_it_is_written(text: str) -> None:
    assert Snils(text) == Snils("11223344595")


def test_the_first_snils_have_no_control_number() -> None:
    assert is_taken(Snils, "001-001-998 77")
    assert not is_taken(Snils, "001-001-999 77")
    assert is_taken(Snils, snils_of(1_001_999))
    assert not is_taken(Snils, "000-000-000 00")


@pytest.mark.parametrize(
    "text", ["", "1122334459", "112233445950", "112--233-445 95", "112-233-445\n95", "1122334459５"]
)
def test_what_is_not_written_as_a_snils_is_refused(text: str) -> None:
    with pytest.raises(NotValid, match="11 digits"):
        Snils(text)


# ── INN ──────────────────────────────────────────────────────────────────────────────────────────────────
@given(INNS)
def test_every_inn_with_its_check_digits_is_taken(text: str) -> None:
    assert Inn(text).clear == text


@given(INNS)
def test_an_inn_with_one_wrong_digit_is_always_found(text: str) -> None:
    assert not any(is_taken(Inn, wrong) for wrong in misread(text))


@given(INNS)
def test_an_inn_with_swapped_neighbours_is_found_but_for_two_places_at_folded_remainders(text: str) -> None:
    for place, wrong in swapped(text):
        if is_taken(Inn, wrong):
            assert place in (8, 9)
            assert set(remainders_of_inn(text) + remainders_of_inn(wrong)) & {10}


def test_the_scheme_itself_takes_some_swaps_of_the_ninth_and_tenth_digit() -> None:
    texts = (inn_of(f"77{number:08}") for number in range(100_000))
    missed = [(text, wrong) for text in texts for place, wrong in swapped(text) if place == 8 and is_taken(Inn, wrong)]
    assert missed
    for text, _ in missed:
        assert abs(int(text[8]) - int(text[9])) in (5, 6)


def test_an_inn_of_an_organisation_is_refused_with_the_reason() -> None:
    with pytest.raises(NotValid, match="an organisation's; a person's has 12"):
        Inn("7707083893")


@pytest.mark.parametrize("text", ["", "50010073225", "5001007322599", "500100 732259", "50010073225٩", "000000000000"])
def test_what_is_not_written_as_an_inn_is_refused(text: str) -> None:
    assert not is_taken(Inn, text)


# ── passport ─────────────────────────────────────────────────────────────────────────────────────────────
@given(PASSPORTS)
def test_every_passport_that_could_exist_is_taken(text: str) -> None:
    assert Passport(text).clear == text


@given(PASSPORTS)
def test_a_slip_in_a_passports_number_is_not_found_as_it_has_no_check_digit(text: str) -> None:
    other = text[:9] + str((int(text[9]) + 1) % 10)
    assume(other[4:] != "000000")
    assert is_taken(Passport, other)


@pytest.mark.parametrize("text", ["4509 123456", "45 09 123456", "4509123456", "4509-123456"])
def test_a_passport_is_the_same_however_it_is_written(text: str) -> None:
    assert Passport(text) == Passport("4509123456")


@pytest.mark.parametrize(
    "text", ["", "0009123456", "4551123456", "4596123456", "4509000000", "450912345", "45091234567"]
)
def test_what_no_passport_has_is_refused(text: str) -> None:
    assert not is_taken(Passport, text)


# ── all of them ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("kind", "text"), [(Snils, "11223344594"), (Inn, "500100732258"), (Passport, "4560123456"), (Inn, "5001007322")]
)
def test_a_refusal_does_not_repeat_the_number(kind: type[Private], text: str) -> None:
    with pytest.raises(NotValid) as refusal:
        kind(text)
    assert text not in str(refusal.value)
    assert refusal.value.__cause__ is refusal.value.__context__ is None
