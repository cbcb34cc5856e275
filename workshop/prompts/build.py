"""Make what is missing or has another text, and remove what has no text any more."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from workshop.prefix import PrefixError
from workshop.prefix.building import Say, alone
from workshop.prefix.place import TREE
from workshop.prompts import debian, sound
from workshop.prompts.texts import SOURCE, TextsError, read_all
from workshop.prompts.voices import NAMES, Espeak, Festival, Voices

# Raise it when what is done to the voices' recordings changes: all prompts are then made anew.
RECIPE = 1
STAMPS = "stamps.json"
#: So many are spoken at once; a stopped build loses no more than these.
BATCH = 60


def default_folder() -> Path:
    """The folder named by PBX_PROMPTS, or .cache/prompts in the tree. It holds ru/ and en/."""
    named = os.environ.get("PBX_PROMPTS")
    return Path(named).absolute() if named else TREE / ".cache" / "prompts"


def build(
    folder: Path, say: Say = print, *, source: Path = SOURCE, voices: Voices | None = None, again: bool = False
) -> int:
    """Bring `folder`/language/name.wav to the texts' state; returns how many files were made.

    Takes a lock. With `again` every file is made; `voices` are festival's when not given, else espeak-ng's.
    Raises TextsError, PrefixError.
    """
    texts = read_all(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        wanted = {language: _stale(folder / language, language, each, again) for language, each in texts.items()}
        for language, each in texts.items():
            _remove_others(folder / language, each)
        total = sum(map(len, wanted.values()))
        if total:
            voices = voices or _choose(say)
            for language, stale in wanted.items():
                _make(folder / language, language, stale, voices, say)
            say(f"Prompts: {total} made in {folder}")
    return total


def _choose(say: Say) -> Voices:
    try:
        return debian.ensure(debian.default_root(), say)
    except PrefixError as error:
        if not Espeak.found():
            raise PrefixError(f"{error} Or let another voice speak: apt-get install espeak-ng") from None
        say(f"Prompts: espeak-ng speaks, because festival could not be had. {error}")
        return Espeak()


def _stale(folder: Path, language: str, texts: Mapping[str, str], again: bool) -> dict[str, str]:
    """The texts without a file of theirs. Whichever voice spoke it: a fallback is not replaced by every make."""
    stamps = {} if again else _stamps(folder)
    voices: tuple[Voices, ...] = (Festival, Espeak)  # type: ignore[assignment]
    return {
        name: text
        for name, text in texts.items()
        if stamps.get(name) not in {_stamp(text, each.name(language)) for each in voices}
        or not (folder / f"{name}.wav").exists()
    }


def _make(folder: Path, language: str, texts: Mapping[str, str], voices: Voices, say: Say) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stamps = _stamps(folder)
    left = iter(texts.items())
    done = 0
    while batch := dict(islice(left, BATCH)):
        say(f"Prompts: {NAMES[language]}, {done} of {len(texts)}")
        with tempfile.TemporaryDirectory(prefix="speaking-", dir=folder.parent) as scratch:
            voices.speak(batch, language, Path(scratch))
            for name, text in batch.items():
                _finish(Path(scratch) / f"{name}.wav", folder / f"{name}.wav", text)
                stamps[name] = _stamp(text, voices.name(language))
        _save(folder, stamps)
        done += len(batch)


def _finish(spoken: Path, target: Path, text: str) -> None:
    try:
        sound.write(target, sound.finish(*sound.read(spoken), text))
    except sound.NoSound:
        raise TextsError([f"{target.parent.name}.toml: {target.stem}: no voice says {text!r}: write words."]) from None


def _stamp(text: str, voice: str) -> str:
    return hashlib.sha256(f"{RECIPE}\n{voice}\n{text}".encode()).hexdigest()


def _stamps(folder: Path) -> dict[str, str]:
    try:
        stamps = json.loads((folder / STAMPS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def _save(folder: Path, stamps: Mapping[str, str]) -> None:
    draft = folder / f"{STAMPS}.new"
    draft.write_text(json.dumps(stamps, indent=0, sort_keys=True), encoding="utf-8")
    draft.replace(folder / STAMPS)


def _remove_others(folder: Path, texts: Mapping[str, str]) -> None:
    for path in folder.glob("*.wav"):
        if path.stem not in texts:
            path.unlink()
