"""The wire between a Phone and its process: orders go down, facts and replies come up."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parents[1]
REPLY_S = 10.0
STOP_S = 5.0
_LINE_LIMIT = 1 << 20


class OrderRefused(Exception):
    """The process could not do what was ordered; the text says why."""


class Link:
    """One process of workshop.phone_process and what it says.

    `on_fact` gets every fact, and {"fact": "gone"} when the process has ended. The process has a session of
    its own; it ends when its stdin does, and the kernel kills it when we die.
    """

    def __init__(self, on_fact: Callable[[dict[str, Any]], None]) -> None:
        self._on_fact = on_fact
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._numbers = itertools.count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.last_words: deque[str] = deque(maxlen=20)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def open(self, setup: dict[str, Any]) -> None:
        """Start the process and tell it what it is; a fact "ready" or "failed" follows."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "workshop.phone_process",
            str(os.getpid()),
            cwd=TREE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            start_new_session=True,
        )
        self._process = process
        complaints = asyncio.create_task(self._read_complaints(process.stderr))
        self._readers = [complaints, asyncio.create_task(self._read_facts(process.stdout, complaints))]
        self._write(setup)

    async def close(self) -> None:
        """Let the process say goodbye, five seconds at most. Harmless when repeated."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_S)
        await self.kill()

    async def kill(self) -> None:
        """End the process at once."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            await asyncio.gather(*self._readers)

    async def order(self, do: str, patience_s: float, arguments: dict[str, object]) -> dict[str, Any]:
        """Have something done; what the process says of it. Raises OrderRefused.

        `patience_s` is how long the order itself may take; the process gets ten seconds more to reply.
        """
        number = next(self._numbers)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        try:
            self._write({"order": number, "do": do, **arguments})
            return await asyncio.wait_for(reply, patience_s + REPLY_S)
        except TimeoutError:
            raise OrderRefused("its process did not reply") from None
        finally:
            del self._replies[number]

    def _write(self, message: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None or self._process.stdin.is_closing():
            raise OrderRefused("it is switched off")
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read_facts(self, output: asyncio.StreamReader | None, complaints: asyncio.Task[None]) -> None:
        while output is not None and (line := await output.readline()):
            message = json.loads(line)
            if "order" in message:
                self._on_reply(message)
            else:
                self._on_fact(message)
        await complaints  # so that whoever tells of the end can say why
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(OrderRefused("its process ended"))
        self._on_fact({"fact": "gone"})

    async def _read_complaints(self, output: asyncio.StreamReader | None) -> None:
        while output is not None and (line := await output.readline()):
            self.last_words.append(line.decode(errors="replace").rstrip())

    def _on_reply(self, message: dict[str, Any]) -> None:
        reply = self._replies.get(message["order"])
        if reply is None or reply.done():
            return
        if "failed" in message:
            reply.set_exception(OrderRefused(message["failed"]))
        else:
            reply.set_result(message["done"])
