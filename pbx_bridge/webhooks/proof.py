"""A message that proves a receiver: posted at once, of no call, and kept nowhere."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json
from ulid import ULID

from ..conductor.ports import Clock
from ..ledger import Client
from ..ledger.postings import Lane
from .answer import Heard
from .courier import Post
from .receiver import Receiver, receiver_of

TYPE = "webhook.test"


class Prover:
    """Asks receivers whether they are there."""

    def __init__(self, post: Post, clock: Clock, node: str) -> None:
        self._post = post
        self._clock = clock
        self._node = node

    async def prove(self, client: Client) -> Heard:
        """What the program's address answers to a test."""
        at = self._clock()
        receiver = receiver_of(client, Lane(client.id), at)
        if not isinstance(receiver, Receiver) or receiver.url is None:
            return Heard(None, receiver.why if not isinstance(receiver, Receiver) else "it has no address")
        id_ = f"evt_{ULID.from_datetime(at)}"
        return await self._post.send(receiver.url, id_, to_json(self._message(id_, client)), receiver.secrets, at)

    def _message(self, id_: str, client: Client) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": id_,
            "type": TYPE,
            "source": f"/pbx-bridge/{self._node}",
            "subject": client.id,
            "time": self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "sequence": 1,
            "data": {},
        }
