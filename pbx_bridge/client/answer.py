"""What came back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDictProxy


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `signed`: its signature was checked and is good."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)
    signed: bool = False

    def json(self) -> Any:
        """The decoded body. Raises ValueError when it is not JSON."""
        return json.loads(self.body)

    @property
    def retry_after_s(self) -> float | None:
        """How long the service asks to wait, in seconds."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isascii() and text.isdigit() else None
