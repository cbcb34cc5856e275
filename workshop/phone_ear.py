"""The ear of a workshop phone: what it receives, waited for and measured.

It listens only while somebody asks. baresip keeps the last second of audio by itself, so an idle phone costs
nothing, and every question is about what comes after it was asked.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable

from baresip.audio import CallAudio
from baresip.errors import AudioNotActive, AudioRestarted

from workshop import tones
from workshop.tones import Heard

WINDOW_S = 0.1
POLL_S = 0.02
# A sender at rest may send nothing at all (hold) or comfort noise, and a lost packet is no rest.
REST_S = 0.3
_READ_BYTES = 1 << 16


class NotHeard(Exception):
    """The time is up; the text says what was heard instead."""


class Ear:
    """An ear for one question. `source` is the audio to listen to now: a phone may change calls meanwhile."""

    def __init__(self, source: Callable[[], CallAudio | None]) -> None:
        self._source = source
        self._audio: CallAudio | None = None
        self._rate = 0
        self._channels = 1

    async def hears(self, hz: float, within_s: float) -> float:
        """Seconds until the tone was there. Raises NotHeard."""

        return await self._wait(f"{hz:g} Hz", within_s, lambda samples: tones.contains(samples, self._rate, hz))

    async def hears_sound(self, within_s: float) -> float:
        """Seconds until there was any sound: music, a prompt, a voice. Raises NotHeard."""
        return await self._wait("any sound", within_s, lambda samples: tones.level_dbfs(samples) > tones.QUIET_DBFS)

    async def heard(self, within_s: float = 0.5) -> Heard:
        """The dominant tone of the next 100 ms; silence when nothing comes for half a second."""
        window = await self._collect(within_s, lambda _: True)
        if window is None:
            return Heard(0.0, tones.SILENCE_DBFS)
        return tones.dominant(window, self._rate)

    async def hears_nothing(self, within_s: float) -> None:
        """Returns when there was rest for 0.3 s. Raises NotHeard."""
        self._take()
        quiet_since = time.monotonic()
        deadline = quiet_since + within_s
        last = array("h")
        while time.monotonic() - quiet_since < REST_S:
            await asyncio.sleep(POLL_S)
            fresh = self._take()
            if tones.level_dbfs(fresh) > tones.QUIET_DBFS:
                quiet_since, last = time.monotonic(), fresh
            if time.monotonic() > deadline:
                raise NotHeard(f"no silence within {within_s:g} s, but {self._describe(last)}")

    async def record(self, within_s: float) -> tuple[array[int], int]:
        """Everything from the first sample on until the call is over: samples and their rate. Raises NotHeard."""
        deadline = time.monotonic() + within_s
        recorded, rate = array("h"), 0
        while self._source() is not None or not recorded:
            recorded += self._take()
            rate = self._rate or rate
            if time.monotonic() > deadline:
                raise NotHeard(f"the call was not over within {within_s:g} s")
            await asyncio.sleep(POLL_S)
        return recorded, rate

    async def _wait(self, what: str, within_s: float, found: Callable[[array[int]], bool]) -> float:
        began = time.monotonic()
        window = await self._collect(within_s, found)
        if window is None or not found(window):
            raise NotHeard(f"{what} not heard within {within_s:g} s, but {self._describe(window)}")
        return time.monotonic() - began

    async def _collect(self, within_s: float, enough: Callable[[array[int]], bool]) -> array[int] | None:
        """The first full window of which `enough` is true, else the last one, None when there was none."""
        self._take()
        deadline = time.monotonic() + within_s
        gathered, window = array("h"), None
        while True:
            gathered += self._take()
            length = int(self._rate * WINDOW_S)
            if length and len(gathered) >= length:
                window = gathered = gathered[-length:]
                if enough(window):
                    return window
            if time.monotonic() > deadline:
                return window
            await asyncio.sleep(POLL_S)

    def _take(self) -> array[int]:
        """What came since the last call, one channel of it. Nothing before the media runs."""
        samples = array("h")
        audio = self._source()
        if audio is not self._audio:
            self._audio, self._rate = audio, 0
        if audio is None:
            return samples
        try:
            if not self._rate:
                info = audio.info()
                self._rate, self._channels = info.rx_sample_rate, max(1, info.rx_channels)
            while piece := audio.read(_READ_BYTES):
                samples.frombytes(piece)
        except (AudioNotActive, AudioRestarted):
            self._rate = 0  # a re-INVITE may have changed the codec
        return samples[:: self._channels] if self._channels > 1 else samples

    def _describe(self, window: array[int] | None) -> str:
        return str(tones.dominant(window, self._rate)) if window and self._rate else "no audio at all"
