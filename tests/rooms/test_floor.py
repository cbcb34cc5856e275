"""Who is at a queue's desk, from what AMI says: pure, so each event by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pbx_bridge.asterisk import ami_answers
from pbx_bridge.asterisk.floor import Floor
from pbx_bridge.conductor.ports import Member

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
ANN = {"Queue": "support", "MemberName": "ann", "Interface": "PJSIP/ann", "Penalty": "2", "Status": "1", "Paused": "0"}


def heard(*events: dict[str, str], wrap_up_s: float = 5) -> Floor:
    floor = Floor(lambda queue: wrap_up_s)
    for event in events:
        assert floor.hear(event) == "support"
    return floor


def ann(floor: Floor, at: datetime = NOON) -> Member:
    return floor.seen("support", at).members[0]


def status(**more: str) -> dict[str, str]:
    return {**ANN, "Event": "QueueMemberStatus", **more}


@pytest.mark.parametrize(
    ("state", "busy"), [("1", False), ("2", True), ("3", True), ("6", True), ("7", True), ("8", True)]
)
def test_who_rings_or_talks_is_busy(state: str, busy: bool) -> None:
    assert ann(heard(status(Status=state))) == Member("ann", busy=busy, penalty=2)


@pytest.mark.parametrize("state", ["0", "4", "5"])
def test_a_telephone_that_is_not_there_takes_no_calls(state: str) -> None:
    assert not ann(heard(status(Status=state))).works


def test_who_pauses_is_there_with_a_reason_and_takes_no_calls() -> None:
    paused = ann(heard({**ANN, "Event": "QueueMemberPause", "Paused": "1", "PausedReason": "lunch"}))
    assert (paused.reachable, paused.paused, paused.reason, paused.works) == (True, True, "lunch", False)


def test_who_has_just_talked_wraps_up_for_so_long() -> None:
    floor = heard(status(LastCall=str(int(NOON.timestamp()))))
    assert ann(floor, NOON + timedelta(seconds=4.9)).busy
    assert not ann(floor, NOON + timedelta(seconds=5)).busy


def test_a_members_own_time_for_wrapping_up_goes_before_the_queues() -> None:
    floor = heard(status(LastCall=str(int(NOON.timestamp())), Wrapuptime="20"))
    assert ann(floor, NOON + timedelta(seconds=19)).busy


def test_who_is_said_to_be_in_a_call_is_busy_whatever_the_telephone_says() -> None:
    assert ann(heard(status(InCall="1"))).busy


def test_who_logs_out_is_gone() -> None:
    assert heard(status(), {**ANN, "Event": "QueueMemberRemoved"}).seen("support", NOON).members == ()


def test_all_who_wait_are_counted_ours_or_not() -> None:
    floor = heard({"Event": "QueueCallerJoin", "Queue": "support", "Count": "3"})
    assert floor.seen("support", NOON).waiting == 3
    floor.hear({"Event": "QueueCallerLeave", "Queue": "support", "Count": "2"})
    assert floor.seen("support", NOON).waiting == 2


def test_what_is_about_no_queue_changes_nothing() -> None:
    assert Floor().hear({"Event": "AgentConnect", "Queue": "support"}) is None
    assert Floor().hear({"Event": "QueueMemberStatus"}) is None


def test_a_list_sets_everything_right() -> None:
    floor = heard(
        status(Status="6"), {**ANN, "MemberName": "bob", "Interface": "PJSIP/bob", "Event": "QueueMemberAdded"}
    )
    listed = [
        {"Event": "QueueParams", "Queue": "support"},
        {"Event": "QueueMember", "Queue": "support", "Name": "ann", "Location": "PJSIP/ann", "Status": "1"},
        {"Event": "QueueEntry", "Queue": "support", "Position": "1", "Uniqueid": "1.1"},
    ]
    floor.reset(ami_answers.queue_status(listed).queues.values())
    seen = floor.seen("support", NOON)
    assert (seen.members, seen.waiting, seen.agents, seen.free) == ((Member("ann"),), 1, 1, 1)
