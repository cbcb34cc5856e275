"""What comes back from the portal's room: answers, read whole, and streams, read by somebody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass(frozen=True)
class Reply:
    """What came back, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The problem's slug; fails unless this is a proper problem document."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.body
        document = self.json
        assert document["status"] == self.status
        assert document["title"]
        assert document["detail"]
        kind = document["type"]
        assert kind.startswith("/problems/")
        return str(kind.removeprefix("/problems/"))

    @property
    def complaints(self) -> dict[str, str]:
        """Pointer to rule, of a request that was not valid."""
        assert self.problem == "validation-failed"
        return {entry["pointer"]: entry["detail"] for entry in self.json["errors"]}


@dataclass
class Stream:
    """An open event stream and somebody who reads it, with patience for one second of silence."""

    response: aiohttp.ClientResponse
    comments: list[str] = field(default_factory=list)
    retry_ms: int | None = None
    reason: str | None = None

    async def event(self) -> dict[str, Any] | None:
        """The next event with its id, type and data; None when the stream has ended (`reason`: before its call)."""
        found: dict[str, Any] = {}
        while line := await self._line():
            text = line.rstrip("\n")
            name, _, value = text.partition(": ")
            if text == "":
                if found.get("event") == "stream.ended":
                    assert "id" not in found
                    self.reason, found = found["data"]["reason"], {}
                elif "data" in found:
                    return found
            elif text.startswith(":"):
                self.comments.append(text[1:].strip())
            elif name == "retry":
                self.retry_ms = int(value)
            else:
                found[name] = json.loads(value) if name == "data" else value
        return None

    async def rest(self) -> list[int]:
        """Read to the end; the sequence numbers that came."""
        numbers = []
        while event := await self.event():
            assert event["data"]["sequence"] == int(event["id"])
            numbers.append(int(event["id"]))
        return numbers

    async def comment(self) -> str:
        """Wait for the next comment."""
        while True:
            line = await self._line()
            if line.startswith(":"):
                return line[1:].strip()

    async def _line(self) -> str:
        async with asyncio.timeout(5):
            return (await self.response.content.readline()).decode()
