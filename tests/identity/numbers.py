"""Numbers that could be somebody's, drawn by hypothesis, and the two slips that check digits are made against."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

# The sums are worked out here once more, digit by digit, and not taken from the code that is tested.


def snils_of(number: int) -> str:
    """The SNILS with this number, after the order of the Pension Fund."""
    nine = f"{number:09}"
    total = sum(int(digit) * (9 - place) for place, digit in enumerate(nine))
    while total > 101:
        total %= 101
    return nine + ("00" if total in (100, 101) else f"{total:02}")


def inn_of(ten: str) -> str:
    """The INN that begins with these ten digits, after the order of the tax service."""
    first = str(sum(w * int(d) for w, d in zip([7, 2, 4, 10, 3, 5, 9, 4, 6, 8], ten, strict=True)) % 11 % 10)
    second = sum(w * int(d) for w, d in zip([3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8], ten + first, strict=True)) % 11 % 10
    return ten + first + str(second)


def remainders_of_inn(text: str) -> tuple[int, int]:
    """What both sums leave modulo 11, before the fold of 10 onto 0."""
    digits = [int(digit) for digit in text]
    first = sum(w * d for w, d in zip([7, 2, 4, 10, 3, 5, 9, 4, 6, 8], digits, strict=False))
    second = sum(w * d for w, d in zip([3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8], digits, strict=False))
    return first % 11, second % 11


def remainder_of_snils(text: str) -> int:
    """What its sum leaves modulo 101, before the fold of 100 onto 0."""
    return sum(int(digit) * (9 - place) for place, digit in enumerate(text[:9])) % 101


SNILS = st.integers(1_001_999, 999_999_999).map(snils_of)
INNS = st.integers(100_000_000, 9_999_999_999).map(lambda number: inn_of(f"{number:010}"))
PASSPORTS = st.builds(
    "{:02}{:02}{:06}".format,
    st.integers(1, 99),
    st.integers(0, 49) | st.integers(97, 99),
    st.integers(1, 999_999),
)


def misread(text: str) -> Iterator[str]:
    """The number with one digit wrong, in every way."""
    for place, right in enumerate(text):
        for wrong in "0123456789".replace(right, ""):
            yield text[:place] + wrong + text[place + 1 :]


def swapped(text: str) -> Iterator[tuple[int, str]]:
    """The number with two different neighbours swapped, and the place of the first of them (from 0)."""
    for place in range(len(text) - 1):
        if text[place] != text[place + 1]:
            yield place, text[:place] + text[place + 1] + text[place] + text[place + 2 :]
