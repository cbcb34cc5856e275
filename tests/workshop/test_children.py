"""Child processes: they stop when told, are killed when deaf, and take their own children along."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

from workshop import children

STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.05; done"


async def output(child: children.Child, word: str) -> None:
    """Wait until the child has said `word`."""
    await until(lambda: word in child.tail())


async def until(true: Callable[[], bool]) -> None:
    """Look every 10 ms, for 5 s at most: the kernel tells nobody about a stranger's child."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def gone(process: Path) -> bool:
    """Whether a folder of /proc has vanished or is a zombie's."""
    try:
        return "(zombie)" in (process / "status").read_text()
    except OSError:
        return True


async def test_a_polite_child_ends_by_itself(tmp_path: Path) -> None:
    child = await children.start("polite", ["sleep", "60"], log=tmp_path / "log")
    assert child.running
    assert await child.stop() == -signal.SIGTERM
    assert not child.running
    assert await child.stop() == -signal.SIGTERM


async def test_a_deaf_child_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = await children.start("deaf", ["sh", "-c", STUBBORN], log=tmp_path / "log")
    await output(child, "ready")
    assert await child.stop(grace=0.1) == -signal.SIGKILL


async def test_grandchildren_go_too(tmp_path: Path) -> None:
    command = "sleep 60 & echo pid=$!; wait"
    child = await children.start("family", ["sh", "-c", command], log=tmp_path / "log")
    await output(child, "pid=")
    grandchild = Path("/proc", child.tail().split("=")[1])
    await child.stop()
    await until(lambda: gone(grandchild))


async def test_its_output_and_its_end_are_known(tmp_path: Path) -> None:
    child = await children.start("brief", ["sh", "-c", "echo one; echo two >&2; exit 3"], log=tmp_path / "log")
    assert await child.wait() == 3
    assert child.tail(1) == "two"
