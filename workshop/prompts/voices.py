"""Who speaks: festival with its recorded Russian voice, or espeak-ng where festival cannot be had."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from workshop.prefix import Prefix, PrefixError
from workshop.prompts.texts import STRESS

FESTIVAL = {"ru": "msu_ru_nsh_clunits", "en": "cmu_us_slt_arctic_hts"}
ESPEAK = {"ru": "ru", "en": "en-gb"}
NAMES = {"ru": "Russian", "en": "English"}
_VOWELS = "аеёиоуыэюя"
#: Festival's scripts load what they need from here, instead of from where Debian would have installed it.
_START = """(set! libdir "{data}/")
(set! datadir libdir)
(load (string-append libdir "init.scm"))
(voice_{voice})
"""
_SENTENCE = """(set! spoken (utt.synth (Utterance Text "{text}")))
(utt.wave.resample spoken 8000)
(utt.save.wave spoken "{file}" 'riff)
"""


class Voices(Protocol):
    """A program that speaks."""

    def name(self, language: str) -> str:
        """Which voice it has for the language; part of each file's stamp."""

    def speak(self, texts: Mapping[str, str], language: str, folder: Path) -> None:
        """Write a WAV file `folder`/name.wav of each text. Raises PrefixError."""


class Festival:
    """Festival of an unpacked prefix."""

    def __init__(self, prefix: Prefix) -> None:
        self._prefix = prefix

    @staticmethod
    def name(language: str) -> str:
        return f"festival {FESTIVAL[language]}"

    def speak(self, texts: Mapping[str, str], language: str, folder: Path) -> None:
        script = folder / "sentences.scm"
        data = self._prefix.root / "usr" / "share" / "festival"
        lines = [_START.format(data=data, voice=FESTIVAL[language])]
        for name, text in texts.items():
            lines += _stresses(text)
            lines.append(_SENTENCE.format(text=_plain(text), file=folder / f"{name}.wav"))
        script.write_text("".join(lines), encoding="utf-8")
        # -q: festival's own start would look for its files in the places of an installation.
        command = self._prefix.command("usr/bin/festival", "-q", "--batch", str(script))
        _run(
            command,
            NAMES[language],
            f"write it in other words, or, if none is said, remove {self._prefix.root}",
            folder,
            texts,
        )


class Espeak:
    """espeak-ng as the machine has it: a clear voice, and plainly a machine's."""

    @staticmethod
    def name(language: str) -> str:
        return f"espeak-ng {ESPEAK[language]}"

    @staticmethod
    def found() -> bool:
        return shutil.which("espeak-ng") is not None

    def speak(self, texts: Mapping[str, str], language: str, folder: Path) -> None:
        for name, text in texts.items():
            file = folder / f"{name}.wav"
            command = ["espeak-ng", "-v", ESPEAK[language], "-s", "150", "-w", str(file), "--", _plain(text)]
            _run(command, NAMES[language], "is its voice installed (espeak-ng --voices)?", folder, [name])


def _run(command: list[str], language: str, advice: str, folder: Path, names: Iterable[str]) -> None:
    """Raises PrefixError when one of the names has no file afterwards."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    missing = [name for name in names if not (folder / f"{name}.wav").exists()]
    if done.returncode or missing:
        words = (done.stderr.strip() or done.stdout.strip() or "it said nothing")[-300:]
        # They are said in their order, and it stops at the first that it cannot say.
        which = missing[0] if missing else "anything"
        raise PrefixError(f"The {language} voice did not say {which} ({words}): {advice}.")


def _stresses(text: str) -> Iterator[str]:
    """Words whose stress is marked, as entries of festival's dictionary: the word and the number of its syllable."""
    for word in re.findall(rf"[\w{STRESS}]+", text.lower()):
        before, mark, _ = word.partition(STRESS)
        if mark:
            syllable = sum(letter in _VOWELS for letter in before)
            yield f'(lex.add.entry \'("{word.replace(STRESS, "")}" n ({syllable})))\n'


def _plain(text: str) -> str:
    """What a voice reads: no marks, a comma where a dash asks for a pause.

    Of other signs nothing is left: quotes would end festival's string, and its Russian voice stumbles over brackets.
    """
    plain = re.sub(r"\s*[—–]", ",", text.replace(STRESS, ""))
    return " ".join(re.sub(r"[^\w\s.,:;!?'-]|_", " ", plain).split())
