"""One after the other, for each citizen: what is read, changed and kept again must not be changed meanwhile."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from aiohttp import web


class Turns:
    """A lock for each citizen that somebody waits for, and for no other."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def of(self, citizen: tuple[str, str]) -> asyncio.Lock:
        """The lock of (client, user). Keep it in a variable or in `async with`: it lives as long as it is held."""
        return self._locks.setdefault(citizen, asyncio.Lock())

    def __len__(self) -> int:
        return len(self._locks)


TURNS: web.AppKey[Turns] = web.AppKey("turns", Turns)
