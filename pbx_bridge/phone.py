"""A telephone number that cannot be printed by accident.

Numbers come in as E.164 (ITU-T E.164, `+` and at most 15 digits) and leave masked; only the two places
that must know the digits (the ledger, which seals them, and the originate request) ask for `.e164`.
"""

from __future__ import annotations

import phonenumbers

MASK = "***"


class NotAPhone(ValueError):
    """The text is not a possible E.164 number. The message never repeats the text."""


class Phone:
    """One E.164 number. `str`, `repr` and formatting are masked; equality and hash are by the digits."""

    __slots__ = ("_e164",)

    def __init__(self, text: str) -> None:
        """Raises NotAPhone unless `text` is E.164 and possible in its country's numbering plan."""
        if not text.startswith("+") or not text[1:].isascii() or not text[1:].isdigit():
            raise NotAPhone("a phone number must be E.164: a plus sign, the country code and digits only")
        try:
            number = phonenumbers.parse(text, None)
        except phonenumbers.NumberParseException:
            raise NotAPhone("a phone number must begin with an existing country code") from None
        if not phonenumbers.is_possible_number(number):
            raise NotAPhone("the phone number has too few or too many digits for its country")
        self._e164 = text

    @property
    def e164(self) -> str:
        """The digits in clear. Ask for them only where the next step is to dial or to seal them."""
        return self._e164

    @property
    def masked(self) -> str:
        """`+7916***4567`: enough for its owner to recognise it, too little to dial."""
        return f"{self._e164[:-7][:5]}{MASK}{self._e164[-4:]}" if len(self._e164) > 9 else f"+{MASK}"

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"Phone({self.masked})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Phone) and other._e164 == self._e164

    def __hash__(self) -> int:
        return hash(self._e164)
