"""Prompts that are tones, so that a telephone can tell which one it hears."""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.contract.real_town import RealTown
from workshop.prefix import Prefix

#: By name: Hz and seconds.
Prompts = Mapping[str, tuple[int, float]]


def tone(file: Path, hz: int, seconds: float, loud: int = 8000) -> None:
    """A WAV file of one tone; `loud` is its amplitude, at most 32767."""
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        samples = (int(loud * math.sin(2 * math.pi * hz * at / 8000)) for at in range(int(8000 * seconds)))
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


@asynccontextmanager
async def town_that_speaks(prefix: Prefix, folder: Path, prompts: Prompts) -> AsyncIterator[RealTown]:
    """A town whose Asterisk has these prompts and no others."""
    russian = folder / "prompts" / "ru"
    russian.mkdir(parents=True)
    for name, (hz, seconds) in prompts.items():
        tone(russian / f"{name}.wav", hz, seconds)
    async with AsyncExitStack() as stack:
        town = RealTown(prefix, folder, stack, folder / "prompts")
        await town.open()
        yield town
