"""Receivers as people are: they answer, fail, sleep, go away. They stand where the HTTP of webhooks stands."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pbx_bridge.webhooks.answer import Heard

#: What somebody does with a message: an answer's status, or all that is heard.
Manner = Callable[["Message"], int | Heard]


@dataclass(frozen=True)
class Message:
    """One try as it arrived."""

    url: str
    event_id: str
    call_id: str
    sequence: int
    at: datetime
    secrets: tuple[str, ...]
    number: int
    """Of this message's tries, from 1."""


def takes(message: Message) -> int:
    return 204


@dataclass
class Receivers:
    """A `Post`. `manners` by address; whoever is not named takes everything. An answer needs `slow_s` seconds."""

    manners: dict[str, Manner] = field(default_factory=dict)
    slow_s: dict[str, float] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    taken: list[Message] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most_under_way: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def send(self, url: str, event_id: str, body: bytes, secrets: Sequence[str], at: datetime) -> Heard:
        event = json.loads(body)
        number = 1 + sum(each.event_id == event_id for each in self.messages)
        message = Message(url, event_id, event["subject"], event["sequence"], at, tuple(secrets), number)
        self.messages.append(message)
        self.under_way[url] += 1
        self.most_under_way[url] = max(self.most_under_way[url], self.under_way[url])
        try:
            await asyncio.sleep(self.slow_s.get(url, 0.01))
        finally:
            self.under_way[url] -= 1
        answer = self.manners.get(url, takes)(message)
        heard = answer if isinstance(answer, Heard) else Heard(answer)
        if heard.status and 200 <= heard.status < 300:
            self.taken.append(message)
        return heard

    def order(self, call_id: str) -> list[int]:
        """The sequences of a call in the order in which they were taken."""
        return [each.sequence for each in self.taken if each.call_id == call_id]
