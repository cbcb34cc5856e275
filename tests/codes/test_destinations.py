"""Which numbers may be rung."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pbx_bridge.destinations import Refusal, judge
from pbx_bridge.phone import Phone
from pbx_bridge.sandbox import NUMBERS, PREFIX
from pbx_bridge.settings import Destinations

RUSSIA = Destinations().prefixes


@pytest.mark.parametrize("number", ["+79161234567", "+74957770011", "+78005553535", "+79000000001"])
def test_telephones_of_the_country_may_be_rung(number: str) -> None:
    assert judge(Phone(number), [RUSSIA], premium=False) is None


@pytest.mark.parametrize("number", ["+12025550123", "+442079460018", "+77012345678", "+76000000000"])
def test_foreign_numbers_are_refused_those_of_a_neighbour_with_the_same_country_code_too(number: str) -> None:
    assert judge(Phone(number), [RUSSIA], premium=False) is Refusal.FOREIGN


@pytest.mark.parametrize("number", ["+78095551234", "+78031234567"])
def test_numbers_that_cost_extra_are_refused_unless_allowed(number: str) -> None:
    assert judge(Phone(number), [RUSSIA], premium=False) is Refusal.COSTLY
    assert judge(Phone(number), [RUSSIA], premium=True) is None


@pytest.mark.parametrize("number", ["+791612345670000", "+749577700110001"])
def test_a_number_with_digits_behind_its_end_is_not_another_number(number: str) -> None:
    """The plan of +7 has 14 digits for something that is no telephone; who drops four of them rings somebody else."""
    assert judge(Phone(number), [RUSSIA], premium=True) is Refusal.LENGTH


@pytest.mark.parametrize(
    ("lists", "allowed"),
    [
        ([None, None], True),
        ([("+7",), ("+7916",)], True),
        ([("+7",), ("+7495",)], False),
        ([("+7495",), None], False),
        ([("+",), None], True),
        ([()], False),
    ],
)
def test_operator_program_and_service_must_all_allow_it(lists: Sequence[Sequence[str] | None], allowed: bool) -> None:
    assert (judge(Phone("+79161234567"), lists, premium=False) is None) is allowed


@pytest.mark.parametrize("number", [row.number for row in NUMBERS])
def test_numbers_of_the_sandbox_may_be_rung_only_where_it_is_on(number: str) -> None:
    assert judge(Phone(number), [(*RUSSIA, PREFIX), ("+7916",)], premium=False) is None
    for off in ([RUSSIA], [("+",)], [None], [RUSSIA, (PREFIX,)]):
        assert judge(Phone(number), off, premium=True) is Refusal.FOREIGN
