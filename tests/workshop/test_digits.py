"""The ear for digits, on recordings that are put together here: right ones, torn ones, and what is no digit at all."""

from __future__ import annotations

import random
import wave
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from workshop.digits import heard_in
from workshop.prefix import Prefix

Record = Callable[..., Path]


@pytest.fixture
def prompts(prefix: Prefix) -> Path:
    return prefix.data / "sounds" / "ru"


@pytest.fixture
def record(prompts: Path, tmp_path: Path) -> Record:
    """Makes a recording of sounds from the prompts' folder, each after so many samples of quiet."""

    def make(*sounds: str, gap: int = 1600, noise: int = 0, gain: float = 1.0) -> Path:
        chance = random.Random(7)
        samples = array("h")
        for sound in sounds:
            samples.extend([0] * gap)
            with wave.open(str(prompts / f"{sound}.wav"), "rb") as read:
                samples.frombytes(read.readframes(read.getnframes()))
        samples = array("h", (int(each * gain) + chance.randint(-noise, noise) for each in samples))
        file = tmp_path / "recording.wav"
        with wave.open(str(file), "wb") as written:
            written.setparams((1, 2, 8000, 0, "NONE", ""))
            written.writeframes(samples.tobytes())
        return file

    return make


def heard(recording: Path, prompts: Path) -> str:
    return "".join(spoken.digit for spoken in heard_in(recording, prompts))


def digits(text: str) -> list[str]:
    return [f"digits/{each}" for each in text]


@pytest.mark.parametrize("gap", [0, 1601, 4003])
def test_digits_are_heard_in_their_order_however_quick_they_come(record: Record, prompts: Path, gap: int) -> None:
    assert heard(record(*digits("0918273645"), gap=gap), prompts) == "0918273645"


def test_a_digit_that_comes_twice_is_heard_twice(record: Record, prompts: Path) -> None:
    assert heard(record(*digits("00225"), gap=0), prompts) == "00225"


def test_a_noisy_line_and_a_quiet_voice_are_understood(record: Record, prompts: Path) -> None:
    assert heard(record(*digits("4938"), noise=300, gain=0.4), prompts) == "4938"


def test_other_words_are_no_digits(record: Record, prompts: Path) -> None:
    assert heard(record("digits/10", "digits/20", "digits/day-1", "auth-thankyou", "agent-pass"), prompts) == ""
