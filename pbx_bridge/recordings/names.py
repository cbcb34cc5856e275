"""How files are called. Pure.

Asterisk writes `pb.<call>.<attempt>-<milliseconds since 1970>.wav` (dialplan/recording.conf). A recording's id says the
same, so that a file which is sealed twice, after a crash, is the same recording.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

from ..call.model import call_of_leg

_SPOOLED = re.compile(r"(pb\.[a-z0-9_]{1,80}\.[0-9]{1,6})-([0-9]{13})\.wav")
_ID = re.compile(r"rec_[a-z0-9]{1,64}_[0-9]{13}")
ID_PATTERN = f"^{_ID.pattern}$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SEALED = ".sealed"


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file that Asterisk wrote of a leg: the talk with one person, from `began_at` on."""

    name: str
    call_id: str
    began_at: datetime

    @property
    def id(self) -> str:
        """The recording's id."""
        milliseconds = (self.began_at - _EPOCH) // timedelta(milliseconds=1)
        return f"rec_{self.call_id.removeprefix('call_')}_{milliseconds}"


def spooled(name: str) -> Spooled | None:
    """What a file's name says; None for a file that is no recording."""
    named = _SPOOLED.fullmatch(name)
    call_id = call_of_leg(named[1]) if named else None
    if named is None or call_id is None:
        return None
    return Spooled(name, call_id, _EPOCH + timedelta(milliseconds=int(named[2])))


def is_id(text: str) -> bool:
    """Whether a recording can be called so. Ids become names of files: nothing else may."""
    return _ID.fullmatch(text) is not None


def place(id_: str) -> PurePath:
    """Where the sealed file lies in the store: a folder for each day (UTC). ValueError for what is no id."""
    if not is_id(id_):
        raise ValueError("this is no recording's id")
    began_at = _EPOCH + timedelta(milliseconds=int(id_.rpartition("_")[2]))
    return PurePath(f"{began_at:%Y-%m-%d}", id_ + SEALED)


def id_of(file: PurePath) -> str | None:
    """The recording that a sealed file is; None for any other file."""
    return file.stem if file.suffix == SEALED and is_id(file.stem) else None
