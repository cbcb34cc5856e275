"""Russian numbers of people: SNILS, INN, passport. What their check digits find, and what they do not.

| number | one wrong digit | two neighbours swapped |
|---|---|---|
| SNILS | found, but for those of remainder 0 and 100 | the same |
| INN | always found | found, but for the 9th to 11th digit and there only at remainder 0 and 10 |
| passport | not found: it has no check digit | not found |

The gaps are of the schemes themselves: each folds its largest remainder onto 0, so two remainders look the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..phone import MASK
from .private import NotValid, Private

_SNILS = re.compile(r"([0-9]{3})[- ]?([0-9]{3})[- ]?([0-9]{3})[- ]?([0-9]{2})")
#: Up to this number they were given out without a control number.
_SNILS_UNCHECKED = 1_001_998
_PASSPORT = re.compile(r"([0-9]{2}) ?([0-9]{2})[- ]?([0-9]{6})")
_INN_11TH = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_12TH = (3, *_INN_11TH)
#: Last two digits of years in which no form of the present passport was printed: the first is of 1997.
_NO_PASSPORTS = range(50, 97)


class Snils(Private):
    """The number of an individual insurance account: nine digits and a control number of two."""

    __slots__ = ()

    @staticmethod
    def _normal(text: str) -> str:
        match = _SNILS.fullmatch(text)
        if match is None:
            raise NotValid("a SNILS has 11 digits, with or without dashes and blanks: 112-233-445 95")
        digits = "".join(match.groups())
        number = int(digits[:9])
        if number == 0:
            raise NotValid("there is no SNILS of zeros only")
        if number > _SNILS_UNCHECKED and _weigh(digits, range(9, 0, -1)) % 101 % 100 != int(digits[9:]):
            raise NotValid("the control number of the SNILS does not belong to it: a digit is wrong")
        return digits

    @property
    def masked(self) -> str:
        """`***-***-*** 95`."""
        return f"{MASK}-{MASK}-{MASK} {self._clear[-2:]}"


class Inn(Private):
    """The taxpayer number of a person: ten digits and two check digits. An organisation's has ten and is refused:
    it says nothing about a citizen."""

    __slots__ = ()

    @staticmethod
    def _normal(text: str) -> str:
        if re.fullmatch(r"[0-9]{10}", text):
            raise NotValid("an INN of 10 digits is an organisation's; a person's has 12")
        if not re.fullmatch(r"[0-9]{12}", text):
            raise NotValid("an INN of a person has 12 digits and nothing else")
        if text.startswith("00"):
            raise NotValid("there is no INN that begins with 00")
        expected = [_weigh(text, weights) % 11 % 10 for weights in (_INN_11TH, _INN_12TH)]
        if expected != [int(text[10]), int(text[11])]:
            raise NotValid("the check digits of the INN do not belong to it: a digit is wrong")
        return text

    @property
    def masked(self) -> str:
        """`**********47`."""
        return "*" * 10 + self._clear[-2:]


class Passport(Private):
    """Series and number of a Russian internal passport: region and year of the form, and six digits.

    It has no check digit, so most slips of a finger give another passport that could exist. Only what no passport
    has is refused: region 00, the years of `_NO_PASSPORTS`, number 000000.
    """

    __slots__ = ()

    @staticmethod
    def _normal(text: str) -> str:
        match = _PASSPORT.fullmatch(text)
        if match is None:
            raise NotValid("a passport has 4 digits of series and 6 of number, with or without blanks: 45 09 123456")
        region, year, number = match.groups()
        if region == "00" or int(year) in _NO_PASSPORTS:
            raise NotValid("there is no such passport series: it is the region's code and the form's year, since 1997")
        if number == "000000":
            raise NotValid("there is no passport of number 000000")
        return region + year + number

    @property
    def masked(self) -> str:
        """`** ** ****56`."""
        return f"** ** ****{self._clear[-2:]}"


def _weigh(digits: str, weights: Iterable[int]) -> int:
    # The control number itself has no weight: zip ends where the weights do.
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
