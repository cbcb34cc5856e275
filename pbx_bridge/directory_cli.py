"""`pbx-bridge check`, `hours` and `services`: the directory on the command line, by the same functions as over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from . import settings
from .check import QUEUES, Places, check_directory, check_folder
from .directory.availability import Availability, DayAhead, available, days_ahead
from .directory.reading import BadDirectory
from .directory.service import Directory, Service
from .findings import Finding
from .hours.opening import OutOfReach
from .hours.period import NotAZone, zone_of
from .shelf import shelf_of

Config = Annotated[Path | None, Parameter(name=["--config", "-c"], help="Configuration file; default PBX_CONFIG.")]
Lang = Literal["ru", "en"]

#: Where Asterisk's files and the prompts' texts lie when nobody says: beside the services folder, here, installed.
ASTERISK_CONF, ETC_ASTERISK, PROMPTS = "asterisk-conf", Path("/etc/asterisk"), "prompts"
_MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}
_DAYS = {"ru": ("пн", "вт", "ср", "чт", "пт", "сб", "вс"), "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_WORDS = {
    "ru": {
        "open": "открыто", "closed": "закрыто", "until": "до", "next": "откроется", "again": "затем откроется",
        "never": "в обозримое время не откроется", "callback": "обратный звонок", "now": "сразу",
        "none": "невозможен", "day off": "закрыто", "citizen": "у гражданина",
    },
    "en": {
        "open": "open", "closed": "closed", "until": "until", "next": "opens", "again": "opens again",
        "never": "does not open in the time ahead", "callback": "callback", "now": "at once",
        "none": "impossible", "day off": "closed", "citizen": "for the citizen",
    },
}  # fmt: skip

out = Console(highlight=False, soft_wrap=True)


class Refused(Exception):
    """What was asked for cannot be answered. The text says why and what to do."""


def register(app: App) -> None:
    """Put the commands into the command line."""
    for command in (check, hours):
        app.command(command)
    app.command(services_, name="services")


def tell(findings: Iterable[Finding], console: Console) -> int:
    """Print findings; the exit code: 1 when something must be mended."""
    code = 0
    for finding in findings:
        console.print(f"{_MARKS[finding.verdict]} {finding.part}: ", end="")
        console.print(finding.words, markup=False)
        code = 1 if finding.verdict == "fail" else code
    return code


def check(
    folder: Path | None = None,
    *,
    asterisk_conf: Path | None = None,
    prompts: Path | None = None,
    config: Config = None,
) -> int:
    """Check the services folder by itself and against Asterisk's files, before anything uses them.

    Parameters
    ----------
    folder
        The services folder; default: that of the configuration.
    asterisk_conf
        The folder with queues.conf and pjsip.conf; default: asterisk-conf beside it or here, else /etc/asterisk.
    prompts
        The folder with ru.toml and en.toml; default: prompts beside the folder or here.
    """
    wanted = None if folder else settings.load(config)
    used = folder or (wanted.directory if wanted else None) or settings.SHIPPED
    places = Places(asterisk_conf or _conf_beside(used), prompts or _beside(used, PROMPTS))
    today = datetime.now(UTC).date()
    if wanted and wanted.services:
        words = "services are entries of [services], without hours and callbacks: docs/how-to/directory.md moves them"
        findings = [Finding("directory", "warn", words), *check_directory(shelf_of(wanted).directory, places, today)]
    else:
        findings = check_folder(used, places, today)
    return tell(findings, out)


def hours(
    *,
    service: str | None = None,
    at: str | None = None,
    zone: str | None = None,
    days: int = 0,
    lang: Lang = "ru",
    config: Config = None,
) -> None:
    """Say what a service is at a moment: open or not, why, until when, and when a callback would ring.

    Parameters
    ----------
    service
        Its id; default: all of them.
    at
        2026-12-31T15:00+03:00, or "2026-12-31 15:00" by the desk's clock; default: now.
    zone
        Where the citizen lives, such as Asia/Kamchatka; default: where the desk is.
    days
        So many days ahead as a table, too.
    """
    if not 0 <= days <= 366:
        raise Refused("--days: give 0 to 366.")
    for each in _chosen(_directory(config), service):
        for line in _told(each, at, zone, days, lang):
            out.print(line, markup=False)


def services_(*, lang: Lang = "ru", config: Config = None) -> None:
    """All services: id, queue, public numbers, name."""
    directory = _directory(config)
    width = max(len(each.id) for each in directory.services.values())
    for each in directory.services.values():
        numbers = ", ".join(each.numbers) or "-"
        out.print(f"{each.id:{width}}  {each.queue:{width}}  {numbers:13}  {each.name(lang)}", markup=False)


def _directory(config: Path | None) -> Directory:
    try:
        return shelf_of(settings.load(config)).directory
    except BadDirectory as bad:
        raise Refused(f"The services folder cannot be used; `pbx-bridge check` says more:\n{bad}") from None


def _chosen(directory: Directory, id_: str | None) -> list[Service]:
    if id_ is None:
        return list(directory.services.values())
    if (found := directory.services.get(id_)) is None:
        raise Refused(f"There is no service {id_}. There are: {', '.join(directory.services)}.")
    return [found]


def _told(service: Service, at: str | None, zone: str | None, days: int, lang: Lang) -> Iterator[str]:
    home = service.hours.zone
    try:
        moment = _moment(at, home)
        found = available(service, zone or home, moment)
        yield f"{service.id}: {service.name(lang)}"
        yield from _sentences(found, home, zone or home, lang)
        for day in days_ahead(service, moment, days):
            yield _row(day, home, lang)
    except (OutOfReach, NotAZone) as error:
        raise Refused(f"{error}.") from None


def _sentences(found: Availability, home: str, zone: str, lang: Lang) -> Iterator[str]:
    words, zones = _WORDS[lang], list(dict.fromkeys([home, zone]))
    why = found.why_ru if lang == "ru" else found.why_en

    def when(at: datetime) -> str:
        return " = ".join(_clock(at, each, lang) for each in zones)

    yield f"  {when(found.at)}: {words['open' if found.open else 'closed']}, {why}"
    if found.until:
        yield f"  {words['until']} {when(found.until)}"
    if found.next_open_at:
        yield f"  {words['again' if found.open else 'next']} {when(found.next_open_at)}"
    elif not found.open:
        yield f"  {words['never']}"
    later = found.callback
    if later.at is None:
        yield f"  {words['callback']}: {words['none']}"
    elif later.at <= found.at:
        yield f"  {words['callback']}: {words['now']}"
    else:
        yield f"  {words['callback']}: {when(later.at)} ({later.ru if lang == 'ru' else later.en})"


def _row(day: DayAhead, home: str, lang: Lang) -> str:
    zone = zone_of(home)
    spans = ", ".join(
        # As the files write the end of a day.
        f"{each.start.astimezone(zone):%H:%M}-{each.end.astimezone(zone):%H:%M}".replace("-00:00", "-24:00")
        for each in day.spans
    )
    why = day.why_ru if lang == "ru" else day.why_en
    return f"  {_DAYS[lang][day.date.weekday()]} {day.date}  {spans or _WORDS[lang]['day off']:24} {why}"


def _clock(at: datetime, zone: str, lang: Lang) -> str:
    wall = at.astimezone(zone_of(zone))
    return f"{_DAYS[lang][wall.weekday()]} {wall:%Y-%m-%d %H:%M} {zone}"


def _moment(text: str | None, home: str) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f'--at: {text!r} is no moment: write 2026-12-31T15:00+03:00 or "2026-12-31 15:00".') from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone_of(home))


def _beside(folder: Path, name: str) -> Path | None:
    return next((each for each in (folder.absolute().parent / name, Path(name)) if each.is_dir()), None)


def _conf_beside(folder: Path) -> Path | None:
    found = _beside(folder, ASTERISK_CONF)
    return found or (ETC_ASTERISK if (ETC_ASTERISK / QUEUES).is_file() else None)
