"""What the loop has counted since it was started, for the metrics. Plain numbers; nobody decides by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Events by type, ended calls by outcome, facts by verdict, transactions."""

    events: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)
    transactions: int = 0

    def published(self, type_: str, outcome: str | None) -> None:
        """One event was committed."""
        self.events[type_] += 1
        if type_ == "call.ended" and outcome:
            self.outcomes[outcome] += 1

    def judged(self, verdicts: Iterable[str]) -> None:
        """One transaction was committed, with these facts taken or refused."""
        self.transactions += 1
        self.facts.update(verdicts)
