"""Which digits were read aloud: a recording held against the prompts that it must be made of.

What a phone hears of a prompt is the prompt itself, less the codec's noise. So a digit is found where the recording
correlates with its file: first the loudest tenth of a second of it, thinned out, at every place; then the whole file
at the places that looked alike. One digit of a voice resembles another for a tenth of a second, never for half.

Plain Python takes about two seconds for fifteen of telephone audio.
"""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from pathlib import Path

RATE = 8000
THIN = 4
#: The stretch of a prompt that is looked for first, in thinned samples.
LOOK = RATE // THIN // 10
#: Correlations: worth a closer look; and a digit beyond doubt (a wrong one stays below 0.6, the right one is 0.99).
ALIKE, SAME = 0.7, 0.75
#: Nothing this quiet is a voice (mean square of 16-bit samples).
QUIET = 100.0**2


@dataclass(frozen=True)
class Spoken:
    """One digit: when it began, in seconds, and how much the recording is like the prompt there (at most 1)."""

    digit: str
    at_s: float
    likeness: float


def heard_in(recording: Path, prompts: Path) -> list[Spoken]:
    """The digits in a WAV file, in their order. `prompts` is a language's folder of Asterisk's sounds."""
    samples = _samples(recording)
    found = [
        spoken
        for digit in "0123456789"
        for spoken in _places(samples, digit, _voiced(_samples(prompts / "digits" / f"{digit}.wav")))
    ]
    return _best(found)


def said_in(recording: Path, prompt: Path) -> list[float]:
    """When a prompt was heard from its beginning to its end, in seconds of the recording."""
    samples, voiced = _samples(recording), _voiced(_samples(prompt))
    # Thinned out from another sample on, a hissing voice looks like another one.
    found = [each for shift in range(THIN) for each in _places(samples, "", voiced[shift:])]
    return [each.at_s for each in _best(found)]


def _places(samples: Sequence[int], digit: str, prompt: Sequence[int]) -> Iterator[Spoken]:
    """Where the recording is this prompt."""
    thin, thin_prompt = _thinned(samples), _thinned(prompt)
    start = _loudest(thin_prompt, LOOK)
    for place, _ in _peaks(thin, thin_prompt[start : start + LOOK]):
        near = range((place - start - 1) * THIN, (place - start + 1) * THIN + 1)
        likeness, at = max((_likeness(samples, prompt, at), at) for at in near)
        if likeness >= SAME:
            yield Spoken(digit, at / RATE, likeness)


def _peaks(samples: Sequence[int], pattern: Sequence[int]) -> Iterator[tuple[int, float]]:
    """Places, and how alike, where the pattern's correlation is worth a look and higher than beside it."""
    length = len(pattern)
    energy = [0, *accumulate(map(mul, samples, samples))]
    norm = math.sqrt(sum(map(mul, pattern, pattern)))
    before, peak = -1.0, (0, 0.0)
    for place in range(len(samples) - length):
        loud = energy[place + length] - energy[place]
        if loud < QUIET * length:
            value = 0.0
        else:
            value = sum(map(mul, pattern, samples[place : place + length])) / norm / math.sqrt(loud)
        if value < before and peak[1] >= ALIKE and peak[0] == place - 1:
            yield peak
        peak, before = (place, value), value


def _likeness(samples: Sequence[int], prompt: Sequence[int], at: int) -> float:
    """The correlation of the whole prompt with the recording from `at` on."""
    piece = samples[max(at, 0) : at + len(prompt)]
    if at < 0 or len(piece) < len(prompt):
        return 0.0
    norm = math.sqrt(sum(map(mul, piece, piece)) * sum(map(mul, prompt, prompt)))
    return sum(map(mul, prompt, piece)) / norm if norm else 0.0


def _best(found: list[Spoken]) -> list[Spoken]:
    """One digit at a time: the likeliest of those that would be spoken at once."""
    kept: list[Spoken] = []
    for each in sorted(found, key=lambda spoken: -spoken.likeness):
        if all(abs(each.at_s - other.at_s) > 0.2 for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda spoken: spoken.at_s)


def _samples(file: Path) -> array[int]:
    with wave.open(str(file), "rb") as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, RATE), file
        return array("h", sound.readframes(sound.getnframes()))


def _voiced(samples: array[int]) -> array[int]:
    """Without the quiet at both ends, which is like any other."""
    loud = [place for place, sample in enumerate(samples) if abs(sample) > 500]
    return samples[loud[0] : loud[-1] + 1]


def _thinned(samples: Sequence[int]) -> list[int]:
    return [sum(samples[at : at + THIN]) // THIN for at in range(0, len(samples) - THIN + 1, THIN)]


def _loudest(samples: Sequence[int], length: int) -> int:
    energy = [0, *accumulate(map(mul, samples, samples))]
    return max(range(len(samples) - length), key=lambda at: energy[at + length] - energy[at])
