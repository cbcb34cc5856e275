"""`make run` as a child: read what it prints, paste what it offers, see that nothing is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from workshop.run.options import TREE

PATIENCE_S = 60.0
#: Longer than any start; what a killed run leaves must be gone much sooner.
GONE_S = 5.0


class Run:
    """One `make run`, less the make: its output so far, its end."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.output = ""
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *arguments: str) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workshop.run", *arguments),
            cwd=TREE,
            env={**os.environ, **self._environment, "RUN_FOLDER": str(self.folder)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process
        return self._process

    async def says(self, words: str) -> None:
        """Read on until it has said this."""
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE_S):
            while words not in self.output:
                line = await self.process.stdout.readline()
                assert line, f"it ended without saying {words!r}:\n{self.output}"
                self.output += line.decode()

    async def ends(self) -> int:
        """Its exit code, when it has ended by itself."""
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE_S):
            self.output += (await self.process.stdout.read()).decode()
            return await self.process.wait()

    @property
    def output_pipe(self) -> asyncio.BaseTransport:
        """Our end of what it prints into."""
        pipe = self.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        assert isinstance(pipe, asyncio.BaseTransport)
        return pipe

    def pid_of(self, word: str) -> int:
        """The one child in whose command line the word is."""
        (found,) = [pid for pid, command in traces(self.folder) if word in command]
        return found


MakeRun = Callable[[], Run]


def traces(folder: Path) -> Iterator[tuple[int, str]]:
    """Every process that knows the folder, by its command line or its environment, and the command line."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_text(errors="replace")
            if str(folder) in command + (process / "environ").read_text(errors="replace"):
                yield int(process.name), command.replace("\0", " ")


async def nothing_is_left(folder: Path) -> None:
    """Wait until no process of the run is there: the kernel tells nobody about a stranger's children."""
    deadline = time.monotonic() + GONE_S
    while left := list(traces(folder)):
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.02)


async def pasted(block: str, folder: Path | None = None) -> str:
    """What a shell prints when the whole block is pasted in the folder; it stops at the first line that fails."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", block),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await shell.communicate()
    assert shell.returncode == 0, said.decode()
    return said.decode()
