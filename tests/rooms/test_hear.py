"""What Asterisk says, and what it means for a call. The messages are taped (tests/rooms/tapes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx_bridge.asterisk import hear
from pbx_bridge.call import events as e
from tests.rooms.tape import NAMES, Heard, dialled, played, tape

LEG = "pb.call_x.1"

#: tape → the states it leads through, outcome, cause, and the terms that were dialled with.
STORIES: dict[str, tuple[str, str, str, dict[str, int]]] = {
    "served": (
        "ringing answered queued offered talking on_hold talking ended",
        "completed",
        "agent_hung_up",
        {},
    ),
    "citizen_leaves": ("ringing answered queued offered talking ended", "completed", "citizen_hung_up", {}),
    "redirected": (
        "ringing answered queued offered talking queued offered talking ended",
        "completed",
        "agent_hung_up",
        {},
    ),
    "agent_declines": (
        "ringing answered queued offered queued offered talking ended",
        "completed",
        "citizen_hung_up",
        {},
    ),
    "abandoned": ("ringing answered queued offered ended", "abandoned", "hung_up_waiting", {}),
    "two_wait": ("ringing answered queued ended", "abandoned", "hung_up_waiting", {}),
    "queue_timeout": ("ringing answered queued offered ended", "queue_timeout", "queue_timeout", {"queue_s": 3}),
    "empty": ("ringing answered ended", "queue_timeout", "queue_empty", {}),
    "unknown_queue": ("ringing answered ended", "failed", "queue_unknown", {}),
    "limit": ("ringing answered queued offered talking ended", "time_limit", "time_limit", {}),
    "limit_waiting": ("answered queued offered ended", "time_limit", "time_limit", {}),
    "busy": ("ended", "busy", "busy", {}),
    "declined": ("ringing ended", "rejected", "rejected", {}),
    "no_answer": ("ringing ended", "no_answer", "no_answer", {"ring_s": 3}),
    "trying": ("ended", "unreachable", "silent_device", {"ring_s": 3}),
    "code403": ("ended", "rejected", "refused_by_network", {}),
    "code404": ("ended", "invalid_number", "unknown_number", {}),
    "code480": ("ended", "unreachable", "unavailable", {}),
    "code503": ("ended", "congestion", "congestion", {}),
    "code603": ("ended", "rejected", "rejected", {}),
}
#: Ended by a request that no tape holds.
ABORTED = {"aborted", "aborted_ringing"}


def test_every_tape_is_played() -> None:
    assert set(NAMES) == set(STORIES) | ABORTED


@pytest.mark.parametrize("name", sorted(STORIES))
def test_a_taped_call_ends_as_it_did(name: str) -> None:
    path, outcome, cause, terms = STORIES[name]
    story = played(dialled(tape(name), **terms), list(tape(name).facts()))
    assert story.end == (outcome, cause)
    assert " ".join(story.path[2:]) == path


@pytest.mark.parametrize("name", sorted(ABORTED))
def test_a_hang_up_that_was_asked_for_is_nobodys_goodbye(name: str) -> None:
    facts = [heard.fact for heard in tape(name).facts()]
    assert not any(isinstance(fact, e.DeviceHungUp) for fact in facts)
    story = played(dialled(tape(name)), [each for each in tape(name).facts() if each.at < 0.2])
    if story.state != "ended":
        story.aborted()
        played(story, [each for each in tape(name).facts() if each.at >= 0.2])
        assert story.end == ("cancelled", "aborted")


@pytest.mark.parametrize("name", ["served", "citizen_leaves", "abandoned", "limit", "agent_declines", "queue_timeout"])
@settings(max_examples=50, deadline=None)
@given(order=st.randoms(use_true_random=False))
def test_a_taped_call_ends_the_same_whichever_connection_is_quicker(name: str, order: Any) -> None:
    _, outcome, cause, terms = STORIES[name]
    facts = list(tape(name).facts())
    story = played(dialled(tape(name), **terms), _shuffled(facts, order))
    assert story.end == (outcome, cause)


def _shuffled(facts: list[Heard], order: Any) -> list[Heard]:
    """Another order of the two wires that keeps the order of each; the leg's end comes last."""
    gone = [heard for heard in facts if isinstance(heard.fact, e.DeviceGone)]
    wires = [[heard for heard in facts if heard.wire == wire and heard not in gone] for wire in ("ari", "ami")]
    mixed: list[Heard] = []
    while any(wires):
        mixed.append(order.choice([wire for wire in wires if wire]).pop(0))
    return mixed + gone


@pytest.mark.parametrize("name", NAMES)
def test_what_happens_on_agents_channels_is_nobodys_fact(name: str) -> None:
    for wire, _, message in tape(name).messages:
        ours = (message.get("channel") or {}).get("id", message.get("Uniqueid", ""))
        fact = hear.from_ari(message) if wire == "ari" else hear.from_ami(message)
        assert fact is None or fact.leg == ours
        assert fact is None or ours.startswith("pb.")


def test_only_events_that_carry_facts_or_places_are_asked_for() -> None:
    told = {
        message["Event"]
        for name in NAMES
        for wire, _, message in tape(name).messages
        if wire == "ami" and hear.from_ami(message)
    }
    # No tape has a transfer or an agent's hold; tests/real/test_transfers.py has them from Asterisk.
    assert told | {"QueueCallerLeave", "Hold", "Unhold", "BlindTransfer", "AttendedTransfer"} == hear.AMI_EVENTS


# ── one message at a time ────────────────────────────────────────────────────────────────────────────────
def ari(type_: str, state: str = "Up", leg: str = LEG, **more: object) -> Mapping[str, Any]:
    return {"type": type_, "channel": {"id": leg, "name": "PJSIP/operator-1", "state": state}, **more}


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        (ari("ChannelStateChange", "Ringing"), e.DeviceRang(LEG)),
        (ari("ChannelStateChange", "Up"), e.DeviceAnswered(LEG)),
        (ari("ChannelStateChange", "Down"), None),
        (ari("ChannelHangupRequest", "Up"), e.DeviceHungUp(LEG)),
        (ari("ChannelHangupRequest", "Up", soft=True, cause=16), None),
        (ari("ChannelHangupRequest", "Up", soft=False, cause=16), e.DeviceHungUp(LEG)),
        (ari("ChannelHangupRequest", "Ringing", cause=21), None),
        (ari("ChannelDestroyed", cause=17, tech_cause=486), e.DeviceGone(LEG, 486, 17)),
        (ari("ChannelDestroyed", cause=0), e.DeviceGone(LEG, None, None)),
        (ari("ChannelHold"), e.Held(LEG)),
        (ari("ChannelUnhold"), e.Unheld(LEG)),
        (ari("ChannelEnteredBridge"), None),
        ({"type": "ChannelHold"}, None),
        ({"type": "ApplicationReplaced", "application": "pbx-bridge"}, None),
        ({}, None),
    ],
)
def test_a_message_of_ari_and_its_fact(message: Mapping[str, Any], fact: e.LegEvent | None) -> None:
    assert hear.from_ari(message) == fact


def user_event(name: str, **said: str) -> Mapping[str, Any]:
    return ari("ChannelUserevent", eventname=name, userevent={"eventname": name, **said})


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        (user_event("PbxBridge", Fact="queue-left", Queue="support", Status="TIMEOUT"), e.QueueLeft(LEG, "TIMEOUT")),
        (user_event("PbxBridge", Fact="queue-left", Queue="nowhere", Status=""), e.QueueLeft(LEG, "UNKNOWN")),
        (user_event("PbxBridge", Fact="queue-left"), e.QueueLeft(LEG, "UNKNOWN")),
        (user_event("PbxBridge", Fact="limit-reached"), e.LimitReached(LEG)),
        (user_event("PbxBridge", Fact="queue-left", Status="CLOSED"), e.QueueLeft(LEG, "CLOSED")),
        (user_event("PbxBridge", Fact="nobody"), e.MachineAnswered(LEG)),
        (user_event("PbxBridge", Fact="chosen", Choice="callback"), e.Chosen(LEG, e.Choice.CALLBACK)),
        (user_event("PbxBridge", Fact="chosen", Choice="later"), e.Chosen(LEG, e.Choice.LATER)),
        (user_event("PbxBridge", Fact="chosen", Choice="cancel"), e.Chosen(LEG, e.Choice.CANCEL)),
        (user_event("PbxBridge", Fact="chosen", Choice="something-else"), None),
        (user_event("PbxBridge", Fact="chosen"), None),
        (user_event("PbxBridge", Fact="something-else"), None),
        (user_event("SomebodyElse", Fact="limit-reached"), None),
        (ari("ChannelUserevent", eventname="PbxBridge"), None),
    ],
)
def test_what_the_dialplan_says(message: Mapping[str, Any], fact: e.LegEvent | None) -> None:
    assert hear.from_ari(message) == fact


def ami(event: str, leg: str = LEG, **more: str) -> Mapping[str, str]:
    return {"Event": event, "Uniqueid": leg, "Queue": "support", "MemberName": "ann", **more}


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        (ami("QueueCallerJoin", Position="4"), e.QueueJoined(LEG, "support", 4)),
        (ami("QueueCallerJoin", Position=""), e.QueueJoined(LEG, "support", 1)),
        (ami("QueueCallerJoin"), e.QueueJoined(LEG, "support", 1)),
        (ami("AgentCalled"), e.AgentRang(LEG, "ann")),
        (ami("AgentRingNoAnswer"), e.AgentDeclined(LEG, "ann")),
        (ami("AgentConnect"), e.AgentAnswered(LEG, "ann")),
        (ami("AgentComplete", Reason="agent"), e.AgentGone(LEG, "ann", "agent")),
        (ami("AgentComplete", Reason="CALLER"), e.AgentGone(LEG, "ann", "caller")),
        (ami("AgentComplete"), e.AgentGone(LEG, "ann", "")),
        (ami("QueueCallerLeave"), None),
        (ami("QueueMemberStatus"), None),
        ({}, None),
    ],
)
def test_a_message_of_ami_and_its_fact(message: Mapping[str, str], fact: e.LegEvent | None) -> None:
    assert hear.from_ami(message) == fact


ANN = "1768197600.7"


def other(event: str, **more: str) -> Mapping[str, str]:
    """An event about the channel of whoever the citizen talks with."""
    return {"Event": event, "Uniqueid": ANN, "Linkedid": LEG, "TransfereeUniqueid": LEG, "Result": "Success", **more}


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        (other("Hold"), e.Held(LEG)),
        (other("Unhold"), e.Unheld(LEG)),
        (other("Hold", Uniqueid=LEG), None),
        (other("Hold", Linkedid="1768197600.6"), e.Held("pb.call_h1768197600x6.1")),
        (other("BlindTransfer", Extension="sales"), e.AgentTransferred(LEG, "sales")),
        (other("BlindTransfer", Extension="+79161234567"), e.AgentTransferred(LEG, None)),
        (other("BlindTransfer", Extension="sales", Result="Fail"), None),
        (
            other("AttendedTransfer", TransferTargetChannel="PJSIP/bob-0000000a"),
            e.AgentTransferred(LEG, "bob", met=True),
        ),
        (other("AttendedTransfer"), None),
        (other("AttendedTransfer", TransferTargetChannel="PJSIP/bob-0000000a", Result="Fail"), None),
        (
            other("UserEvent", UserEvent="PbxBridge", Fact="met-agent", Leg=LEG, Agent="bob"),
            e.AgentAnswered(LEG, "bob"),
        ),
        (other("UserEvent", UserEvent="PbxBridge", Fact="met-outside", Leg=LEG), e.OutsideAnswered(LEG)),
        (other("UserEvent", UserEvent="PbxBridge", Fact="queue-left"), None),
        (other("UserEvent", UserEvent="SomebodyElse", Fact="met-outside", Leg=LEG), None),
    ],
)
def test_what_happens_on_the_other_end_of_a_talk(message: Mapping[str, str], fact: e.LegEvent | None) -> None:
    assert hear.from_ami(message) == fact


@pytest.mark.parametrize("stranger", ["1768197600.7", "", "pb.", "pb.call_x", "pb.call_x.one"])
def test_a_channel_that_is_none_of_ours_says_nothing_to_us(stranger: str) -> None:
    assert hear.from_ari(ari("ChannelDestroyed", leg=stranger)) is None
    assert hear.from_ami(ami("AgentConnect", leg=stranger)) is None


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("0", 0), ("", None), (None, None), ("-1", None), ("x", None)])
def test_a_number_in_asterisks_text(text: str | None, number: int | None) -> None:
    assert hear.number(text) == number


# ── legs that came in ────────────────────────────────────────────────────────────────────────────────────
CHANNEL, CAME_IN = "1763858613.42", "pb.call_h1763858613x42.1"


def test_a_leg_that_came_in_is_heard_by_its_leg() -> None:
    held = ari("ChannelHold", leg=CHANNEL)
    told = {**held, "channel": {**held["channel"], "channelvars": {"PB_LEG": CAME_IN, "PB_DIALLED": "88001002030"}}}
    assert hear.from_ari(held) is None
    assert hear.from_ari(told) == e.Held(CAME_IN)
    rang = {"Event": "AgentCalled", "Uniqueid": CHANNEL, "MemberName": "ann"}
    assert hear.from_ami(rang) is None
    assert hear.from_ami({**rang, "ChanVariable": f"PB_LEG={CAME_IN}"}) == e.AgentRang(CAME_IN, "ann")
