"""What Asterisk must know for the time when nobody can be asked: which number belongs to which service, when that is
open, how its callers are treated, who may log in to which queue.

It lies in AstDB, where dialplan/hotline.conf and dialplan/agents.conf read it. `wanted` is pure; `keep` makes it so, by
the dialplan: over AMI only write=system may write AstDB, and that is a key to the whole machine.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta

from ..call.model import Terms
from ..directory.service import Directory, Service
from ..directory.terms import terms_for
from ..hours.opening import opening
from ..hours.schedule import Schedule
from .act import spoken
from .ami import Ami
from .errors import AmiTimeout, UnsafeValue

SERVICE, HOURS, NUMBERS = "pbx-bridge-service", "pbx-bridge-hours", "pbx-bridge-numbers"
AGENTS, PAUSES, HOTLINE = "pbx-bridge-agents", "pbx-bridge-pauses", "pbx-bridge-hotline"
#: In the order of writing: a number comes when what stands behind it has come.
FAMILIES = (SERVICE, HOURS, AGENTS, PAUSES, HOTLINE, NUMBERS)

#: Days ahead. For as long Asterisk knows when a desk is open, with no service to ask; after that it is taken for open.
DAYS = 60
#: Bytes of rows that one action carries: an AMI line holds 1000.
LONGEST_BUNDLE = 900
#: How long writing may take, and between two looks whether it is done (seconds).
WRITTEN_S, LOOK_S = 5.0, 0.02

_DAY = timedelta(days=1)
_KEY = re.compile(r"[\w.:@+-]+(/[\w.:@+-]+)+")
# In dialplan these stand between quotes of an expression.
_VALUE = re.compile(r"[\w.:,|@+ -]+")


def wanted(
    directory: Directory, at: datetime, days: int = DAYS, *, terms: Terms | None = None, agi: str = ""
) -> Mapping[str, str]:
    """AstDB name → value. `terms` are the operator's; `agi` is where the service answers Asterisk (host:port)."""
    rows: dict[str, str] = {}
    for service in directory.services.values():
        rows[f"{SERVICE}/{service.id}"] = _row(service, terms or Terms())
        rows |= {f"{HOURS}/{service.id}/{day}": spans for day, spans in _days(service.hours, at, days)}
        rows |= {f"{NUMBERS}/{_last_digits(number)}": service.id for number in service.numbers}
    for agent in directory.agents.values():
        if agent.queues:
            rows[f"{AGENTS}/{agent.id}"] = ",".join(f"{queue}:{penalty}" for queue, penalty in agent.queues.items())
    rows |= {f"{PAUSES}/{digits}": reason for digits, reason in directory.pause_reasons.items()}
    if agi:
        rows[f"{HOTLINE}/agi"] = agi
    return rows


def _row(service: Service, base: Terms) -> str:
    terms = terms_for(service, base, None)
    prompts = service.prompts
    fields = (
        service.queue,
        terms.queue_s,
        terms.time_limit_s,
        prompts.welcome or "welcome",
        prompts.hours or f"hours-{service.id}",
        spoken(service.languages[0] if service.languages else ""),
    )
    return "|".join(map(str, fields))


def _last_digits(number: str) -> str:
    """As from-trunk looks it up."""
    return "".join(filter(str.isdigit, number))[-10:]


def _days(hours: Schedule, at: datetime, days: int) -> Iterator[tuple[int, str]]:
    """Each day's number since 1970 and its open spans, cut at its ends. A closed day has a span of no length: no row
    at all would mean that nothing is known."""
    first = datetime.combine(at.astimezone(UTC).date(), time(), UTC)
    for number in range(days):
        day = first + number * _DAY
        spans = ",".join(f"{start:.0f}-{end:.0f}" for start, end in _spans(hours, day, day + _DAY))
        yield int(day.timestamp()) // 86400, spans or "0-0"


def _spans(hours: Schedule, begin: datetime, end: datetime) -> Iterator[tuple[float, float]]:
    moment: datetime | None = begin
    while moment is not None and moment < end:
        answer = opening(hours, moment)
        if answer.open:
            until = min(answer.until or end, end)
            yield moment.timestamp(), until.timestamp()
            moment = until
        else:
            moment = answer.next_open_at


async def keep(ami: Ami, rows: Mapping[str, str], *, within_s: float = WRITTEN_S) -> int:
    """Write what differs, delete what is not wanted; how many rows that were. Returns when it is so.

    Raises AmiError's children; UnsafeValue before anything is written.
    """
    for name, value in rows.items():
        if name.partition("/")[0] not in FAMILIES or not _KEY.fullmatch(name) or not _VALUE.fullmatch(value):
            raise UnsafeValue(
                f"{name.partition('/')[0]}: a name or a value has a character that dialplan would misread"
            )
    present = await _present(ami)
    gone = [name for name in present if name not in rows]
    changed = {name: value for name, value in rows.items() if present.get(name) != value}
    for family in reversed(FAMILIES):
        mine = [name for name in gone if name.startswith(f"{family}/")]
        await asyncio.gather(*(ami.db_del(*name.split("/", 1)) for name in mine))
    for bundle in _bundles(dict(sorted(changed.items(), key=_turn))):
        await ami.action(
            "Originate",
            Channel="Local/listen@mirror",
            Context="mirror",
            Exten="write",
            Priority=1,
            Async="true",
            Variable=f"PB_ROWS={bundle}",
        )
    if changed:
        await _written(ami, rows, within_s)
    return len(gone) + len(changed)


def _turn(row: tuple[str, str]) -> int:
    return FAMILIES.index(row[0].partition("/")[0])


async def _present(ami: Ami) -> dict[str, str]:
    present: dict[str, str] = {}
    for family in FAMILIES:
        present |= {f"{family}/{key}": value for key, value in (await ami.db_tree(family)).items()}
    return present


async def _written(ami: Ami, rows: Mapping[str, str], within_s: float) -> None:
    """The dialplan writes at its own pace."""
    try:
        async with asyncio.timeout(within_s):
            while await _present(ami) != rows:  # noqa: ASYNC110 - AstDB has no events
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise AmiTimeout(f"What Asterisk must know was not in its database within {within_s:g} s.") from None


def _bundles(rows: Mapping[str, str]) -> Iterator[str]:
    """name=value&name=value, each as long as one line of AMI can be. A comma would begin another variable there, so
    it travels as ^."""
    bundle = ""
    for name, value in rows.items():
        row = f"{name}={value.replace(',', '^')}"
        if bundle and len(bundle) + len(row) > LONGEST_BUNDLE:
            yield bundle
            bundle = ""
        bundle += f"&{row}" if bundle else row
    if bundle:
        yield bundle
