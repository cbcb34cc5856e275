"""What a phone hears, as numbers: how loud it is, and which tone it holds.

Every phone of the workshop sends a sine of its own. So "ann hears bob" is a measurement: bob's frequency
is in what ann receives. Samples are signed 16-bit integers, `rate` is in samples per second.

Plain Python is enough: 100 ms of telephone audio are 800 samples. One Goertzel pass over them costs
0.1 ms, the search for an unknown tone 6 ms.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass

FULL_SCALE = 32768.0
SILENCE_DBFS = -100.0
# Comfort noise of the codecs stays below -60 dBFS; baresip's sine is sent at -15.
QUIET_DBFS = -50.0
# Part of the energy that a tone must carry to count. Alone it carries all but the codec's noise (0.98);
# one of two voices of equal level in a mix carries half.
ENOUGH = 0.2
# The search for an unknown tone needs no more bandwidth than a telephone has.
SPECTRUM_RATE = 8000


@dataclass(frozen=True)
class Heard:
    """The strongest frequency and the level of one stretch of audio. Silence has no frequency: 0."""

    hz: float
    level_dbfs: float

    def __str__(self) -> str:
        return f"{self.hz:.0f} Hz at {self.level_dbfs:.0f} dBFS" if self.hz else "silence"


def level_dbfs(samples: Sequence[int]) -> float:
    """The mean level, 0 for the loudest square wave, SILENCE_DBFS for nothing at all."""
    energy = sum(sample * sample for sample in samples)
    if not energy:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10 * math.log10(energy / len(samples)) - 20 * math.log10(FULL_SCALE))


def share(samples: Sequence[int], rate: int, hz: float) -> float:
    """Which part of the energy lies at `hz`, from 0 to about 1 (Goertzel's algorithm).

    The filter is one over the length wide: 100 ms tell 440 Hz from 450 Hz.
    """
    energy = sum(sample * sample for sample in samples)
    if not energy:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hz / rate)
    before = last = 0.0
    for sample in samples:
        last, before = sample + turn * last - before, last
    power = last * last + before * before - turn * last * before
    return 2 * power / (len(samples) * energy)


def contains(samples: Sequence[int], rate: int, hz: float) -> bool:
    """Whether the tone is there: loud enough to be no noise, and enough of the whole."""
    return level_dbfs(samples) > QUIET_DBFS and share(samples, rate, hz) >= ENOUGH


def dominant(samples: Sequence[int], rate: int) -> Heard:
    """The strongest frequency, right to about 1 Hz for a clean tone of 100 ms, and the level."""
    level = level_dbfs(samples)
    if level <= QUIET_DBFS:
        return Heard(0.0, level)
    step = max(1, rate // SPECTRUM_RATE)
    thinned = [sum(samples[at : at + step]) / step for at in range(0, len(samples) - step + 1, step)]
    powers = _spectrum(thinned)
    peak = max(range(1, len(powers) - 1), key=powers.__getitem__)
    return Heard((peak + _lean(*powers[peak - 1 : peak + 2])) * rate / step / (2 * len(powers)), level)


def _spectrum(samples: Sequence[float]) -> list[float]:
    """The power at each frequency; zeros fill the samples up to four times a power of two."""
    size = 4 * 2 ** max(2, math.ceil(math.log2(len(samples))) - 1)
    count = len(samples)
    # A Hann window: without it the feet of one tone hide the next.
    windowed = [s * (0.5 - 0.5 * math.cos(2 * math.pi * i / count)) for i, s in enumerate(samples)]
    bins = _fft([complex(each) for each in windowed] + [0j] * (size - len(windowed)))
    return [abs(each) ** 2 for each in bins[: size // 2]]


def _fft(values: list[complex]) -> list[complex]:
    """Cooley and Tukey's transform of a power of two of values."""
    count = len(values)
    if count == 1:
        return values
    even, odd = _fft(values[0::2]), _fft(values[1::2])
    turned = [cmath.exp(-2j * math.pi * i / count) * each for i, each in enumerate(odd)]
    pairs = list(zip(even, turned, strict=True))
    return [a + b for a, b in pairs] + [a - b for a, b in pairs]


def _lean(left: float, middle: float, right: float) -> float:
    """Where a peak really is, from -0.5 to 0.5: a parabola through the logarithms of three neighbours."""
    if min(left, middle, right) <= 0:
        return 0.0
    a, b, c = math.log(left), math.log(middle), math.log(right)
    bend = a - 2 * b + c
    return 0.5 * (a - c) / bend if bend else 0.0
