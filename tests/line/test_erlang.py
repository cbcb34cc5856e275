"""Erlang's formulas against published values and against each other."""

from __future__ import annotations

from math import comb, exp, factorial, inf, isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.line.erlang import Load, erlang_a, erlang_b, erlang_c


@pytest.mark.parametrize(("lines", "erlangs"), [(5, 1.36), (10, 4.46), (100, 84.06)])
def test_one_call_in_a_hundred_is_blocked_where_the_tables_say_so(lines: int, erlangs: float) -> None:
    assert erlang_b(erlangs, lines) == pytest.approx(0.01, rel=0.005)


def test_the_textbook_desk_of_fourteen() -> None:
    """100 calls in half an hour of three minutes each: the example that call-centre handbooks reckon through."""
    figures = erlang_c(Load(100 / 1800, 180, 14), within_s=20)
    assert figures.waiting == pytest.approx(0.174, abs=0.001)
    assert figures.within == pytest.approx(0.888, abs=0.001)
    assert figures.mean_wait_s == pytest.approx(7.8, abs=0.1)


def test_the_fifty_agents_of_garnett_mandelbaum_and_reiman() -> None:
    """48 calls a minute of one minute each, patience two minutes: Erlang C and A beside each other."""
    load = Load(48 / 60, 60, 50)
    assert erlang_a(load, 120, 20).abandoned == pytest.approx(0.031, abs=0.0005)
    assert erlang_a(load, 120, 20).mean_wait_s == pytest.approx(3.7, abs=0.05)
    assert erlang_c(load, 20).mean_wait_s == pytest.approx(20.8, abs=0.05)


def test_more_load_than_agents_never_ends_unless_people_give_up() -> None:
    load = Load(1.0, 200, 100)
    assert erlang_c(load, 20).mean_wait_s == inf
    assert erlang_a(load, 300, 20).abandoned == pytest.approx(0.5, abs=0.01)


def test_who_has_endless_patience_makes_a_of_c() -> None:
    load = Load(100 / 1800, 180, 14)
    patient, endless = erlang_a(load, 1e8, 20), erlang_c(load, 20)
    assert patient.waiting == pytest.approx(endless.waiting, rel=1e-4)
    assert patient.within == pytest.approx(endless.within, rel=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 500), st.floats(0.01, 3), st.floats(30, 1000), st.floats(10, 3600))
def test_up_to_five_hundred_agents_all_figures_are_shares(
    agents: int, use: float, handle_s: float, patience_s: float
) -> None:
    load = Load(use * agents / handle_s, handle_s, agents)
    soon, late = erlang_a(load, patience_s, 20), erlang_a(load, patience_s, 1e5)
    for share in (soon.waiting, soon.within, soon.abandoned, soon.occupancy):
        assert isfinite(share)
        assert -1e-9 <= share <= 1 + 1e-9
    assert soon.within <= late.within + 1e-9
    assert late.within == pytest.approx(1 - late.abandoned, abs=1e-6)


def test_where_patience_equals_handle_time_the_service_level_is_an_exact_sum() -> None:
    """All present then leave at one rate, so their number is Poisson and waits are order statistics."""
    agents, erlangs, within = 5, 6.0, 0.3
    gone = 1 - exp(-within)
    total = 0.0
    for present in range(60):
        weight = exp(-erlangs) * erlangs**present / factorial(present)
        leave = range(present - agents + 1, present + 2)
        in_time = sum(comb(present + 1, k) * gone**k * (1 - gone) ** (present + 1 - k) for k in leave if k >= 0)
        total += weight * (1 if present < agents else agents / (present + 1) * in_time)
    figures = erlang_a(Load(erlangs, 1.0, agents), 1.0, within)
    assert figures.within == pytest.approx(total, rel=1e-6)


def test_a_load_without_agents_or_calls_is_refused() -> None:
    with pytest.raises(ValueError, match="agents"):
        Load(1.0, 200, 0)
