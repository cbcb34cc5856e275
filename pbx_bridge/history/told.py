"""One published event, as far as the history reads it. Snapshots of older releases lack members: ask with `.get`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


class Words(NamedTuple):
    """One sentence in both languages."""

    en: str
    ru: str

    def of(self, lang: str) -> str:
        """In `ru` or, for any other, in English."""
        return self.ru if lang == "ru" else self.en


@dataclass(frozen=True, slots=True)
class Told:
    """Event `sequence` of a call; `call` is the snapshot that it carries."""

    sequence: int
    type: str
    at: datetime
    call: Mapping[str, Any]

    @property
    def state(self) -> str:
        """The call's state after it."""
        return str(self.call["state"])

    @property
    def attempt(self) -> int:
        """The attempt it belongs to."""
        return int(self.call["attempt"])

    @property
    def queue(self) -> str | None:
        """The queue that the call is meant for."""
        queue = self.call.get("queue")
        return queue["name"] if queue else None

    @property
    def position(self) -> int | None:
        """The place there."""
        queue = self.call.get("queue")
        return queue["position"] if queue else None

    @property
    def device(self) -> str | None:
        """The kind of the citizen's device that is rung or connected."""
        return next((leg["device"]["kind"] for leg in self._legs("citizen")), None)

    @property
    def talker(self) -> str | None:
        """The agent who is connected."""
        return next((leg["agent"] for leg in self._legs("agent") if leg["state"] != "ringing"), None)

    @property
    def offered(self) -> tuple[str, ...]:
        """The agents whose telephones ring."""
        return tuple(leg["agent"] for leg in self._legs("agent") if leg["state"] == "ringing")

    @property
    def outside(self) -> bool:
        """Whether somebody outside is connected."""
        return any(self._legs("outside"))

    def member(self, name: str) -> Mapping[str, Any]:
        """A part of the snapshot; empty where there is none."""
        return self.call.get(name) or {}

    def _legs(self, party: str) -> list[Mapping[str, Any]]:
        return [leg for leg in self.call.get("legs") or () if leg["party"] == party]
