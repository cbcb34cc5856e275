"""The pure parts: when a try comes, what an answer means, whose turn it is, and where an address may lead."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.addresses import Reach, fault_of, is_among
from pbx_bridge.ledger.postings import Lane, target_of
from pbx_bridge.retry_after import asked_s
from pbx_bridge.webhooks.answer import Heard, Verdict
from pbx_bridge.webhooks.lanes import AILING, MOST_OF_LANE, MOST_TOGETHER, Lanes
from pbx_bridge.webhooks.schedule import JITTER, LONGEST, PAUSES_S, next_try
from tests.rooms.ledger_calls import NOON

SECOND = timedelta(seconds=1)
A, B = Lane("a"), Lane("b")


@given(st.integers(1, 9), st.floats(0, 1), st.floats(0, 86400))
def test_a_pause_is_never_shorter_than_the_schedule_nor_than_what_was_asked_for(
    tries: int, chance: float, asked: float
) -> None:
    at = next_try(tries, NOON, NOON, asked, chance)
    assert at is not None
    pause = (at - NOON).total_seconds()
    least = PAUSES_S[tries - 1]
    assert max(least, asked) - 1e-6 <= pause <= max(least * (1 + JITTER), asked) + 1e-6


def test_the_schedule_has_ten_tries_and_an_end() -> None:
    assert [next_try(tries, NOON, NOON, 0, 0) is None for tries in (9, 10, 11)] == [False, True, True]
    assert next_try(1, NOON, NOON + LONGEST, 0, 0) is not None
    assert next_try(1, NOON, NOON + LONGEST + SECOND, 0, 0) is None


@pytest.mark.parametrize("status", [199, 300, 301, 304, 400, 404, 409, 411, 429, 500, 503, 600, None])
def test_nothing_but_2xx_is_a_receipt(status: int | None) -> None:
    assert Heard(status, None if status else "no answer").verdict is Verdict.FAILED


def test_a_date_without_a_clock_is_held_against_ours() -> None:
    said = {"Retry-After": "Mon, 12 Jan 2026 12:05:00 GMT"}
    assert asked_s(said, 86400, NOON) == 300
    assert asked_s(said, 86400) == 0


# ── whose turn it is ──
def test_a_lane_begins_a_few_and_then_waits_for_an_end() -> None:
    lanes = Lanes()
    lanes.owed(A, NOON)
    assert lanes.wanted(NOON) == [(A, MOST_OF_LANE)]
    lanes.begun([(A, MOST_OF_LANE)], {A: MOST_OF_LANE}, NOON)
    assert lanes.wanted(NOON) == []
    assert lanes.next_at() is None
    lanes.ended(A, NOON, failed=False)
    assert lanes.wanted(NOON) == [(A, 1)]


def test_the_first_of_a_lane_never_waits_for_others() -> None:
    lanes = Lanes()
    for number in range(20):
        lane = Lane(f"slow{number}")
        lanes.owed(lane, NOON)
        lanes.begun([(lane, MOST_OF_LANE)], {lane: MOST_OF_LANE}, NOON)
    lanes.owed(B, NOON)
    assert lanes.next_at() == NOON
    assert lanes.wanted(NOON) == [(B, 1)]
    assert MOST_TOGETHER < 20 * (MOST_OF_LANE - 1), "or this would show nothing"


def test_who_keeps_failing_is_probed_after_pauses_that_rise_and_one_success_ends_it() -> None:
    lanes, at, probes = Lanes(), NOON, []
    for _ in range(AILING + 8):
        lanes.owed(A, at)
        begins = lanes.next_at()
        assert begins is not None
        at = max(at, begins)
        ((_, seats),) = lanes.wanted(at)
        probes.append((at, seats))
        lanes.begun([(A, seats)], {A: 1}, at)
        lanes.ended(A, at, failed=True)
    pauses = [(later - earlier).total_seconds() for (earlier, _), (later, _) in pairwise(probes)]
    assert pauses == [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [seats for _, seats in probes[AILING:]] == [1] * 8
    lanes.owed(A, at)
    lanes.begun([(A, 1)], {A: 1}, at + timedelta(minutes=1))
    assert lanes.ended(A, at, failed=False) is True
    lanes.owed(A, at)
    assert lanes.wanted(at) == [(A, MOST_OF_LANE)]


def test_a_lane_with_nothing_due_is_forgotten_and_one_that_ails_is_not() -> None:
    lanes = Lanes()
    lanes.owed(A, NOON)
    lanes.begun([(A, 4)], {}, NOON)
    assert lanes.next_at() is None
    assert lanes.wanted(NOON + timedelta(days=1)) == []


# ── where an address may lead ──
def test_what_the_operator_allows_is_in_reach_and_nothing_beside_it() -> None:
    own = Reach((ip_network("10.1.0.0/16"),), plain=True)
    for good in (
        "http://10.1.2.3/",
        "https://[::ffff:10.1.2.3]/",
        "https://hooks.internal/",
        "https://portal.example/",
    ):
        assert fault_of(good, own) is None
    for bad in ("http://10.2.0.1/", "https://127.0.0.1/", "ftp://10.1.2.3/", "https://10.1/"):
        assert fault_of(bad, own)
    assert fault_of("http://portal.example/", Reach())


def test_hosts_are_compared_as_names_are() -> None:
    assert target_of("https://Calls.Portal.Example.:8443/x") == "calls.portal.example"
    assert is_among("https://Calls.Portal.Example./", ["CALLS.portal.example"])
    assert not is_among("https://calls.portal.example.evil.example/", ["calls.portal.example"])
