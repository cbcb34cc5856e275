"""The two folders: where Asterisk leaves sound in clear, and where it is kept sealed. Files and nothing else; every
function may be called from a thread, and may raise OSError.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from . import sealed, wave
from .names import Spooled, id_of, place, spooled

#: A file that is being sealed. It is nothing until it has its name.
PART = ".part"
READ = 64 * 1024


@dataclass(frozen=True, slots=True)
class Left:
    """A file that Asterisk left in the spool: how long it is in bytes, when it was last written to (UTC), and whether
    Asterisk has closed it."""

    name: Spooled
    size: int
    head: bytes
    written_at: datetime

    @property
    def is_finished(self) -> bool:
        return wave.is_finished(self.head, self.size)

    @property
    def has_sound(self) -> bool:
        return self.size > wave.HEAD

    @property
    def length_ms(self) -> int:
        return wave.length_ms(self.head, self.size)


@dataclass(frozen=True, slots=True)
class Sealing:
    """What was made of a file. `sha256` is of the sound, `sha256_sealed` of the file."""

    size: int
    sha256: str
    sha256_sealed: str


def prepared(folder: Path) -> Path:
    """A folder that only its owner, and whoever its owner lets in by its group, can look into."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if mode & 0o007:
        folder.chmod(mode & 0o7770)
    return folder


def left_in(spool: Path) -> Iterator[Left]:
    """Everything in the spool that may be a recording."""
    for path in sorted(spool.glob("*.wav")):
        name = spooled(path.name)
        if name is None or path.is_symlink():
            continue
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                head = file.read(wave.HEAD)
        except FileNotFoundError:
            continue
        yield Left(name, status.st_size, head, datetime.fromtimestamp(status.st_mtime, UTC))


def seal(source: Path, left: Left, store: Path, key: bytes) -> Sealing:
    """Write the sealed file. It has its name when all of it is on the disk; an earlier try is overwritten."""
    target = store / place(left.name.id)
    prepared(target.parent)
    part = target.with_name(target.name + PART)
    clear, closed = hashlib.sha256(), hashlib.sha256()
    with _private(part) as out:
        for piece in sealed.seal(key, left.name.id, _told(_sound(source, left), clear)):
            closed.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    part.replace(target)
    _sync(target.parent)
    return Sealing(left.size, clear.hexdigest(), closed.hexdigest())


def open_sealed(store: Path, id_: str, key: bytes, sha256_sealed: str) -> Iterator[bytes]:
    """The sound. The whole file is compared with its checksum before the first piece. Raises sealed.Broken."""
    with (store / place(id_)).open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256_sealed:
            raise sealed.Broken(f"the file of {id_} is not what was written: its checksum differs")
        file.seek(0)
        yield from sealed.unseal(key, id_, file)


def drop(store: Path, id_: str) -> None:
    """Delete a sealed file. Harmless when repeated."""
    (store / place(id_)).unlink(missing_ok=True)


def strays(store: Path, known: frozenset[str], before: datetime) -> Iterator[Path]:
    """Files in the store that no recording is known for, and that were not written just now."""
    for path in store.glob("*/*"):
        id_ = id_of(path)
        is_ours = id_ is not None or path.name.endswith(PART)
        if is_ours and id_ not in known and datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
            yield path


def age(left: Left, at: datetime) -> timedelta:
    """How long nothing was written to it."""
    return at - left.written_at


def _sound(source: Path, left: Left) -> Iterator[bytes]:
    with source.open("rb") as file:
        yield wave.mended(file.read(wave.HEAD), left.size)
        rest = left.size - wave.HEAD
        while rest > 0 and (piece := file.read(min(READ, rest))):
            rest -= len(piece)
            yield piece


def _told(pieces: Iterator[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _sync(folder: Path) -> None:
    """A name is on the disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
