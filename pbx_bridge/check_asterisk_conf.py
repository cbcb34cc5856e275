"""Asterisk's configuration files as `pbx-bridge check` reads them: sections with what templates lend them, and
#include'd files in their places.

As main/config.c of Asterisk 22 reads them, as far as queues.conf and pjsip.conf need it; no library is known that knows
templates. Nothing is run: #exec is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

#: Files that include each other end here, as in Asterisk (MAX_INCLUDE_LEVEL).
DEPTH = 10
_SECTION = re.compile(r"\[([^\]]*)\](?:\(([^)]*)\))?")
_COMMENT = re.compile(r"(?<!\\);.*")


class BadConf(Exception):
    """A file that Asterisk could not load, either. The text names file and line."""


@dataclass
class Section:
    """One section. `options` are in their order, those of its templates first; `where` is file and line."""

    name: str
    where: str
    template: bool = False
    options: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str, otherwise: str = "") -> str:
        """The last value of an option: the one that counts."""
        return next((value for key, value in reversed(self.options) if key == name), otherwise)

    def all(self, name: str) -> list[str]:
        """Every value of an option that may stand several times."""
        return [value for key, value in self.options if key == name]


@dataclass(frozen=True)
class Conf:
    """A file with all that it includes. `missing` are files that it names with #include and that are not there."""

    sections: Sequence[Section]
    missing: Sequence[str]

    def alive(self) -> list[Section]:
        """All that are no templates."""
        return [each for each in self.sections if not each.template]


def read_conf(folder: Path, name: str) -> Conf:
    """The file `name` of Asterisk's folder. Raises BadConf."""
    reader = _Reader(folder)
    if not (folder / name).is_file():
        raise BadConf(f"{folder / name} is not there")
    reader.file(folder / name, 0)
    return Conf(reader.sections, reader.missing)


class _Reader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._present: Section | None = None
        self.sections: list[Section] = []
        self.missing: list[str] = []

    def file(self, path: Path, depth: int) -> None:
        if depth > DEPTH:
            raise BadConf(f"{path.name}: files include each other: take one #include out")
        for number, line in _lines(path):
            where = f"{path.name}:{number}"
            if line.startswith("#"):
                self._directive(line, where, depth)
            elif line.startswith("["):
                self._section(line, where)
            else:
                self._option(line, where)

    def _directive(self, line: str, where: str, depth: int) -> None:
        word, _, rest = line[1:].partition(" ")
        if word not in ("include", "tryinclude"):
            return
        pattern = rest.strip().strip("\"<>'")
        found = sorted(path for each in glob(pattern, root_dir=self._folder) if (path := self._folder / each).is_file())
        if not found and word == "include":
            self.missing.append(f"{where} {pattern}")
        for path in found:
            self.file(path, depth + 1)

    def _section(self, line: str, where: str) -> None:
        match = _SECTION.match(line)
        if match is None:
            raise BadConf(f"{where}: a section begins with [ and its name, and ends with ]")
        flags = [flag.strip() for flag in (match[2] or "").split(",") if flag.strip()]
        name = match[1].strip()
        if "+" in flags:
            self._present = self._find(name, where)
        else:
            self._present = Section(name, where, "!" in flags)
            self.sections.append(self._present)
        for base in flags:
            if base not in ("!", "+"):
                self._present.options += self._find(base, where).options

    def _find(self, name: str, where: str) -> Section:
        found = next((each for each in self.sections if each.name == name), None)
        if found is None:
            raise BadConf(f"{where}: no section [{name}] stands above it to take from: write it, or take the name out")
        return found

    def _option(self, line: str, where: str) -> None:
        name, equals, value = line.partition("=")
        if self._present is None or not equals:
            raise BadConf(f"{where}: is neither a section nor `name = value`")
        self._present.options.append((name.strip().lower(), value.removeprefix(">").strip().replace("\\;", ";")))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that say something, without comments, each with its number."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConf(f"{path} cannot be read ({error}): let us read it, saved as UTF-8") from None
    # ;-- begins a comment over lines and --; ends it; the lines keep their numbers.
    text = re.sub(r";--(?!-).*?--;", lambda match: "\n" * match[0].count("\n"), text, flags=re.S)
    for number, line in enumerate(text.splitlines(), 1):
        if said := _COMMENT.sub("", line).strip():
            yield number, said
