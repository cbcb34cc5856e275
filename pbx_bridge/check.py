"""`pbx-bridge check`: does what engineers have written fit together, before a citizen finds out that it does not?

It reads files only: nothing runs, nothing is asked. `doctor` asks what runs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from .check_asterisk_conf import BadConf, Conf, read_conf
from .check_members import check_members
from .check_queues import check_queues, queues_of
from .directory.reading import BadDirectory
from .directory.service import Directory
from .directory.soundness import file_of
from .findings import Finding
from .hours.calendar import known_until, runs_out
from .hours.opening import HORIZON_DAYS
from .hours.schedule import Observed
from .shelf import read_folder

QUEUES, PHONES, WIZARDS = "queues.conf", "pjsip.conf", "pjsip_wizard.conf"
#: Made where Asterisk runs (asterisk/conf.py), so not beside the files that engineers edit.
MADE = frozenset({"pjsip_transports.conf"})


@dataclass(frozen=True)
class Places:
    """Where the other files are: Asterisk's folder and that of the prompts' texts. None: not found, not named."""

    asterisk: Path | None
    prompts: Path | None


def check_folder(folder: Path, places: Places, today: date) -> list[Finding]:
    """All findings about a services folder, in the order in which they should be mended."""
    try:
        directory = read_folder(folder)
    except BadDirectory as bad:
        return [Finding("directory", "fail", str(problem)) for problem in bad.problems]
    words = f"{folder}: {len(directory.services)} services, {len(directory.agents)} agents"
    return [Finding("directory", "ok", words), *check_directory(directory, places, today)]


def check_directory(directory: Directory, places: Places, today: date) -> list[Finding]:
    """All findings about a directory that could be read."""
    return [
        *check_calendar(directory, today),
        *_prompts(directory, places.prompts),
        *_asterisk(directory, places.asterisk),
    ]


def check_calendar(directory: Directory, today: date) -> Iterator[Finding]:
    """Whether the days off of the coming weeks are known, and whether overrides are only of the past."""
    if any(each.hours.observed is Observed.RUSSIA for each in directory.services.values()):
        warning = runs_out(today)
        yield Finding("calendar", "warn" if warning else "ok", warning or f"days off are known until {known_until()}")
    for service in directory.services.values():
        if old := [each for each in service.hours.overrides if (today - each.last).days > HORIZON_DAYS]:
            words = f"{file_of(service)}: hours.override of {', '.join(map(str, old))} is long over: take it out"
            yield Finding("calendar", "warn", words)


def _prompts(directory: Directory, folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        words = "were not compared: name the folder of ru.toml and en.toml with --prompts"
        yield Finding("prompts", "warn", words)
        return
    wrong = list(_prompts_missing(directory, folder))
    yield from wrong or [Finding("prompts", "ok", f"all that services name are in {folder}")]


def _prompts_missing(directory: Directory, folder: Path) -> Iterator[Finding]:
    texts: dict[str, Mapping[str, object]] = {}
    for language in sorted({each for service in directory.services.values() for each in service.languages}):
        try:
            texts[language] = tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            yield Finding("prompts", "fail", f"{folder}/{language}.toml cannot be read ({error}): correct it")
    for service in directory.services.values():
        prompts = service.prompts
        # Those that dialplan/hotline.conf plays; without a number of its own nobody hears the general ones.
        named = {"prompts.welcome": prompts.welcome, "prompts.hours": prompts.hours}
        if service.numbers:
            named = {
                "prompts.welcome": prompts.welcome or "welcome",
                "prompts.hours": prompts.hours or f"hours-{service.id}",
            }
        for place, name in named.items():
            for language in service.languages:
                if name and language in texts and name not in texts[language]:
                    words = f"{file_of(service)}: {place}: {name} is not in {language}.toml: write its text there"
                    yield Finding("prompts", "fail", f"{words} (`make prompts`), or name another")


def _asterisk(directory: Directory, folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        words = "were not compared: name Asterisk's configuration folder with --asterisk-conf"
        yield Finding("queues", "warn", words)
        return
    try:
        queues_conf, *phones = _confs(folder)
    except BadConf as bad:
        yield Finding("asterisk", "fail", f"{bad}: correct it, Asterisk would not load it either")
        return
    yield from _missing([queues_conf, *phones])
    queues = queues_of(queues_conf)
    wrong = [*check_queues(directory, queues), *check_members(directory, queues, phones)]
    yield from wrong or [Finding("queues", "ok", f"{len(queues)} queues and their members fit the directory")]


def _confs(folder: Path) -> list[Conf]:
    there = [WIZARDS] if (folder / WIZARDS).is_file() else []
    return [read_conf(folder, name) for name in (QUEUES, PHONES, *there)]


def _missing(confs: Iterable[Conf]) -> Iterator[Finding]:
    for each in (each for conf in confs for each in conf.missing):
        where, _, name = each.partition(" ")
        if name not in MADE:
            words = f"{where}: #include names {name}, which is not there: Asterisk would refuse the file; correct it"
            yield Finding("asterisk", "fail", words)
