"""How a call ended, read from its published events; reading it checks the laws that hold for every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

PHASES = ("accepted", "calling", "connection", "ended")
#: Events in which the state may stay what it was.
UPDATES = frozenset(
    {
        "call.queue_updated",
        "call.updated",
        "call.limit_warning",
        "recording.started",
        "recording.paused",
        "recording.resumed",
        "recording.refused",
        "recording.stopped",
    }
)


@dataclass(frozen=True)
class Cause:
    """Why, in words and codes."""

    slug: str
    source: str
    sip: int | None = None
    q850: int | None = None


@dataclass(frozen=True)
class Ending:
    """A call that is over."""

    events: Sequence[Mapping[str, Any]]

    @property
    def call(self) -> Mapping[str, Any]:
        """The last snapshot."""
        last: Mapping[str, Any] = self.events[-1]["data"]["call"]
        return last

    @property
    def path(self) -> str:
        """Every state in order, updates left out: `requested dialing ended`."""
        return path(self.events)

    @property
    def outcome(self) -> str:
        return str(self.call["outcome"])

    @property
    def cause(self) -> Cause:
        said = self.call["cause"]
        return Cause(said["slug"], said["source"], said["sip"], said["q850"])

    @property
    def words(self) -> str:
        return str(self.call["cause"]["words"])

    @property
    def words_ru(self) -> str:
        return str(self.call["cause"]["words_ru"])

    @property
    def ended_at(self) -> datetime:
        return datetime.fromisoformat(self.call["ended_at"])

    @property
    def offered_to(self) -> list[str]:
        """The agents it rang at, in order, each as often as it was offered to them anew."""
        return agents(self.events, "ringing")

    @property
    def talked_to(self) -> list[str]:
        return [who for who, _ in pairwise([*agents(self.events, "up"), ""])]


def path(events: Sequence[Mapping[str, Any]]) -> str:
    """The states so far, updates left out."""
    return " ".join(event["data"]["call"]["state"] for event in events if event["type"] not in UPDATES)


def agents(events: Sequence[Mapping[str, Any]], state: str) -> list[str]:
    """Who came to be in this state, in order."""
    found: list[str] = []
    before: set[str] = set()
    for event in events:
        legs = event["data"]["call"]["legs"]
        now = {leg["agent"] for leg in legs if leg["party"] == "agent" and leg["state"] == state}
        found += sorted(now - before)
        before = now
    return found


def check_laws(events: Sequence[Mapping[str, Any]]) -> None:
    """What is true of every call's history, however it went and whatever broke meanwhile."""
    types = [event["type"] for event in events]
    snapshots = [event["data"]["call"] for event in events]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1)), "the sequence has no gap"
    assert [call["revision"] for call in snapshots] == list(range(1, len(events) + 1)), "each event is its revision"
    assert len({event["id"] for event in events}) == len(events), "each event has an id of its own"
    assert types[0] == "call.accepted"
    assert [place for place, kind in enumerate(types) if kind == "call.ended"] in ([], [len(types) - 1]), types
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times), f"time runs forward: {times}"
    for before, after in pairwise(snapshots):
        _check_step(before, after)
    for call in snapshots:
        assert (call["outcome"] is not None) == (call["state"] == "ended"), call


def _check_step(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    if after["state"] != before["state"]:
        assert after["previous_state"] == before["state"], f"{before['state']} → {after}"
    # Who is to be called back waits again, before another attempt.
    if after["attempt"] == before["attempt"] and after["state"] != "scheduled":
        ranks = [PHASES.index(call["phase"]) for call in (before, after)]
        assert ranks == sorted(ranks), f"the phase ran backwards: {before['phase']} → {after['phase']}"
