"""What a receiver's answer means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Verdict(Enum):
    """What became of a try."""

    TAKEN = auto()
    FAILED = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back. `status` None: no answer, and `why` says it in words of ours. `asked_s` is how long the receiver
    wants to be left alone (Retry-After), in seconds."""

    status: int | None
    why: str | None = None
    asked_s: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """Only 2xx is a receipt. A redirect is none: following it would lead wherever the answer points."""
        if self.status is not None and 200 <= self.status < 300:
            return Verdict.TAKEN
        return Verdict.GONE if self.status == 410 else Verdict.FAILED

    @property
    def words(self) -> str:
        """Why it was no receipt."""
        if self.why is not None:
            return self.why
        if self.status is not None and 300 <= self.status < 400:
            return f"it answered {self.status}: redirects are not followed"
        return f"it answered {self.status}"
