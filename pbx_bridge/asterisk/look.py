"""From lists that Asterisk gives on request to one `Picture`. Pure, like hear: the asking is done in `exchange`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..call.model import call_of_leg, code_of_leg
from ..call.recovery import CameIn, LegSeen, LegState, Picture, Trace
from .hear import number
from .legs import DIALLED, caller, came_in, leg_of_channel

#: The AstDB family that the dialplan's `leg-gone` writes to: pbx-bridge/<slot>/<leg>.
MEMORY = "pbx-bridge"
#: The memory is a ring: a slot holds the legs that ended in the same 100 s, and is used again 1000 slots later.
SLOT_S, SLOTS = 100, 1000
#: What a line of it consists of; one of a leg that came in has one more, the number that was dialled.
PARTS = 9
#: Where answered legs go to a queue (dialplan/device-answered.conf).
TO_QUEUE = "to-queue"
#: SIP's word for a device that rings.
RINGING = 180
#: Clocks of two machines differ by less than this.
SKEW = timedelta(seconds=SLOT_S)


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One waiting caller: `position` from 1."""

    queue: str
    position: int
    channel_id: str


@dataclass(frozen=True, slots=True)
class CoreChannel:
    """One row of CoreShowChannels, as far as it is needed."""

    name: str
    channel_id: str
    linked_id: str
    state: str
    bridge_id: str


@dataclass(frozen=True, slots=True)
class Lists:
    """What was asked, in the order in which it was asked: legs before traces, so that none falls between."""

    asterisk_since: str
    channels: Sequence[Mapping[str, Any]]
    core: Sequence[CoreChannel]
    entries: Sequence[QueueEntry]
    members: Mapping[str, str] = field(default_factory=dict)
    """Interface → member's name."""
    memory: Mapping[str, str] = field(default_factory=dict)
    """AstDB key → value."""


def picture(lists: Lists, at: datetime) -> Picture:
    """What Asterisk has and remembers, about our legs only: citizens', and those that read a code."""
    waiting = {entry.channel_id: entry for entry in lists.entries}
    legs = {
        leg: _leg(channel, str(channel.get("id", "")), lists, waiting)
        for channel in lists.channels
        if _is_ours(leg := leg_of_channel(channel))
    }
    return Picture(at, _asterisk_time(lists.asterisk_since), legs, dict(_traces(lists.memory)))


def _is_ours(channel_id: str) -> bool:
    return call_of_leg(channel_id) is not None or code_of_leg(channel_id) is not None


def _leg(channel: Mapping[str, Any], id_: str, lists: Lists, waiting: Mapping[str, QueueEntry]) -> LegSeen:
    state, met = channel.get("state"), _met(channel)
    if state != "Up":
        return LegSeen(LegState.RINGING if state == "Ringing" else LegState.DOWN, came_in=met)
    entry = waiting.get(id_)
    if entry:
        return LegSeen(LegState.UP, entry.queue, entry.position, _ringing(id_, lists), came_in=met)
    return LegSeen(LegState.UP, agent=_partner(id_, lists), came_in=met, desk=_desk(channel))


def _desk(channel: Mapping[str, Any]) -> str | None:
    """The queue whose Queue() has the channel: the extension of the dialplan's context for queues."""
    place = channel.get("dialplan") or {}
    return str(place.get("exten")) if place.get("context") == TO_QUEUE else None


def _met(channel: Mapping[str, Any]) -> CameIn | None:
    """Who dialled us, and what; None for a leg that was dialled."""
    if not came_in(leg_of_channel(channel)):
        return None
    number = str((channel.get("caller") or {}).get("number") or "")
    dialled = str((channel.get("channelvars") or {}).get(DIALLED) or "")
    return CameIn(dialled, caller(number), _asterisk_time(str(channel["creationtime"])))


def _ringing(id_: str, lists: Lists) -> tuple[str, ...]:
    return tuple(
        _member(channel.name, lists.members)
        for channel in lists.core
        if channel.linked_id == id_ and channel.channel_id != id_ and channel.state == "Ringing"
    )


def _partner(id_: str, lists: Lists) -> str | None:
    bridge = next((each.bridge_id for each in lists.core if each.channel_id == id_), "")
    if not bridge:
        return None
    others = [each for each in lists.core if each.bridge_id == bridge and each.channel_id != id_]
    return _member(others[0].name, lists.members) if others else None


def _member(channel_name: str, members: Mapping[str, str]) -> str:
    """PJSIP/ann-0000002a → the member whose interface is PJSIP/ann; a stranger keeps its interface."""
    interface = channel_name.rpartition("-")[0]
    return members.get(interface, interface)


# ── memory of legs that ended ────────────────────────────────────────────────────────────────────────────
def _traces(memory: Mapping[str, str]) -> Iterable[tuple[str, Trace]]:
    for key, value in memory.items():
        leg = key.rpartition("/")[2]
        trace = trace_of(value)
        if _is_ours(leg) and trace:
            yield leg, trace if came_in(leg) else replace(trace, came_in=None)


def trace_of(value: str) -> Trace | None:
    """One line of the dialplan's `leg-gone`; None when it is not one (then it is as if nothing was written)."""
    parts = value.split("|")
    if len(parts) == PARTS:
        parts.append("")
    if len(parts) != PARTS + 1:
        return None
    ended, q850, tech, answered, queue, status, agent, waited, limit, dialled = parts
    ended_at = _moment(ended)
    if ended_at is None:
        return None
    return Trace(
        ended_at=ended_at,
        q850=number(q850) or None,
        sip=_sip(tech),
        answered_at=_moment(answered),
        queue=queue or None,
        queue_status=status or None,
        agent=agent or None,
        waited_s=number(waited),
        limit_reached=limit == "1",
        rang=_status(tech) == RINGING,
        came_in=CameIn(dialled, None, _moment(answered) or ended_at) if dialled else None,
    )


def _sip(tech: str) -> int | None:
    """`SIP 486 Busy Here` → 486; None for a status that ended nothing: 180 when our own timer did, 200 after a talk."""
    status = _status(tech)
    return status if status and status >= 300 else None


def _status(tech: str) -> int | None:
    words = tech.split()
    return number(words[1]) if len(words) > 1 and words[0] == "SIP" else None


def _moment(epoch: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(epoch), UTC)
    except (ValueError, OverflowError):
        return None


def _asterisk_time(text: str) -> datetime:
    """2026-01-12T06:00:00.123+0000, as ARI writes times."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)


def families(since: datetime, until: datetime) -> list[str]:
    """The AstDB families that hold the traces of legs that ended between these times; the whole memory when long."""
    first = int((since - SKEW).timestamp()) // SLOT_S
    last = int((until + SKEW).timestamp()) // SLOT_S
    if last - first >= SLOTS:
        return [MEMORY]
    return [f"{MEMORY}/{slot % SLOTS:03d}" for slot in range(first, last + 1)]
