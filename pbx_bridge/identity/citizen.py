"""All that a portal has told about one citizen, and which of it the portal has verified."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..phone import NotAPhone, Phone
from .documents import Inn, Passport, Snils
from .email import Email
from .private import NotValid, Private

_Value = Phone | Private
_KINDS: Mapping[str, Callable[[str], _Value]] = {
    "phone": Phone,
    "email": Email,
    "snils": Snils,
    "inn": Inn,
    "passport": Passport,
}
#: What can be known about a citizen, and what a service can require.
FIELDS: tuple[str, ...] = tuple(_KINDS)


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known. `verified` names those of FIELDS that the portal has verified; each of them is present."""

    phone: Phone | None = None
    email: Email | None = None
    snils: Snils | None = None
    inn: Inn | None = None
    passport: Passport | None = None
    verified: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raises ValueError when something is verified that is not there."""
        if absent := self.verified - self.values().keys():
            raise ValueError(f"verified, but not present: {', '.join(sorted(absent))}")

    def values(self) -> dict[str, _Value]:
        """What is present, by its name in FIELDS."""
        found = {name: getattr(self, name) for name in FIELDS}
        return {name: value for name, value in found.items() if value is not None}

    def to_data(self) -> dict[str, Any]:
        """JSON values, in clear: for the ledger, which seals them."""
        data: dict[str, Any] = {name: _clear(value) for name, value in self.values().items()}
        return data | {"verified": sorted(self.verified)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Identity:
        """What `to_data` gave. A value that the rules of today refuse is left out, and so must be supplied again."""
        found = {name: value for name in FIELDS if (value := _kept(name, data.get(name))) is not None}
        return cls(**found, verified=frozenset(data.get("verified", ())) & found.keys())  # type: ignore[arg-type]

    def marks(self) -> dict[str, str]:
        """Kind to normal form: what the citizen can be looked up by. In clear: for the ledger, which hashes them."""
        return {name: _clear(value) for name, value in self.values().items()}

    def masked(self) -> dict[str, Any]:
        """For an answer: every one of FIELDS, masked or None, and which are verified."""
        values = self.values()
        shown: dict[str, Any] = {name: values[name].masked if name in values else None for name in FIELDS}
        return shown | {"verified": sorted(self.verified)}

    def missing(self, requires: Collection[str]) -> list[str]:
        """What of `requires` is not both present and verified, in the order of FIELDS."""
        return [name for name in FIELDS if name in requires and name not in self.verified]

    def updated(self, told: Identity) -> Identity:
        """This, after the portal has told more. What was not told is kept with its verification.

        What was told counts as verified when `told` says so; or when it is what was known and verified before.
        """
        known, new = self.values(), told.values()
        changed = {name for name, value in new.items() if known.get(name) != value}
        return replace(self, **new, verified=(self.verified - changed) | told.verified)  # type: ignore[arg-type]


def _clear(value: _Value) -> str:
    return value.e164 if isinstance(value, Phone) else value.clear


def _kept(name: str, text: Any) -> _Value | None:
    try:
        return _KINDS[name](text) if isinstance(text, str) else None
    except (NotValid, NotAPhone):
        return None
