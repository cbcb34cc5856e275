"""The part of `Ledger` that knows recordings: what is kept, for how long, and with whose word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Update, bindparam, select, text, update

from . import reads
from .base import Base
from .chain import line_row
from .errors import Refused
from .recording_table import IS_DOOMED, IS_KEPT, recordings
from .tables import calls
from .values import AuditLine

#: Where a file's key belongs to (seal.py).
KEY_PLACE = "recordings.sealed_key"
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """One file. `key` opens it; None when nobody can hear it any more. `sha256` is of the sound, `sha256_sealed` of the
    file. `state` is kept, doomed (the file may still be there) or gone, and `why` what ended it."""

    id: str
    call_id: str
    service: str
    began_at: datetime
    length_ms: int
    size: int
    sha256: str
    sha256_sealed: str
    key: bytes | None = field(repr=False)
    consent_at: datetime
    consent_how: str
    consent_text: str | None
    kept_at: datetime
    keep_until: datetime
    state: str = "kept"
    why: str | None = None


_ID = recordings.c.id == bindparam("recording")
_ONE = select(recordings).where(_ID)
# Locked: an erasure that comes now finds the new row.
_WHOSE = select(calls.c.nameless).where(calls.c.id == bindparam("call")).with_for_update()
_OF_CALL = select(recordings).where(recordings.c.call_id == bindparam("call")).order_by(recordings.c.began_at)
_PAGE = select(recordings).where(recordings.c.id > bindparam("after")).order_by(recordings.c.id).limit(bindparam("n"))
_DUE = (
    select(recordings)
    .where(text(IS_KEPT), recordings.c.keep_until <= bindparam("at"))
    .order_by(recordings.c.keep_until)
    .limit(bindparam("n"))
)
_DOOMED = select(recordings).where(text(IS_DOOMED)).order_by(recordings.c.id).limit(bindparam("n"))
_GONE = update(recordings).where(_ID, text(IS_DOOMED)).values(state="gone")


def _doom(*which: Any, **more: Any) -> Update:
    values = {"state": "doomed", "sealed_key": None, "doomed_at": bindparam("at"), "why": bindparam("words"), **more}
    return update(recordings).where(text(IS_KEPT), *which).values(values)


_DOOM_ONE = _doom(_ID)
_IDS = recordings.c.call_id.in_(bindparam("ids", expanding=True))
#: For erase.py: nothing of these calls can be heard any more, and no row says to what the citizen agreed.
DOOM_OF_CALLS = _doom(_IDS)
FORGET_CONSENT = update(recordings).where(_IDS).values(consent_text=None)


class Recordings(Base):
    """Every method may raise LedgerUnavailable, and Unreadable where it opens."""

    async def keep_recording(self, new: KeptRecording, line: AuditLine) -> bool:
        """Remember a sealed file, and who agreed to it. False when it is remembered already, or when the citizen was
        erased meanwhile: then nothing changes."""
        if new.key is None:
            raise ValueError("a recording is kept with the key that opens it")
        values = _values(new) | {"sealed_key": self._rows.seal.close(new.id, KEY_PLACE, new.key)}

        def step(connection: Connection) -> bool:
            whose = connection.execute(_WHOSE, {"call": new.call_id}).first()
            if whose is None or whose.nameless or connection.execute(_ONE, {"recording": new.id}).first():
                return False
            connection.execute(recordings.insert(), values)
            self._chain.append(connection, [line_row(line, self._rows.marks)])
            return True

        try:
            return await self._change(step)
        except Refused:  # another process was quicker
            return False

    async def recording(self, id_: str) -> KeptRecording | None:
        """One of them."""
        found = await self._recordings(_ONE, {"recording": id_})
        return found[0] if found else None

    async def recordings_of_call(self, call_id: str) -> list[KeptRecording]:
        """All of a call, in the order in which they began."""
        return await self._recordings(_OF_CALL, {"call": call_id})

    async def recordings(self, after: str = "", limit: int = AT_ONCE) -> list[KeptRecording]:
        """Those with an id above `after`, by id."""
        return await self._recordings(_PAGE, {"after": after, "n": limit})

    async def due_recordings(self, at: datetime) -> list[KeptRecording]:
        """Some of those whose time is over."""
        return await self._recordings(_DUE, {"at": at, "n": AT_ONCE})

    async def doomed_recordings(self) -> list[KeptRecording]:
        """Some of those whose files may still be there."""
        return await self._recordings(_DOOMED, {"n": AT_ONCE})

    async def doom_recording(self, id_: str, why: str, line: AuditLine) -> bool:
        """Take away its key: from now on nobody can hear it, whoever has copies. False when it was so before."""

        def step(connection: Connection) -> bool:
            values = {"recording": id_, "at": line.at, "words": why}
            doomed = connection.execute(_DOOM_ONE, values).rowcount > 0
            if doomed:
                self._chain.append(connection, [line_row(line, self._rows.marks)])
            return doomed

        return await self._change(step)

    async def recording_gone(self, id_: str) -> None:
        """The file of a doomed one is deleted. Harmless when repeated."""
        await self._change(lambda connection: connection.execute(_GONE, {"recording": id_}))

    async def _recordings(self, statement: Select[Any], values: dict[str, Any]) -> list[KeptRecording]:
        rows: Sequence[Row[Any]] = await self._read(lambda connection: reads.rows(connection, statement, values))
        return [self._recording(row) for row in rows]

    def _recording(self, row: Row[Any]) -> KeptRecording:
        sealed = row.sealed_key
        key = None if sealed is None else self._rows.seal.open(row.id, KEY_PLACE, sealed)
        return KeptRecording(**{name: row._mapping[name] for name in _COLUMNS}, key=key)


_COLUMNS = tuple(name for name in KeptRecording.__dataclass_fields__ if name != "key")


def _values(new: KeptRecording) -> dict[str, Any]:
    return {name: getattr(new, name) for name in _COLUMNS}


def of_calls(connection: Connection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For the export: what is kept of each call, without keys and files."""
    shown = (
        "id",
        "state",
        "began_at",
        "length_ms",
        "sha256",
        "consent_at",
        "consent_how",
        "consent_text",
        "keep_until",
    )
    found: dict[str, list[dict[str, Any]]] = {id_: [] for id_ in ids}
    wanted = select(recordings).where(_IDS).order_by(recordings.c.began_at)
    for row in connection.execute(wanted, {"ids": list(ids)}):
        found[row.call_id].append({name: row._mapping[name] for name in shown})
    return found
