"""Which numbers may be rung at all: pure, decided before anything is kept.

Premium-rate and shared-cost numbers cost whoever calls, or earn for whoever is called; a call button that rings them
is a money press for fraudsters. The kinds come from the numbering plans that `phonenumbers` carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType as Kind

from . import sandbox
from .phone import Phone

#: Kinds that are refused unless the operator allows them.
COSTLY = frozenset({Kind.PREMIUM_RATE, Kind.SHARED_COST, Kind.UAN, Kind.PAGER, Kind.VOICEMAIL})
#: Kinds that people have.
TELEPHONES = (Kind.MOBILE, Kind.FIXED_LINE)


class Refusal(StrEnum):
    """Why a number may not be rung."""

    FOREIGN = "foreign"
    """It begins with none of the prefixes that are allowed."""
    COSTLY = "costly"
    """Calling it costs extra."""
    LENGTH = "length"
    """No telephone of its country has so many digits: an operator that drops what is too much would ring another one,
    whose calls and codes nobody counts under this number."""


def judge(phone: Phone, allowed: Sequence[Sequence[str] | None], *, premium: bool) -> Refusal | None:
    """Why the number may not be rung; None: it may. Of `allowed` every list of prefixes must agree; None agrees.
    Numbers of the sandbox ring nobody: the first list alone decides, by naming them."""
    digits = phone.e164
    if sandbox.is_one(digits):
        house = allowed[0] if allowed else ()
        return None if house and sandbox.PREFIX in house else Refusal.FOREIGN
    number = phonenumbers.parse(digits, None)
    for prefixes in allowed:
        if prefixes is not None and not any(digits.startswith(prefix) for prefix in prefixes):
            return Refusal.FOREIGN
    kind = phonenumbers.number_type(number)
    if not premium and kind in COSTLY:
        return Refusal.COSTLY
    # By its length alone: a range that was opened after this list of numbering plans was made must ring.
    if kind == Kind.UNKNOWN and not any(phonenumbers.is_possible_number_for_type(number, each) for each in TELEPHONES):
        return Refusal.LENGTH
    return None
