"""The prompts that this tree ships, as sounds: Debian's voices speak them if nobody has let them yet (a minute)."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop.prefix import PrefixError
from workshop.prompts import build, debian, default_folder, read_all, sound
from workshop.prompts.voices import FESTIVAL, Festival


@pytest.fixture(scope="module")
def prompts() -> Path:
    """All of them, by today's texts."""
    build(default_folder())
    return default_folder()


def files(prompts: Path) -> Iterator[Path]:
    for language, texts in read_all().items():
        for name in texts:
            yield prompts / language / f"{name}.wav"


def test_every_prompt_is_telephone_audio_of_a_sensible_length(prompts: Path) -> None:
    wrong = []
    for path in files(prompts):
        with wave.open(str(path)) as file:
            seconds = file.getnframes() / file.getframerate()
            kind = (file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getcomptype())
        if kind != (8000, 1, 2, "NONE") or not 0.3 <= seconds <= 20:
            wrong.append((path.parent.name, path.stem, kind, seconds))
    assert not wrong


def test_no_prompt_is_silent_and_none_is_clipped(prompts: Path) -> None:
    wrong = []
    for path in files(prompts):
        samples, _ = sound.read(path)
        if abs(sound.level_dbfs(samples) - sound.LEVEL_DBFS) > 1 or max(map(abs, samples)) > 0.8 * sound.FULL_SCALE:
            wrong.append((path.parent.name, path.stem))
    assert not wrong


def test_a_longer_text_is_a_longer_sound(prompts: Path) -> None:
    """A voice that lost half a sentence would be quicker than any speaker (30 letters a second)."""
    texts = read_all()
    wrong = []
    for path in files(prompts):
        with wave.open(str(path)) as file:
            seconds = file.getnframes() / file.getframerate()
        pace = len(texts[path.parent.name][path.stem]) / seconds
        if pace > 30 or pace < 3:
            wrong.append((path.parent.name, path.stem, round(pace, 1)))
    assert not wrong


def test_a_marked_stress_is_heard_and_holds_for_its_own_text_only(prompts: Path, tmp_path: Path) -> None:
    assert prompts.exists()
    voice = debian.ensure(debian.default_root(), print)
    assert isinstance(voice, Festival)
    said = {"first": "ча\u0301са", "second": "часа\u0301", "third": "ча\u0301са"}
    voice.speak(said, "ru", tmp_path)
    first, second, third = ((tmp_path / f"{name}.wav").read_bytes() for name in said)
    assert first == third != second


def test_whatever_an_engineer_writes_is_spoken_and_never_run(prompts: Path, tmp_path: Path) -> None:
    assert prompts.exists()
    voice = debian.ensure(debian.default_root(), print)
    for language in FESTIVAL:
        for name, text in {"quote": 'one") (exit) ("', "escape": "one\\"}.items():
            voice.speak({name: text}, language, tmp_path)
            assert sound.finish(*sound.read(tmp_path / f"{name}.wav"), "word")
            (tmp_path / f"{name}.wav").unlink()


def test_the_prompt_that_a_voice_cannot_say_is_named(prompts: Path, tmp_path: Path) -> None:
    assert prompts.exists()
    voice = debian.ensure(debian.default_root(), print)
    with pytest.raises(PrefixError, match=r"The Russian voice did not say second \("):
        voice.speak({"first": "да", "second": "їжак", "third": "да"}, "ru", tmp_path)
