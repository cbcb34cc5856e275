"""The public picture of a call: what a citizen's page and a supervisor's list are made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbx_bridge.call.model import Device, DeviceKind
from pbx_bridge.call.snapshot import snapshot
from tests.call.story import BY_CLICK, BY_SMS, CLOSED_TILL_NOON, Story


def test_an_accepted_call_shows_the_request_and_nothing_more() -> None:
    assert snapshot(Story.accepted().call) == {
        "id": "call_1",
        "ticket": "000000001",
        "state": "requested",
        "phase": "accepted",
        "phase_label": "принято",
        "previous_state": None,
        "outcome": None,
        "cause": None,
        "revision": 1,
        "attempt": 0,
        "service": "support",
        "user": {"id": "u-1", "phone": "+7916***4567"},
        "confirmation": None,
        "queue": None,
        "legs": [],
        "accepted_at": "2026-01-12T06:00:00.000Z",
        "answered_at": None,
        "ended_at": None,
        "scheduled_for": None,
        "scheduled_because": None,
        "direction": "outbound",
        "callback": False,
        "time_limit_s": 1800,
        "limit_at": None,
        "transfer": None,
        "recording": None,
        "session_id": None,
        "subject": "the SMS does not come",
        "client_ref": "ref-1",
    }


def test_a_scheduled_call_shows_when() -> None:
    picture = snapshot(Story.accepted().admitted(CLOSED_TILL_NOON).call)
    assert (picture["state"], picture["scheduled_for"]) == ("scheduled", "2026-01-12T12:00:00.000Z")
    assert picture["previous_state"] == "requested"


@pytest.mark.parametrize(
    ("story", "state"),
    [
        (Story.dialling(), "dialing"),
        (Story.dialling().rings(), "ringing"),
        (Story.dialling().answers(), "up"),
        (Story.queued(), "up"),
        (Story.talking(), "up"),
        (Story.talking().hangs_up(), "gone"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else value.state,
)
def test_the_citizens_leg_is_shown_masked_and_as_it_is(story: Story, state: str) -> None:
    leg = snapshot(story.call)["legs"][0]
    assert leg == {"party": "citizen", "device": {"kind": "mobile", "number": "+7916***4567"}, "state": state}


def test_a_device_without_a_number_shows_none() -> None:
    call = Story.dialling().call
    alice = replace(call.request, devices=(Device(DeviceKind.SIP, address="alice"),), phone=None)
    picture = snapshot(replace(call, request=alice))
    assert picture["legs"][0]["device"] == {"kind": "sip", "number": None}
    assert picture["user"]["phone"] is None


def test_agents_are_shown_while_they_ring_talk_and_after() -> None:
    offered = Story.queued().offered_to("ann").offered_to("bob")
    assert [(leg["agent"], leg["state"]) for leg in snapshot(offered.call)["legs"][1:]] == [
        ("ann", "ringing"),
        ("bob", "ringing"),
    ]
    over = Story.talking("ann").agent_hangs_up()
    assert snapshot(over.call)["legs"][1] == {"party": "agent", "agent": "ann", "state": "gone"}


def test_a_place_without_an_estimate_has_no_wait() -> None:
    assert snapshot(Story.queued().call)["queue"] == {"name": "support", "position": 3, "wait_s": None}
    assert snapshot(Story.dialling().call)["queue"] == {"name": "support", "position": None, "wait_s": None}


def test_an_answered_call_shows_its_limit_until_it_is_over() -> None:
    story = Story.dialling(time_limit_s=60).answers(after=1)
    assert snapshot(story.call)["answered_at"] == "2026-01-12T06:00:01.000Z"
    assert snapshot(story.call)["limit_at"] == "2026-01-12T06:01:01.000Z"
    assert snapshot(story.hangs_up().call)["limit_at"] is None


def test_an_ended_call_shows_why_in_words_and_in_codes() -> None:
    picture = snapshot(Story.dialling().leg_gone(486, 17).call)
    assert picture["outcome"] == "busy"
    assert picture["ended_at"] == "2026-01-12T06:00:00.100Z"
    assert picture["queue"] is None
    assert picture["cause"] == {
        "slug": "busy",
        "source": "network",
        "words": "the device is busy",
        "words_ru": "Ваш телефон занят.",
        "next_ru": "Завершите текущий разговор и повторите.",
        "sip": 486,
        "q850": 17,
    }


def test_where_nothing_is_to_be_done_no_step_is_named() -> None:
    assert snapshot(Story.talking().agent_hangs_up().call)["cause"]["next_ru"] is None


def test_a_page_learns_what_to_ask_for_and_until_when_but_never_the_code() -> None:
    story = Story.accepted(confirmation=BY_SMS).code_sent().mistyped()
    assert snapshot(story.call)["confirmation"] == {
        "by": "code",
        "channel": "sms",
        "to": "+7916***4567",
        "sent_at": "2026-01-12T06:00:00.100Z",
        "undelivered": False,
        "attempts_left": 2,
        "codes_left": 2,
        "expires_at": "2026-01-12T06:05:00.100Z",
    }
    assert snapshot(story.code_confirmed().call)["confirmation"] is None


def test_where_a_click_is_enough_nothing_is_said_about_codes() -> None:
    shown = snapshot(Story.accepted(confirmation=BY_CLICK).vouched().call)["confirmation"]
    assert shown == {
        "by": "click",
        "channel": None,
        "to": None,
        "sent_at": None,
        "undelivered": False,
        "attempts_left": None,
        "codes_left": None,
        "expires_at": "2026-01-12T06:05:00.000Z",
    }
