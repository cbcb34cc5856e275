"""What must be found nowhere: every secret, number, code and document of a run, and the ways in which each could lie
around. The fixtures fill it as they draw or learn a value; nobody types a list."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

#: A shorter value is found by chance.
SHORTEST = 6


@dataclass(frozen=True)
class Found:
    """One value that lies around. Says which kind and how, and never the value."""

    kind: str
    form: str
    where: str


@dataclass
class Treasure:
    """Private values by their kind. What is a number or a code to people is looked for as such: not inside longer
    digits, nor as the fraction of a second."""

    values: dict[str, set[str]] = field(default_factory=dict)

    def keep(self, kind: str, *values: str) -> None:
        """These are private from now on."""
        self.values.setdefault(kind, set()).update(value for value in values if len(value) >= SHORTEST)

    @property
    def kinds(self) -> set[str]:
        return {kind for kind, values in self.values.items() if values}

    def found_in(self, where: str, content: bytes | str) -> list[Found]:
        """Everything private that the content holds, in clear, in base64 or in hex."""
        raw = content.encode(errors="surrogatepass") if isinstance(content, str) else content
        return [
            Found(kind, form, where)
            for kind, values in self.values.items()
            for value in values
            for form, pattern in _forms(value)
            if pattern.search(raw)
        ]

    def is_nowhere_in(self, where: str, content: bytes | str) -> None:
        """AssertionError with what was found, by its kind."""
        assert not (found := self.found_in(where, content)), found


def _forms(value: str) -> Iterator[tuple[str, re.Pattern[bytes]]]:
    raw = value.encode()
    if value.isascii() and value.lstrip("+").isdigit():
        digits = value.lstrip("+").encode()
        yield "clear", re.compile(rb"(?<![\d.])" + digits + rb"(?!\d)")
        if len(digits) > 10:  # people leave the country's code away
            yield "without its country", re.compile(rb"(?<!\d)" + digits[-10:] + rb"(?!\d)")
        if len(digits) < 8:  # six digits have no base64 or hex that is not somewhere by chance
            return
    else:
        yield "clear", re.compile(re.escape(raw))
    yield "hex", re.compile(re.escape(raw.hex().encode()), re.IGNORECASE)
    for shift in range(3):
        for alphabet in (base64.standard_b64encode, base64.urlsafe_b64encode):
            yield "base64", re.compile(re.escape(_inside(alphabet(b"\0" * shift + raw), shift, len(raw))))


def _inside(encoded: bytes, shift: int, length: int) -> bytes:
    """The letters of base64 that depend on the value alone, wherever in a longer text it begins."""
    first = (shift * 8 + 5) // 6
    last = (shift + length) * 8 // 6
    return encoded[first:last]
