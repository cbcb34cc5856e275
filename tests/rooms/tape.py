"""Play the tapes of `tests/rooms/tapes`: real messages of a real Asterisk, without one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pbx_bridge.asterisk import hear
from pbx_bridge.asterisk.look import CoreChannel, Lists, QueueEntry
from pbx_bridge.asterisk.places import Places
from pbx_bridge.call import events as e
from tests.call.story import MORNING, Story, seconds

FOLDER = Path(__file__).parent / "tapes"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@dataclass(frozen=True)
class Heard:
    """One fact, whose word it is (ari or ami), and when, in seconds after the originate request."""

    wire: str
    at: float
    fact: e.LegEvent


@dataclass(frozen=True)
class Tape:
    """One recorded call. `messages` are (wire, seconds, message)."""

    leg: str
    messages: Sequence[tuple[str, float, Mapping[str, Any]]]
    looks: Mapping[str, Any]

    def facts(self) -> Iterator[Heard]:
        """What `hear` and `places` make of it, about the tape's own leg."""
        places = Places()
        for wire, at, message in self.messages:
            facts = [hear.from_ari(message)] if wire == "ari" else [hear.from_ami(message), *places.moved(message)]
            yield from (Heard(wire, at, fact) for fact in facts if fact and fact.leg == self.leg)

    def lists(self, look: str) -> Lists:
        """One look's lists, as `exchange` gives them to `look.picture`."""
        raw = self.looks[look]
        rows = raw["queue"]
        return Lists(
            asterisk_since=raw["info"]["status"]["startup_time"],
            channels=raw["channels"],
            core=[CoreChannel(*(row[name] for name in CORE)) for row in raw["core"]],
            entries=[
                QueueEntry(row["Queue"], int(row["Position"]), row["Uniqueid"])
                for row in rows
                if row["Event"] == "QueueEntry"
            ],
            members={row["Location"]: row["Name"] for row in rows if row["Event"] == "QueueMember"},
            memory=raw["memory"],
        )


CORE = ("Channel", "Uniqueid", "Linkedid", "ChannelStateDesc", "BridgeId")


@cache
def tape(name: str) -> Tape:
    """The tape of this name."""
    raw = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Tape(raw["leg"], [tuple(each) for each in raw["heard"]], raw["looks"])


def dialled(of: Tape, **terms: int) -> Story:
    """The call that the tape is about, as it was when the recording began."""
    story = Story.dialling(**{"ring_s": 20, "queue_s": 30, **terms})
    call_id = of.leg.removeprefix("pb.").removesuffix(".1")
    story.call = replace(story.call, id=call_id, leg=of.leg)
    return story


def played(story: Story, facts: Sequence[Heard]) -> Story:
    """The call after these facts."""
    for heard in facts:
        story.now = max(story.now, MORNING + seconds(heard.at))
        story.take(heard.fact, 0)
    return story
