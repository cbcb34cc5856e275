"""Where the directory of services lies: the folder of files, read at the start and again when it changes.

A change with a mistake is not taken: what was read before goes on, and the log says what to mend.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog

from .call.model import WhenFull
from .directory.reading import SUFFIX, BadDirectory, read
from .directory.service import Directory, Limits, Service
from .directory.soundness import Problem
from .hours.schedule import ALWAYS
from .settings import SHIPPED, Settings

log = structlog.get_logger(__name__)

LOOK_S = 5.0
_Stamp = tuple[tuple[str, int, int, int], ...]


class Shelf:
    """The present directory. `on_change` are called with each new one, after it is in place."""

    def __init__(self, source: Path | Directory) -> None:
        """`source` is the folder; a Directory where none holds it: that one never changes. Raises BadDirectory."""
        self.folder = source if isinstance(source, Path) else None
        self.on_change: list[Callable[[Directory], object]] = []
        self.services: Mapping[str, Service] = _Services(self)
        # The look comes first: what changes while the files are read is seen by the next one.
        self._stamp = self._seen = _look(self.folder)
        self._directory = read_folder(source) if isinstance(source, Path) else source
        log.info("the directory was read", folder=str(self.folder or "[services]"), digest=self._directory.digest)

    @property
    def directory(self) -> Directory:
        """As it is now. Ask again each time: the next answer may be another."""
        return self._directory

    async def watch(self, every_s: float = LOOK_S) -> None:
        """Read the folder again when it changes, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            self.look()

    def look(self) -> None:
        """Read the folder again when it has changed, and has not since the last look: a file may be half written, and
        several may belong together."""
        stamp, before = _look(self.folder), self._seen
        self._seen = stamp
        if stamp == before != self._stamp:
            self.reload()

    def reload(self) -> tuple[Problem, ...]:
        """Read the folder again, now. The problems that keep the old directory in place; none: it counts now."""
        if self.folder is None:
            return ()
        self._stamp = self._seen = _look(self.folder)
        try:
            fresh = read_folder(self.folder)
        except BadDirectory as bad:
            why = [str(problem) for problem in bad.problems]
            log.error("the changed directory cannot be used; the old one stays", folder=str(self.folder), why=why)
            return bad.problems
        if fresh.digest != self._directory.digest:
            self._put(fresh)
        return ()

    def _put(self, fresh: Directory) -> None:
        self._directory = fresh
        log.info("the directory was read again", folder=str(self.folder), digest=fresh.digest)
        for told in self.on_change:
            try:
                told(fresh)
            except Exception:  # whoever comes after one that fails must hear of it all the same
                log.exception("somebody could not take the changed directory", digest=fresh.digest)


class _Services(Mapping[str, Service]):
    """The services of the present directory, whichever that is."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def __getitem__(self, id_: str) -> Service:
        return self._shelf.directory.services[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shelf.directory.services)

    def __len__(self) -> int:
        return len(self._shelf.directory.services)


def shelf_of(settings: Settings) -> Shelf:
    """The directory as configured. Raises BadDirectory."""
    if not settings.services:
        return Shelf(settings.directory or SHIPPED)
    plain = Limits(then=WhenFull.END)
    return Shelf(
        Directory(
            {
                name: Service(name, entry.queue, ALWAYS, requires=entry.requires, prefixes=entry.prefixes, limits=plain)
                for name, entry in settings.services.items()
            }
        )
    )


def read_folder(folder: Path) -> Directory:
    """The directory that the folder's files describe. Raises BadDirectory."""
    try:
        paths = _files(folder)
    except OSError as error:
        words = f"cannot be read ({error.strerror}): `pbx-bridge setup` makes such a folder, `directory` names another"
        raise BadDirectory([Problem(str(folder), "", words)]) from None
    files: dict[str, Mapping[str, Any]] = {}
    unread: list[Problem] = []
    for path in paths:
        try:
            files[path.name] = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            unread.append(Problem(path.name, "", f"is not TOML: {error}. Correct it there"))
        except UnicodeDecodeError as error:
            unread.append(Problem(path.name, "", f"is not UTF-8 at byte {error.start + 1}: save it as UTF-8"))
        except OSError as error:
            unread.append(Problem(path.name, "", f"cannot be read ({error.strerror}): let the service's user read it"))
    return read(files, unread)


def _files(folder: Path) -> list[Path]:
    """Sorted; what begins with a dot is an editor's own."""
    return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith("."))


def _look(folder: Path | None) -> _Stamp:
    stamp = []
    try:
        for path in _files(folder) if folder else ():
            found = path.stat()
            stamp.append((path.name, found.st_mtime_ns, found.st_size, found.st_ino))
    except OSError:
        return ()
    return tuple(stamp)
