"""The number by which citizen and agent speak about a call."""

from __future__ import annotations

from typing import Final

#: So many digits are remembered at once.
GROUP: Final = 3


def ticket(digits: str, language: str) -> tuple[str, ...]:
    """The number digit by digit, with a pause after each three. Both `language`s say it in this order.

    Raises ValueError for anything but digits: read in part, it would be another number.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("a ticket that is read aloud is made of the digits 0-9")
    return ("ticket", *(_digit(digits, at) for at in range(len(digits))))


def _digit(digits: str, at: int) -> str:
    last_of_group = (at + 1) % GROUP == 0 and at + 1 < len(digits)
    return f"digit-{digits[at]}-pause" if last_of_group else f"digit-{digits[at]}"
