"""Calls at a steady rate, whoever starts them; and waiting until the last is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from benchmarks.lab import Lab

#: How long the last calls may take to end (seconds).
PATIENCE_S = 20.0
#: What settles after the last goodbye: device states, audit lines, logs.
SETTLE_S = 0.5


class Caller(Protocol):
    """The floor, or the service behind its portal."""

    name: str

    def call(self, number: str) -> None: ...


async def pace(caller: Caller, lab: Lab, rate: float, count: int) -> None:
    """Open loop: each call at its own moment, however slowly the others are getting on."""
    began = time.perf_counter()
    for index in range(count):
        late = time.perf_counter() - began - index / rate
        if late < 0:
            await asyncio.sleep(-late)
        caller.call(lab.number())


def talked(lab: Lab) -> int:
    """How many talks the agents have ended so far in this run."""
    return lab.agents.log_path.read_text(errors="replace").count("\nHANGUP ")


async def until(true: Callable[[], bool], within_s: float = PATIENCE_S, every_s: float = 0.05) -> bool:
    """Whether it became true in time."""
    deadline = time.perf_counter() + within_s
    while not true():
        if time.perf_counter() > deadline:
            return False
        await asyncio.sleep(every_s)
    return True
