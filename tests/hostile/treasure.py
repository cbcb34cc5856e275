"""What must be found nowhere: every secret, number, code and document of a run, and the ways in which each could lie
around. The fixtures fill it as they draw or learn a value; nobody types a list."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

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
            if (pattern in raw if isinstance(pattern, bytes) else pattern.search(raw))
        ]

    def is_nowhere_in(self, where: str, content: bytes | str) -> None:
        """AssertionError with what was found, by its kind."""
        assert not (found := self.found_in(where, content)), found


@lru_cache(maxsize=10_000)
def _forms(value: str) -> tuple[tuple[str, bytes | re.Pattern[bytes]], ...]:
    raw = value.encode()
    if not (value.isascii() and value.lstrip("+").isdigit()):
        return (("clear", raw), *_encoded(raw))
    digits = value.lstrip("+").encode()
    clear = ("clear", re.compile(rb"(?<![\d.])" + digits + rb"(?!\d)"))
    if len(digits) <= SHORTEST:  # six digits have no base64 or hex that is not somewhere by chance
        return (clear,)
    # People leave the country's code away.
    return (clear, ("without its beginning", re.compile(digits[-10:] + rb"(?!\d)")), *_encoded(digits))


def _encoded(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield "hex", raw.hex().encode()
    yield "hex", raw.hex().upper().encode()
    for shift in range(3):
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            yield "base64", _inside(encode(b"\0" * shift + raw), shift, len(raw))


def _inside(encoded: bytes, shift: int, length: int) -> bytes:
    """The letters of base64 that depend on the value alone, wherever in a longer text it begins."""
    return encoded[(shift * 8 + 5) // 6 : (shift + length) * 8 // 6]
