"""What `doctor` says of recordings: is there a place where a service offers them, and who else can look into it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from .directory.reading import BadDirectory
from .findings import Finding
from .settings import Settings
from .shelf import shelf_of

PAGE = "docs/how-to/recording.md"


async def recordings(settings: Settings) -> AsyncIterator[Finding]:
    """Nothing where nobody records."""
    try:
        services = shelf_of(settings).directory.services.values()
    except BadDirectory:
        return  # the directory's own findings say so
    offers = sorted(each.id for each in services if each.recording.offer)
    folders = [each for each in (settings.recordings.spool, settings.recordings.store) if each]
    if offers and not folders:
        words = f"{', '.join(offers)} offer recordings, and there is no place for them: set [recordings] ({PAGE})"
        yield Finding("recordings", "warn", words)
    for folder in folders:
        if fault := _fault(folder):
            yield Finding("recordings", "fail", f"{folder} {fault} ({PAGE})")
    if folders and not any(map(_fault, folders)):
        yield Finding("recordings", "ok", f"offered by {', '.join(offers) or 'no service'}")


def _fault(folder: Path) -> str | None:
    if not folder.is_dir():
        return "is not there: make it"
    if folder.stat().st_mode & 0o007:
        return "is open to everybody on this machine: chmod o-rwx"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return "cannot be read and written by this user"
    return None
