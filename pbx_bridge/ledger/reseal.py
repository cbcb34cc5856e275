"""Sealing anew with the first key, so that older keys can be forgotten.

One pass over every sealed column in the order of its primary key, a few hundred rows in each transaction: the
service may go on meanwhile, and a pass that was cut off is simply begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Column, Connection, Row, and_, bindparam, select, tuple_, update

from .citizens import DATA_PLACE, SECRET_PLACE
from .clients import key_place
from .marks import citizen_owner
from .profiles import PROFILE_PLACE
from .recording_table import recordings
from .recordings import KEY_PLACE
from .rows import BIRTH, event_place
from .seal import Seal
from .tables import authenticators, calls, citizens, client_keys, events, profiles, revocations, signing_keys
from .tokens import REVOKED_PLACE, SIGNING_PLACE

AT_ONCE = 500


class _Kind(NamedTuple):
    """One sealed column, what identifies its rows, and how a row tells owner and place (see seal.py)."""

    sealed: Column[bytes]
    key: tuple[Column[Any], ...]
    place: Callable[[Row[Any]], tuple[str, str]]


def _of_citizen(place: str) -> Callable[[Row[Any]], tuple[str, str]]:
    return lambda row: (citizen_owner(row.client, row.user_id), place)


_KINDS = (
    _Kind(calls.c.sealed_request, (calls.c.id,), lambda row: (row.id, BIRTH)),
    _Kind(events.c.data, (events.c.call_id, events.c.sequence), lambda row: (row.call_id, event_place(row.sequence))),
    _Kind(client_keys.c.sealed, (client_keys.c.client, client_keys.c.id), lambda row: (row.client, key_place(row.id))),
    _Kind(signing_keys.c.sealed, (signing_keys.c.id,), lambda row: (row.id, SIGNING_PLACE)),
    _Kind(revocations.c.sealed_user, (revocations.c.id,), lambda row: (row.mark, REVOKED_PLACE)),
    _Kind(citizens.c.data, (citizens.c.client, citizens.c.user_id), _of_citizen(DATA_PLACE)),
    _Kind(profiles.c.data, (profiles.c.client, profiles.c.user_id), _of_citizen(PROFILE_PLACE)),
    _Kind(authenticators.c.secret, (authenticators.c.client, authenticators.c.user_id), _of_citizen(SECRET_PLACE)),
    _Kind(recordings.c.sealed_key, (recordings.c.id,), lambda row: (row.id, KEY_PLACE)),
)


def batches(seal: Seal) -> Iterator[Batch]:
    """All the work there is; each batch is to be repeated until its `step` says that nothing is left."""
    for kind in _KINDS:
        yield Batch(seal, kind)


class Batch:
    """The walk through one table."""

    def __init__(self, seal: Seal, kind: _Kind) -> None:
        self._seal = seal
        self._kind = kind
        self._after: tuple[Any, ...] | None = None
        table = kind.sealed.table
        self._rows = select(table).where(kind.sealed.is_not(None)).order_by(*kind.key).limit(AT_ONCE).with_for_update()
        here = [column == bindparam(f"the_{column.name}") for column in kind.key]
        fresh: BindParameter[bytes] = bindparam("fresh")
        self._change = update(table).where(and_(*here)).values({kind.sealed.name: fresh})
        self.changed = 0

    def step(self, connection: Connection) -> bool:
        """Seal the next rows anew where they need it. False at the end. Raises Unreadable, and changes nothing then."""
        key = self._kind.key
        wanted = self._rows if self._after is None else self._rows.where(tuple_(*key) > tuple_(*self._after))
        rows = connection.execute(wanted).all()
        old = [row for row in rows if not row._mapping[self._kind.sealed].startswith(self._seal.first_id)]
        if old:
            connection.execute(self._change, [self._fresh(row) for row in old])
        self.changed += len(old)
        if rows:
            self._after = tuple(rows[-1]._mapping[column] for column in key)
        return len(rows) == AT_ONCE

    def _fresh(self, row: Row[Any]) -> dict[str, Any]:
        owner, place = self._kind.place(row)
        clear = self._seal.open(owner, place, row._mapping[self._kind.sealed])
        here = {f"the_{column.name}": row._mapping[column] for column in self._kind.key}
        return here | {"fresh": self._seal.close(owner, place, clear)}
