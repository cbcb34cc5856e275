"""Where somebody stands in the queue, and how long that is likely to last."""

from __future__ import annotations

from typing import Final

#: Up to here there is a sentence for each place; after it the number is put together.
LAST_ORDINAL: Final = 20
LAST_NUMBER: Final = 999
HOUR: Final = 60


def place(position: int, wait_minutes: tuple[int, int] | None, language: str) -> tuple[str, ...]:
    """A place (from 1) and the bounds of the wait in full minutes; None where nothing honest can be said of it.

    Less than a minute is told as one. Bounds in the wrong order are told as the longer one: nobody is promised less
    than is known. `language` makes no difference here, both say it in this order. Raises ValueError for a place
    that there is not.
    """
    return (*_position(position), *_wait(wait_minutes))


def _position(position: int) -> tuple[str, ...]:
    if position < 1:
        raise ValueError(f"places are counted from 1, this is {position}")
    if position <= LAST_ORDINAL:
        return (f"place-{position}",)
    if position > LAST_NUMBER:
        return ("place-far",)
    return ("place-is", *_number(position))


def _number(number: int) -> tuple[str, ...]:
    """A number from 1 to 999, as both languages say it: hundreds, tens, units; below twenty in one word."""
    hundreds, rest = number - number % 100, number % 100
    tens, units = (0, rest) if rest < 20 else (rest - rest % 10, rest % 10)
    return tuple(f"number-{part}" for part in (hundreds, tens, units) if part)


def _wait(minutes: tuple[int, int] | None) -> tuple[str, ...]:
    if minutes is None:
        return ("wait-unknown",)
    least = max(1, minutes[0])
    most = max(least, minutes[1])
    if least > HOUR:
        return ("wait-over-hour",)
    if most > HOUR:
        # Of a wait between ten minutes and two hours nobody knows that it is longer than one.
        return ("wait-maybe-over-hour",)
    if least == most:
        return ("wait-is", f"about-{most}")
    return ("wait-is", f"from-{least}", f"to-{most}")
