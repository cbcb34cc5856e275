"""A value of which only a mask is ever shown. It is like `Phone`, for everything else that is kept about citizens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NoReturn


class NotValid(ValueError):
    """The text is not such a value. `str()` is the rule that it breaks, and never repeats the text."""


class Private(ABC):
    """`str`, `repr` and formatting are masked; equality and hash are by kind and normal form."""

    __slots__ = ("_clear",)

    def __init__(self, text: str) -> None:
        """Raises NotValid."""
        self._clear = self._normal(text)

    @staticmethod
    @abstractmethod
    def _normal(text: str) -> str:
        """The one form of all ways to write the same value. Raises NotValid."""

    @property
    def clear(self) -> str:
        """The normal form in clear. Ask for it only where the next step is to seal it or to mark it blindly."""
        return self._clear

    @property
    @abstractmethod
    def masked(self) -> str:
        """Enough for its owner to recognise it, too little to use it."""

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked})"

    def __format__(self, form: str) -> str:
        return format(self.masked, form)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private value is not pickled: seal its clear form instead")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Private) and other._clear == self._clear

    def __hash__(self) -> int:
        return hash((type(self), self._clear))
