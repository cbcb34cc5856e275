"""What Asterisk's queues and channels look like, read out of AMI lists. Pure: text in, records out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Member:
    """An agent. `status` is a device state: 1 free, 2 and 3 in use, 4 invalid, 5 unavailable, 6 ringing. `last_call` is
    when the last one ended (seconds since 1970, 0: none); `wrap_up_s` the member's own, 0 where the queue's counts."""

    name: str
    interface: str
    status: int
    paused: bool
    in_call: bool
    penalty: int
    calls_taken: int
    last_call: int = 0
    reason: str = ""
    wrap_up_s: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody who waits. `position` counts from 1; `uniqueid` is the channel's ARI id."""

    position: int
    channel: str
    uniqueid: str
    wait_s: int


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue. `hold_s` and `talk_s` are app_queue's own running means; the rest counts since its start."""

    name: str
    strategy: str
    waiting: int
    hold_s: int
    talk_s: int
    completed: int
    abandoned: int
    members: tuple[Member, ...] = ()
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The queues by name, as they were at one moment each: Asterisk locks one queue at a time."""

    queues: Mapping[str, Queue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CoreChannel:
    """A channel, with what ARI does not tell: linkedid, and bridge_id ("" outside of a bridge)."""

    name: str
    uniqueid: str
    linkedid: str
    state: str
    bridge_id: str
    application: str
    application_data: str
    context: str
    exten: str


def queue_status(messages: Iterable[Headers]) -> QueueStatus:
    """From QueueStatus' list: QueueParams, QueueMember and QueueEntry, in any order."""
    params: dict[str, Headers] = {}
    members: dict[str, list[Member]] = {}
    entries: dict[str, list[Entry]] = {}
    for each in messages:
        queue = each.get("Queue", "")
        match each.get("Event"):
            case "QueueParams":
                params[queue] = each
            case "QueueMember":
                members.setdefault(queue, []).append(_member(each))
            case "QueueEntry":
                entries.setdefault(queue, []).append(_entry(each))
    return QueueStatus(
        {name: _queue(each, members.get(name, []), entries.get(name, [])) for name, each in params.items()}
    )


def core_channels(messages: Iterable[Headers]) -> list[CoreChannel]:
    """From CoreShowChannels' list."""
    return [
        CoreChannel(
            name=each.get("Channel", ""),
            uniqueid=each.get("Uniqueid", ""),
            linkedid=each.get("Linkedid", ""),
            state=each.get("ChannelStateDesc", ""),
            bridge_id=each.get("BridgeId", ""),
            application=each.get("Application", ""),
            application_data=each.get("ApplicationData", ""),
            context=each.get("Context", ""),
            exten=each.get("Exten", ""),
        )
        for each in messages
        if each.get("Event") == "CoreShowChannel"
    ]


def db_tree(family: str, messages: Iterable[Headers]) -> dict[str, str]:
    """From DBGetTree's list: what stands behind /family/ → value."""
    start = f"/{family.strip('/')}/"
    return {
        each.get("Key", "").removeprefix(start): each.get("Val", "")
        for each in messages
        if each.get("Event") == "DBGetTreeResponse"
    }


def _queue(params: Headers, members: list[Member], entries: list[Entry]) -> Queue:
    return Queue(
        name=params.get("Queue", ""),
        strategy=params.get("Strategy", ""),
        waiting=_number(params, "Calls"),
        hold_s=_number(params, "Holdtime"),
        talk_s=_number(params, "TalkTime"),
        completed=_number(params, "Completed"),
        abandoned=_number(params, "Abandoned"),
        members=tuple(members),
        entries=tuple(sorted(entries, key=lambda each: each.position)),
    )


def _member(headers: Headers) -> Member:
    return Member(
        name=headers.get("Name", ""),
        interface=headers.get("Location", ""),
        status=_number(headers, "Status"),
        paused=headers.get("Paused") == "1",
        in_call=headers.get("InCall") == "1",
        penalty=_number(headers, "Penalty"),
        calls_taken=_number(headers, "CallsTaken"),
        last_call=_number(headers, "LastCall"),
        reason=headers.get("PausedReason", ""),
        wrap_up_s=_number(headers, "Wrapuptime"),
    )


def _entry(headers: Headers) -> Entry:
    return Entry(
        position=_number(headers, "Position"),
        channel=headers.get("Channel", ""),
        uniqueid=headers.get("Uniqueid", ""),
        wait_s=_number(headers, "Wait"),
    )


def _number(headers: Headers, name: str) -> int:
    text = headers.get(name, "")
    return int(text) if text.isdecimal() else 0
