"""The texts as engineers write them: one TOML file a language, name = text, the same names in both."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from workshop.prefix.place import TREE

SOURCE = TREE / "prompts"
LANGUAGES = ("ru", "en")
#: Stands after a vowel on which the voice would not lay the stress by itself.
STRESS = "\u0301"
# The service and the dialplan take no other names.
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class TextsError(Exception):
    """The texts are not sound. `problems` are sentences, each with its file and what to do."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def read(language: str, folder: Path = SOURCE) -> dict[str, str]:
    """Name → text of one language, as written. Raises TextsError."""
    path = folder / f"{language}.toml"
    try:
        texts = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TextsError([f"{path.name} cannot be read ({error.strerror}): put it into {folder}."]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TextsError([f"{path.name} is not TOML ({error}): correct it."]) from None
    if problems := list(_problems(path.name, texts)):
        raise TextsError(problems)
    return texts


def read_all(folder: Path = SOURCE) -> dict[str, dict[str, str]]:
    """Language → name → text. Raises TextsError, also when one language lacks a name."""
    texts = {language: read(language, folder) for language in LANGUAGES}
    names = {name for each in texts.values() for name in each}
    problems = [
        f"{language}.toml: {name} is missing, and another language has it: write it, or remove it there."
        for language, each in texts.items()
        for name in sorted(names - each.keys())
    ]
    if problems:
        raise TextsError(problems)
    return texts


def text(names: Iterable[str], language: str) -> str:
    """The sentences that somebody hears who is played these prompts, without marks of stress. KeyError: no such one."""
    texts = _read_once(language)
    words = " ".join(texts[name] for name in names).replace(STRESS, "").rstrip(",;:")
    return words if not words or words[-1] in ".!?" else words + "."


def known(names: Iterable[str]) -> bool:
    """Whether each of the names has a text in every language."""
    return all(name in _read_once(language) for name in names for language in LANGUAGES)


@cache
def _read_once(language: str) -> Mapping[str, str]:
    return read(language)


def _problems(file: str, texts: Mapping[str, object]) -> Iterator[str]:
    for name, words in texts.items():
        if not _NAME.fullmatch(name):
            yield f"{file}: {name}: a name is made of a-z, 0-9 and -."
        if not isinstance(words, str) or not any(map(str.isalpha, words)):
            yield f"{file}: {name}: write what is to be said, in quotes."
        elif any(map(str.isdigit, words)):
            # A voice reads «21 минуты» as it likes, in any case and gender.
            yield f"{file}: {name}: write numbers in words, as they are to be heard."
