"""The audit, page by page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pbx_bridge.ledger import AuditFilter, AuditLine, Ledger, StoredLine

from .ledger_calls import NOON
from .test_ledger_chain import MINUTE, line, six

__all__ = ["six"]

pytest_plugins = ["tests.ledger_plugin"]

FILTERS: list[tuple[AuditFilter, Callable[[AuditLine], bool]]] = [
    (AuditFilter(), lambda line: True),
    (AuditFilter(actor="portal"), lambda line: line.actor == "portal"),
    (AuditFilter(from_=NOON + 4 * MINUTE), lambda line: line.at >= NOON + 4 * MINUTE),
    (AuditFilter(to=NOON + 4 * MINUTE), lambda line: line.at < NOON + 4 * MINUTE),
    (AuditFilter(from_=NOON + MINUTE, to=NOON + 5 * MINUTE), lambda line: MINUTE <= line.at - NOON < 5 * MINUTE),
    (AuditFilter(from_=NOON + 9 * MINUTE), lambda line: False),
    (AuditFilter(actor="client:portal", from_=NOON + 5 * MINUTE), lambda line: line.at >= NOON + 5 * MINUTE),
]


@pytest.mark.parametrize(("filter_", "fits"), FILTERS, ids=[str(number) for number in range(len(FILTERS))])
async def test_a_page_has_the_lines_that_fit_and_the_next_one_goes_on(
    six: Ledger, filter_: AuditFilter, fits: Callable[[AuditLine], bool]
) -> None:
    await six.note([line(2, action="late"), line(0, action="later still")])
    wanted = [each for each in await six.audit() if fits(each.line)]
    if filter_.from_ or filter_.to:
        wanted.sort(key=lambda each: (each.line.at, each.id))
    assert await six.audit_page(filter_) == wanted
    read: list[StoredLine] = []
    while page := await six.audit_page(filter_, after=read[-1].id if read else 0, limit=2):
        read += page
    assert read == wanted


async def test_lines_about_a_citizen_are_found_by_who_can_ask_for_him(six: Ledger) -> None:
    (found,) = await six.audit_page(AuditFilter(citizen=("portal", "u-1")))
    assert (found.line.action, found.line.citizen) == ("act 4", None)
    assert found.mark
    assert "u-1" not in found.mark
    assert await six.audit_page(AuditFilter(citizen=("kiosk", "u-1"))) == []


async def test_lines_of_a_call_come_with_the_call_they_were_written_for(six: Ledger) -> None:
    call_id = (await six.audit(limit=1))[0].line.call_id
    assert [each.id for each in await six.audit_page(AuditFilter(call_id=call_id))] == [1]
