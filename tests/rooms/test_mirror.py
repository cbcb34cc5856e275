"""What Asterisk must know for the time when nobody can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.asterisk.ami import Ami
from pbx_bridge.asterisk.errors import AmiTimeout, UnsafeValue
from pbx_bridge.asterisk.mirror import DAYS, keep, wanted
from pbx_bridge.call.model import Terms
from pbx_bridge.directory.service import Agent, Directory, Limits, Prompts, Service
from pbx_bridge.hours.opening import opening
from pbx_bridge.hours.schedule import ALWAYS, DESK, Schedule

MORNING = datetime(2026, 1, 12, 6, tzinfo=UTC)
LINE = Service("support", "support", DESK, numbers=("8 (800) 100-20-30", "+74951234567"), languages=("ru", "en"))


def rows(service: Service = LINE, **more: object) -> dict[str, str]:
    return dict(wanted(Directory({service.id: service}), MORNING, **more))  # type: ignore[arg-type]


def test_a_number_is_looked_up_by_its_last_digits() -> None:
    numbers = {name: value for name, value in rows().items() if name.startswith("pbx-bridge-numbers/")}
    assert numbers == {"pbx-bridge-numbers/8001002030": "support", "pbx-bridge-numbers/4951234567": "support"}


def test_a_service_has_its_queue_its_limits_and_its_prompts() -> None:
    assert rows()["pbx-bridge-service/support"] == "support|900|1800|welcome|hours-support|ru"
    own = Service(
        "reference", "desk", ALWAYS, languages=("en",), limits=Limits(queue_s=60), prompts=Prompts("hello", "always")
    )
    terms = Terms(time_limit_s=600, queue_s=120)
    assert rows(own, terms=terms)["pbx-bridge-service/reference"] == "desk|60|600|hello|always|en"


def test_a_working_day_is_open_from_nine_to_eight_in_moscow() -> None:
    day = int(MORNING.timestamp()) // 86400
    nine, eight = (datetime(2026, 1, 12, hour, tzinfo=UTC).timestamp() for hour in (6, 17))
    assert rows()[f"pbx-bridge-hours/support/{day}"] == f"{nine:.0f}-{eight:.0f}"


def test_a_day_without_hours_is_there_and_closed() -> None:
    never = Schedule("Europe/Moscow", ((),) * 7)
    assert (
        rows(Service("x", "support", never), days=1)[f"pbx-bridge-hours/x/{int(MORNING.timestamp()) // 86400}"] == "0-0"
    )


def test_a_day_ends_at_midnight_though_the_desk_stays_open() -> None:
    day = int(MORNING.timestamp()) // 86400
    weekdays = Schedule("Europe/Moscow", (*ALWAYS.week[:5], (), ()))
    for hours in (ALWAYS, weekdays):
        always = rows(Service("x", "support", hours), days=2)
        assert always[f"pbx-bridge-hours/x/{day}"] == f"{day * 86400}-{(day + 1) * 86400}"


def test_sixty_days_are_known() -> None:
    assert DAYS == 60
    assert sum(name.startswith("pbx-bridge-hours/support/") for name in rows()) == DAYS


def test_agents_and_reasons_for_pauses_are_known() -> None:
    ann, bob = Agent("ann", "Анна", {"support": 0, "citizens": 1}), Agent("bob", "Боб", {})
    known = wanted(Directory({}, {"ann": ann, "bob": bob}, {"1": "обед"}), MORNING, agi="127.0.0.1:4573")
    assert known == {
        "pbx-bridge-agents/ann": "support:0,citizens:1",
        "pbx-bridge-pauses/1": "обед",
        "pbx-bridge-hotline/agi": "127.0.0.1:4573",
    }


@given(st.integers(0, 59), st.integers(0, 86399))
def test_what_is_written_down_is_what_the_service_would_say(day: int, second: int) -> None:
    at = datetime(2026, 1, 12, tzinfo=UTC) + timedelta(days=day, seconds=second)
    epoch = int(at.timestamp())
    spans = ROWS[f"pbx-bridge-hours/support/{epoch // 86400}"].split(",")
    is_open = any(int(start) <= epoch < int(end) for start, end in (span.split("-") for span in spans))
    assert is_open == opening(DESK, at).open


ROWS = rows()


# ── keeping it ───────────────────────────────────────────────────────────────────────────────────────────
class Book:
    """An AstDB, and how it is asked."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.rows = {"pbx-bridge/1/pb.call_x.1": "a trace", "pbx-bridge-round/1": "2"}
        self.done: list[str] = []
        self._deaf = deaf

    async def db_tree(self, family: str) -> dict[str, str]:
        start = f"{family}/"
        return {name.removeprefix(start): value for name, value in self.rows.items() if name.startswith(start)}

    async def db_del(self, family: str, key: str) -> None:
        self.done.append(f"- {family}/{key}")
        del self.rows[f"{family}/{key}"]

    async def action(self, name: str, **fields: str) -> None:
        assert (name, fields["Context"], fields["Exten"]) == ("Originate", "mirror", "write")
        assert len(f"Variable: {fields['Variable']}".encode()) < 1000
        assert "," not in fields["Variable"], "a comma begins another variable"
        if not self._deaf:
            for name, value in _pairs(fields["Variable"]):
                self.done.append(f"+ {name}")
                self.rows[name] = value

    @property
    def kept(self) -> dict[str, str]:
        return {
            name: value for name, value in self.rows.items() if name.startswith("pbx-bridge-") and "round" not in name
        }


def _pairs(variable: str) -> Iterator[tuple[str, str]]:
    """As dialplan/hotline.conf reads it."""
    for pair in variable.removeprefix("PB_ROWS=").split("&"):
        name, value = pair.split("=")
        yield name, value.replace("^", ",")


async def kept(book: Book, wanted_rows: dict[str, str], within_s: float = 1.0) -> int:
    return await keep(cast(Ami, book), wanted_rows, within_s=within_s)


async def test_all_is_written_and_then_nothing() -> None:
    book = Book()
    assert await kept(book, ROWS) == len(ROWS)
    assert book.kept == ROWS
    book.done.clear()
    assert await kept(book, ROWS) == 0
    assert book.done == []


async def test_only_what_differs_is_touched() -> None:
    book = Book()
    await kept(book, ROWS)
    book.done.clear()
    changed = {**ROWS, "pbx-bridge-pauses/1": "lunch"}
    del changed["pbx-bridge-numbers/4951234567"]
    assert await kept(book, changed) == 2
    assert book.done == ["- pbx-bridge-numbers/4951234567", "+ pbx-bridge-pauses/1"]


async def test_a_number_comes_last_and_goes_first() -> None:
    book = Book()
    await kept(book, ROWS)
    assert ["numbers" in each for each in book.done[-2:]] == [True, True]
    book.done.clear()
    await kept(book, {})
    assert ["numbers" in each for each in book.done[:2]] == [True, True]


async def test_what_is_not_ours_stays() -> None:
    book = Book()
    await kept(book, ROWS)
    await kept(book, {})
    assert book.rows == Book().rows


@pytest.mark.parametrize("value", ['"]x', "a\nb", "${X}", "a=b", "a&b", "a^b", "", "a;b"])
async def test_what_dialplan_would_misread_is_refused_before_anything_is_written(value: str) -> None:
    book = Book()
    with pytest.raises(UnsafeValue):
        await kept(book, {**ROWS, "pbx-bridge-pauses/1": value})
    assert book.done == []


@pytest.mark.parametrize("name", ["pbx-bridge-pauses/a b", "pbx-bridge-pauses/", "pbx-bridge-pauses/)x", "x"])
async def test_a_name_that_dialplan_would_misread_is_refused(name: str) -> None:
    with pytest.raises(UnsafeValue):
        await kept(Book(), {name: "1"})


async def test_what_asterisk_does_not_write_is_told() -> None:
    with pytest.raises(AmiTimeout, match="not in its database"):
        await kept(Book(deaf=True), ROWS, within_s=0.05)
