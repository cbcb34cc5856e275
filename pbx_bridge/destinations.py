"""Which numbers may be rung at all: pure, decided before anything is kept.

Premium-rate and shared-cost numbers cost whoever calls, or earn for whoever is called; a call button that rings them
is a money press for fraudsters. The kinds come from the numbering plans that `phonenumbers` carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType as Kind

from .phone import Phone

#: Kinds that are refused unless the operator allows them.
COSTLY = frozenset({Kind.PREMIUM_RATE, Kind.SHARED_COST, Kind.UAN, Kind.PAGER, Kind.VOICEMAIL})


class Refusal(StrEnum):
    """Why a number may not be rung."""

    FOREIGN = "foreign"
    """It begins with none of the prefixes that are allowed."""
    COSTLY = "costly"
    """Calling it costs extra."""


def judge(phone: Phone, allowed: Sequence[Sequence[str] | None], *, premium: bool) -> Refusal | None:
    """Why the number may not be rung; None: it may. Of `allowed` every list of prefixes must agree; None agrees."""
    digits = phone.e164
    for prefixes in allowed:
        if prefixes is not None and not any(digits.startswith(prefix) for prefix in prefixes):
            return Refusal.FOREIGN
    if not premium and phonenumbers.number_type(phonenumbers.parse(digits, None)) in COSTLY:
        return Refusal.COSTLY
    return None
