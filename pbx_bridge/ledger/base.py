"""What all parts of `Ledger` stand on: a store, and the makers of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, Select

from ..call.model import Call
from . import reads
from .chain import Chain
from .engines import Step, Store
from .rows import Rows

T = TypeVar("T")


class Base:
    """One part of the ledger; the others are its siblings."""

    def __init__(self, store: Store, rows: Rows, chain: Chain) -> None:
        self._store = store
        self._rows = rows
        self._chain = chain

    async def _read(self, step: Step[T]) -> T:
        return await self._store.read(step)

    async def _change(self, step: Step[T]) -> T:
        """One step in a transaction of its own."""
        async with self._store.writing() as desk:
            return await desk.run(step, last=True)

    async def _ask(self, statement: Select[Any], values: dict[str, Any] | None = None) -> Sequence[Row[Any]]:
        return await self._store.read(lambda connection: reads.rows(connection, statement, values))

    async def _calls(self, statement: Select[Any], values: dict[str, Any]) -> list[Call]:
        return [self._rows.call(row) for row in await self._ask(statement, values)]
