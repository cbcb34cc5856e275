"""From what Asterisk says to facts about calls. Pure: no I/O, no memory, no clock.

Device legs speak over ARI, queues over AMI. Whatever is not about a leg of ours is nothing to us: None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..call import events as e
from ..call.model import call_of_leg
from .legs import endpoint_of, leg_of_channel, leg_that_came_in, with_leg

#: The name of the UserEvents that our dialplan sends (dialplan/device-answered.conf, hotline.conf).
USER_EVENT = "PbxBridge"

#: AMI events that carry facts, and those that move places in a queue.
AMI_EVENTS = frozenset(
    {
        "QueueCallerJoin",
        "QueueCallerLeave",
        "AgentCalled",
        "AgentRingNoAnswer",
        "AgentConnect",
        "AgentComplete",
        "Hold",
        "Unhold",
        "BlindTransfer",
        "AttendedTransfer",
    }
)


def from_ari(event: Mapping[str, Any]) -> e.LegEvent | None:
    """The fact in one ARI event, if there is one about a leg of ours."""
    reader = _ARI.get(str(event.get("type")))
    channel = event.get("channel")
    if reader is None or not isinstance(channel, Mapping):
        return None
    leg = leg_of_channel(channel)
    return reader(leg, event, channel) if call_of_leg(leg) else None


def from_ami(event: Mapping[str, str]) -> e.LegEvent | None:
    """The fact in one AMI event, if there is one about a leg of ours. Places are `places.Places`' business."""
    name = event.get("Event", "")
    if reader := _AMI.get(name):
        leg = with_leg(event).get("Uniqueid", "")
    elif reader := _AMI_OF_OTHERS.get(name):
        leg = _leg_in(event, _NAMED_BY[name])
    return reader(leg, event) if reader and call_of_leg(leg) else None


def _leg_in(event: Mapping[str, str], header: str) -> str:
    """The leg that an event about another channel names."""
    named = event.get(header, "")
    return leg_that_came_in(named) or named


# ── ARI ──────────────────────────────────────────────────────────────────────────────────────────────────
def _state(leg: str, _: Mapping[str, Any], channel: Mapping[str, Any]) -> e.LegEvent | None:
    match channel.get("state"):
        case "Ringing":
            return e.DeviceRang(leg)
        case "Up":
            return e.DeviceAnswered(leg)
    return None


def _goodbye(leg: str, event: Mapping[str, Any], channel: Mapping[str, Any]) -> e.LegEvent | None:
    # `soft` marks a hang-up that Asterisk itself was asked for (ours, a time limit): nobody said goodbye.
    # Before the answer the same event announces a refusal, whose code comes with ChannelDestroyed.
    if event.get("soft") or channel.get("state") != "Up":
        return None
    return e.DeviceHungUp(leg)


def _gone(leg: str, event: Mapping[str, Any], _: Mapping[str, Any]) -> e.LegEvent:
    return e.DeviceGone(leg, sip=event.get("tech_cause") or None, q850=event.get("cause") or None)


def _said(leg: str, event: Mapping[str, Any], _: Mapping[str, Any]) -> e.LegEvent | None:
    if event.get("eventname") != USER_EVENT:
        return None
    said = event.get("userevent") or {}
    match said.get("Fact"):
        case "queue-left":
            return e.QueueLeft(leg, str(said.get("Status") or "UNKNOWN"))
        case "limit-reached":
            return e.LimitReached(leg)
        case "nobody":
            return e.MachineAnswered(leg)
        case "recording-armed":
            return e.RecordingArmed(leg)
        case "recording-refused":
            return e.RecordingRefused(leg)
        case "transfer-failed":
            return e.TransferFailed(leg, returns=True)
        case "chosen" if said.get("Choice") in set(e.Choice):
            return e.Chosen(leg, e.Choice(said["Choice"]))
    return None


_ARI: dict[str, Callable[[str, Mapping[str, Any], Mapping[str, Any]], e.LegEvent | None]] = {
    "ChannelStateChange": _state,
    "ChannelHangupRequest": _goodbye,
    "ChannelDestroyed": _gone,
    "ChannelHold": lambda leg, event, channel: e.Held(leg),
    "ChannelUnhold": lambda leg, event, channel: e.Unheld(leg),
    "ChannelUserevent": _said,
}


# ── AMI ──────────────────────────────────────────────────────────────────────────────────────────────────
def _joined(leg: str, event: Mapping[str, str]) -> e.LegEvent:
    return e.QueueJoined(leg, event.get("Queue", ""), number(event.get("Position")) or 1)


_AMI: dict[str, Callable[[str, Mapping[str, str]], e.LegEvent | None]] = {
    "QueueCallerJoin": _joined,
    "AgentCalled": lambda leg, event: e.AgentRang(leg, event.get("MemberName", "")),
    "AgentRingNoAnswer": lambda leg, event: e.AgentDeclined(leg, event.get("MemberName", "")),
    "AgentConnect": lambda leg, event: e.AgentAnswered(leg, event.get("MemberName", "")),
    "AgentComplete": lambda leg, event: e.AgentGone(leg, event.get("MemberName", ""), event.get("Reason", "").lower()),
}


# Events about the channel of whoever the citizen talks with, and the header that names the citizen's own.
_NAMED_BY = {
    "Hold": "Linkedid",
    "Unhold": "Linkedid",
    "BlindTransfer": "TransfereeUniqueid",
    "AttendedTransfer": "TransfereeUniqueid",
    "UserEvent": "Leg",
}


def _held(leg: str, event: Mapping[str, str]) -> e.LegEvent | None:
    # The citizen's own hold is told over ARI.
    return e.Held(leg) if event.get("Uniqueid") != event.get("Linkedid") else None


def _unheld(leg: str, event: Mapping[str, str]) -> e.LegEvent | None:
    return e.Unheld(leg) if event.get("Uniqueid") != event.get("Linkedid") else None


def _sent_on(leg: str, event: Mapping[str, str]) -> e.LegEvent | None:
    """A blind transfer. Where to is told only when it is a name: digits may be somebody's number."""
    to = event.get("Extension", "")
    done = event.get("Result") == "Success"
    return e.AgentTransferred(leg, to if to and not to.lstrip("+").isdigit() else None) if done else None


def _joined_to(leg: str, event: Mapping[str, str]) -> e.LegEvent | None:
    """The agent had called somebody first, and now these two talk."""
    to = endpoint_of(event.get("TransferTargetChannel", ""))
    return e.AgentTransferred(leg, to, met=True) if to and event.get("Result") == "Success" else None


def _met(leg: str, event: Mapping[str, str]) -> e.LegEvent | None:
    """What dialplan/transfers.conf says on the channel of whoever answered."""
    match event.get("UserEvent") == USER_EVENT and event.get("Fact"):
        case "met-agent":
            return e.AgentAnswered(leg, event.get("Agent", ""))
        case "met-outside":
            return e.OutsideAnswered(leg)
    return None


_AMI_OF_OTHERS: dict[str, Callable[[str, Mapping[str, str]], e.LegEvent | None]] = {
    "Hold": _held,
    "Unhold": _unheld,
    "BlindTransfer": _sent_on,
    "AttendedTransfer": _joined_to,
    "UserEvent": _met,
}


def number(text: str | None) -> int | None:
    """A whole number out of Asterisk's text, None where there is none."""
    return int(text) if text and text.isascii() and text.isdigit() else None
