"""What every install into a folder needs: to be alone, to leave nothing behind, and to be seen at work."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Say = Callable[[str], None]


def quarters(say: Say, what: str) -> Callable[[float], None]:
    """A listener to percents that speaks at each quarter."""
    told = 0

    def hear(percent: float) -> None:
        nonlocal told
        while percent >= told + 25:
            told += 25
            say(f"{what}, {told} %")

    return hear


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the lock of what is made at `root`; it is released by the kernel if we die."""
    with root.with_name(root.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sweep(root: Path) -> None:
    """Remove what killed installs left; the lock is held, so nobody is using it."""
    for left in root.parent.glob(root.name + ".new-*"):
        # A grandchild of a killed install may write for a moment more, while we remove.
        for _ in range(20):
            shutil.rmtree(left, ignore_errors=True)
            if not left.exists():
                break
            time.sleep(0.1)
