"""The builder of prompts: what it makes, what it leaves alone, and what it says of texts that are not sound."""

from __future__ import annotations

import math
import re
import tomllib
from array import array
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from workshop import tones
from workshop.prefix import PrefixError
from workshop.prefix.place import TREE
from workshop.prompts import TextsError, build, debian, known, read_all, sound
from workshop.prompts.voices import Espeak, Festival

SHIPPED = read_all()


class Whistle:
    """A voice that whistles: longer for longer texts."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def name(self, language: str) -> str:
        return Festival.name(language)

    def speak(self, texts: Mapping[str, str], language: str, folder: Path) -> None:
        for name, text in texts.items():
            self.said.append(f"{language}/{name}")
            sound.write(folder / f"{name}.wav", tone(0.4 + len(text) / 100))


def tone(seconds: float, hz: float = 500, loud: float = 9000, rate: int = sound.RATE) -> array[int]:
    return array("h", (round(loud * math.sin(2 * math.pi * hz * at / rate)) for at in range(int(seconds * rate))))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Two prompts in both languages."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "ru.toml").write_text('hello = "Здравствуйте."\nbye = "До свидания."\n')
    (folder / "en.toml").write_text('hello = "Hello."\nbye = "Goodbye."\n')
    return folder


@pytest.fixture
def made(tmp_path: Path, texts: Path) -> Path:
    """The folder of a finished build."""
    folder = tmp_path / "made"
    assert build(folder, quiet, source=texts, voices=Whistle()) == 4
    return folder


def quiet(line: str) -> None:
    pass


def test_what_has_its_file_is_not_spoken_again(made: Path, texts: Path) -> None:
    voice = Whistle()
    assert build(made, quiet, source=texts, voices=voice) == 0
    assert not voice.said


def test_only_a_changed_text_is_spoken_anew(made: Path, texts: Path) -> None:
    (texts / "en.toml").write_text('hello = "Good day."\nbye = "Goodbye."\n')
    voice = Whistle()
    build(made, quiet, source=texts, voices=voice)
    assert voice.said == ["en/hello"]


def test_a_file_that_was_lost_is_made_anew(made: Path, texts: Path) -> None:
    (made / "ru" / "bye.wav").unlink()
    voice = Whistle()
    build(made, quiet, source=texts, voices=voice)
    assert voice.said == ["ru/bye"]
    assert (made / "ru" / "bye.wav").exists()


def test_all_are_made_again_when_asked(made: Path, texts: Path) -> None:
    assert build(made, quiet, source=texts, voices=Whistle(), again=True) == 4


def test_the_file_of_a_removed_text_goes(made: Path, texts: Path) -> None:
    for language in ("ru", "en"):
        file = texts / f"{language}.toml"
        file.write_text(file.read_text().splitlines()[0])
    build(made, quiet, source=texts, voices=Whistle())
    assert sorted(path.name for path in made.rglob("*.wav")) == ["hello.wav", "hello.wav"]


def test_without_festival_espeak_speaks_and_is_not_replaced_by_every_make(
    tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(root: Path, say: object) -> Festival:
        raise PrefixError("No festival here.")

    monkeypatch.setattr(debian, "ensure", refuse)
    monkeypatch.setattr(Espeak, "found", lambda: True)
    monkeypatch.setattr(Espeak, "speak", Whistle().speak)
    said: list[str] = []
    assert build(tmp_path / "made", said.append, source=texts) == 4
    assert "No festival here." in said[0]
    assert build(tmp_path / "made", said.append, source=texts) == 0
    monkeypatch.setattr(Espeak, "found", lambda: False)
    with pytest.raises(PrefixError, match=r"No festival here\. .*apt-get install espeak-ng"):
        build(tmp_path / "other", said.append, source=texts)


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ('hello = "Здравствуйте."\n', "ru.toml: bye is missing, and another language has it"),
        ('hello = "Здравствуйте."\nbye = "До свидания."\nmore = "Ещё."\n', "en.toml: more is missing"),
        ('hello = "Здравствуйте."\nbye = ""\n', "ru.toml: bye: write what is to be said"),
        ('hello = "Здравствуйте."\nbye = "..."\n', "ru.toml: bye: write what is to be said"),
        ('hello = "Здравствуйте."\nbye = 5\n', "ru.toml: bye: write what is to be said"),
        ('hello = "Здравствуйте."\nbye = "Через 5 минут."\n', "ru.toml: bye: write numbers in words"),
        ('hello = "Здравствуйте."\n"../bye" = "До свидания."\n', r"ru.toml: \.\./bye: a name is made of"),
        ('hello = "Здравствуйте.\n', "ru.toml is not TOML .*: correct it"),
    ],
)
def test_texts_that_are_not_sound_are_refused_with_their_place(texts: Path, file: str, problem: str) -> None:
    (texts / "ru.toml").write_text(file)
    with pytest.raises(TextsError, match=problem):
        read_all(texts)


def test_a_missing_file_of_texts_is_said_so(texts: Path) -> None:
    (texts / "en.toml").unlink()
    with pytest.raises(TextsError, match=r"en\.toml cannot be read"):
        read_all(texts)


def test_both_languages_have_the_same_prompts_and_no_letters_of_the_other() -> None:
    assert SHIPPED["ru"].keys() == SHIPPED["en"].keys()
    assert not [name for name, text in SHIPPED["ru"].items() if re.search("[a-z]", text, re.IGNORECASE)]
    assert not [name for name, text in SHIPPED["en"].items() if not text.isascii()]


def test_whatever_the_dialplan_plays_has_a_text() -> None:
    played = {
        name
        for path in (TREE / "dialplan").glob("*.conf")
        for name in re.findall(r"pbx-bridge/([a-z0-9-]+)", path.read_text(encoding="utf-8"))
        if not name.endswith("-")  # the rest of the name is a variable's
    }
    assert played
    assert [name for name in sorted(played) if not known([name])] == []


def test_whatever_the_shipped_services_name_has_a_text() -> None:
    named = {
        name
        for path in (TREE / "services").glob("*.toml")
        for name in tomllib.loads(path.read_text(encoding="utf-8")).get("prompts", {}).values()
    }
    assert {"welcome", "hours-support"} <= named
    assert known(named)


@pytest.mark.parametrize("loud", [300, 9000, 32000])
def test_every_voice_comes_out_as_loud_and_is_not_clipped(loud: float) -> None:
    finished = sound.finish(tone(1, loud=loud), sound.RATE, "word")
    assert sound.level_dbfs(finished) == pytest.approx(sound.LEVEL_DBFS, abs=0.2)
    assert max(map(abs, finished)) < 0.8 * sound.FULL_SCALE


def test_a_single_loud_sound_is_bent_below_the_limit() -> None:
    samples = tone(1, loud=3000)
    samples[4000:4040] = array("h", [32000, -32000] * 20)
    assert 20000 < max(map(abs, sound.finish(samples, sound.RATE, "word"))) <= 26100


def test_silence_around_goes_and_a_full_stop_makes_a_pause() -> None:
    padded = array("h", [0] * 8000) + tone(0.5) + array("h", [0] * 8000)
    assert len(sound.finish(padded, sound.RATE, "word")) / sound.RATE == pytest.approx(0.59, abs=0.03)
    assert len(sound.finish(padded, sound.RATE, "A sentence.")) / sound.RATE == pytest.approx(1.01, abs=0.03)


def test_a_prompt_begins_and_ends_without_a_click() -> None:
    finished = sound.finish(tone(0.5, loud=9000), sound.RATE, "word")
    spoken = finished[: -int(sound.RATE * sound.NO_PAUSE_S)]
    for edge in (spoken[:8], spoken[-8:]):
        assert max(map(abs, edge)) < 600


def test_silence_is_no_prompt() -> None:
    with pytest.raises(sound.NoSound):
        sound.finish(array("h", [0] * 8000), sound.RATE, "word")


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
def test_another_rate_keeps_the_voice_and_loses_what_would_fold_back(rate: int) -> None:
    kept = sound.resampled(tone(0.2, hz=1000, rate=rate), rate)
    assert len(kept) == pytest.approx(0.2 * sound.RATE, abs=2)
    crossings = sum(a < 0 <= b for a, b in pairwise(kept))
    assert crossings == pytest.approx(200, abs=2)
    assert max(map(abs, kept)) == pytest.approx(9000, rel=0.05)
    assert tones.share(kept[200:1000], sound.RATE, 1000) > 0.999
    lost = sound.resampled(tone(0.2, hz=5500, rate=rate), rate)
    assert max(map(abs, lost[200:-200])) < 100
