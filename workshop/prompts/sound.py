"""What is done to a voice's recording before Asterisk plays it: one rate, one loudness, soft edges, a pause at its end.

Samples are signed 16-bit integers, one channel. Plain Python does a second of speech in some 10 ms.
"""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import Sequence
from operator import mul
from pathlib import Path

#: What telephone networks carry; more would be thrown away again for each listener.
RATE = 8000
FULL_SCALE = 32768
#: The mean level of what is spoken; Asterisk's own Russian prompts lie between -18 and -22.
LEVEL_DBFS = -20.0
PEAK_DBFS = -2.0
#: So far below the loudest stretch something still belongs to the word: the end of «двух» is very soft.
SOFTEST_DB = 38.0
FRAME = RATE // 100
#: Between two samples so many places are told apart when the rate changes.
PHASES = 64
KEPT_S = 0.03
FADE_S = 0.008
PAUSES_S = {".": 0.45, "!": 0.45, "?": 0.45, ";": 0.5, ",": 0.25, ":": 0.25, "—": 0.2}
NO_PAUSE_S = 0.03


class NoSound(Exception):
    """A recording holds nothing that could be heard."""


def finish(samples: Sequence[int], rate: int, text: str) -> array[int]:
    """The recording as it is played; its end depends on how `text` ends. Raises NoSound."""
    spoken = _spoken(resampled(samples, rate))
    _level(spoken)
    _fade(spoken)
    spoken.extend([0] * int(RATE * PAUSES_S.get(text[-1], NO_PAUSE_S)))
    return spoken


def read(path: Path) -> tuple[array[int], int]:
    """Samples and rate of a WAV file of one channel and 16 bits; ValueError for any other."""
    with wave.open(str(path), "rb") as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise ValueError(f"{path.name} is not of one channel and 16 bits")
        return array("h", file.readframes(file.getnframes())), file.getframerate()


def write(path: Path, samples: array[int]) -> None:
    """A WAV file as Asterisk's format_wav wants it, replaced in one step: a call may be playing the old one."""
    draft = path.with_name(path.name + ".new")
    with wave.open(str(draft), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    draft.replace(path)


def level_dbfs(samples: Sequence[int]) -> float:
    """The mean level of the stretches in which somebody speaks. Raises NoSound."""
    powers = _powers(samples)
    loudest = max(powers, default=0.0)
    if loudest < 1:
        raise NoSound("nothing but silence")
    heard = [power for power in powers if power > loudest / 1000]
    return 10 * math.log10(sum(heard) / len(heard) / FULL_SCALE**2)


def resampled(samples: Sequence[int], rate: int) -> Sequence[int]:
    """The same sound at RATE; what RATE cannot carry is filtered out (windowed sinc)."""
    if rate == RATE:
        return samples
    step = rate / RATE
    reach = math.ceil(16 * max(step, 1.0))
    cutoff = 0.95 / max(step, 1.0)
    padded = [0] * reach + list(samples) + [0] * (reach + 1)
    kernels: dict[int, list[float]] = {}
    result = []
    for number in range(int(len(samples) / step)):
        whole, part = divmod(number * step, 1.0)
        phase = round(part * PHASES)
        if phase not in kernels:
            kernels[phase] = _kernel(phase / PHASES, reach, cutoff)
        around = padded[int(whole) : int(whole) + 2 * reach + 1]
        result.append(_clipped(sum(map(mul, kernels[phase], around))))
    return result


def _kernel(part: float, reach: int, cutoff: float) -> list[float]:
    """A low pass around a point that lies `part` of a sample after the middle (Hann's window)."""
    values = []
    for at in range(-reach, reach + 1):
        x = at - part
        sinc = 1.0 if not x else math.sin(math.pi * cutoff * x) / (math.pi * cutoff * x)
        values.append(cutoff * sinc * (0.5 + 0.5 * math.cos(math.pi * min(1.0, abs(x) / reach))))
    return values


def _powers(samples: Sequence[int]) -> list[float]:
    pieces = (samples[at : at + FRAME] for at in range(0, len(samples) - FRAME + 1, FRAME))
    return [sum(map(mul, piece, piece)) / FRAME for piece in pieces]


def _spoken(samples: Sequence[int]) -> array[int]:
    """Without the silence before and after."""
    powers = _powers(samples)
    floor = max(powers, default=0.0) / 10 ** (SOFTEST_DB / 10)
    heard = [frame for frame, power in enumerate(powers) if power > max(floor, 1.0)]
    if not heard:
        raise NoSound("nothing but silence")
    kept = int(RATE * KEPT_S)
    return array("h", samples[max(0, heard[0] * FRAME - kept) : (heard[-1] + 1) * FRAME + kept])


def _level(samples: array[int]) -> None:
    """Bring the voice to its level; the few peaks above the limit are bent, which nobody hears, not cut."""
    gain = 10 ** ((LEVEL_DBFS - level_dbfs(samples)) / 20)
    limit = FULL_SCALE * 10 ** (PEAK_DBFS / 20)
    knee = limit / 2
    for at, sample in enumerate(samples):
        loud = sample * gain
        if abs(loud) > knee:
            loud = math.copysign(knee + (limit - knee) * math.tanh((abs(loud) - knee) / (limit - knee)), loud)
        samples[at] = round(loud)


def _fade(samples: array[int]) -> None:
    length = min(int(RATE * FADE_S), len(samples) // 2)
    for at in range(length):
        samples[at] = round(samples[at] * at / length)
        samples[-1 - at] = round(samples[-1 - at] * at / length)


def _clipped(value: float) -> int:
    return max(-FULL_SCALE, min(FULL_SCALE - 1, round(value)))
