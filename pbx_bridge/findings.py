"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One answer. `words` say what is wrong and what to do."""

    part: str
    verdict: Literal["ok", "warn", "fail"]
    words: str
