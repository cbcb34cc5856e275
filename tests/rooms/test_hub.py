"""The hub hands on what was just committed, and never less than all of it."""

from __future__ import annotations

from datetime import UTC, datetime

from pbx_bridge.conductor.hub import HELD, Hub
from pbx_bridge.ledger import StoredEvent

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)


def event(sequence: int) -> StoredEvent:
    return StoredEvent(f"evt_{sequence}", "call_1", "portal", sequence, "call.updated", NOON, {})


def test_a_reader_takes_what_was_rung_once() -> None:
    hub = Hub()
    with hub.watch("call_1") as watch:
        hub.ring("call_1", 3, [event(2), event(3)])
        assert watch.take(1) == [event(2), event(3)]
        assert watch.take(3) is None


def test_what_the_reader_has_seen_is_left_out() -> None:
    hub = Hub()
    with hub.watch("call_1") as watch:
        hub.ring("call_1", 2, [event(2)])
        hub.ring("call_1", 3, [event(3)])
        assert watch.take(2) == [event(3)]


def test_a_gap_sends_the_reader_to_the_ledger() -> None:
    hub = Hub()
    with hub.watch("call_1") as watch:
        hub.ring("call_1", 3, [event(3)])
        assert watch.take(1) is None


def test_news_of_another_process_send_the_reader_to_the_ledger() -> None:
    hub = Hub()
    with hub.watch("call_1") as watch:
        hub.ring("call_1", 2, [event(2)])
        hub.ring("call_1", 3)
        assert watch.take(1) is None


def test_a_slow_reader_holds_little_and_reads_the_ledger() -> None:
    hub = Hub()
    with hub.watch("call_1") as watch:
        for sequence in range(1, HELD + 2):
            hub.ring("call_1", sequence, [event(sequence)])
        assert watch.take(0) is None


def test_nobody_is_told_about_a_stranger() -> None:
    hub = Hub()
    with hub.watch("call_2") as watch:
        hub.ring("call_1", 1, [event(1)])
        assert watch.take(0) is None
        assert watch.revision == 0
