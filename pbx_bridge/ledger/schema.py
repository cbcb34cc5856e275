"""What every table is described with: names of constraints, partial indexes, closed lists of words."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Index, MetaData, text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def words(of: Iterable[str]) -> str:
    """A closed list as SQL has it."""
    return ", ".join(f"'{word}'" for word in sorted(of))


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of some rows only. Both databases use it only for a query that repeats its condition."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
