"""What an engineer asks of webhooks at night, counted since the start."""

from __future__ import annotations

from collections import Counter

from ..ledger.postings import Arrears, Owed, Settled


class Tally:
    """Feed it with `tried`. `arrears` is what was owed at the last look, to all programs together."""

    def __init__(self) -> None:
        self.tries: Counter[str] = Counter({"delivered": 0, "failed": 0, "dead": 0, "dropped": 0})
        self.gone: Counter[str] = Counter()
        self.arrears = Arrears(0, None, 0)

    def tried(self, settled: Settled) -> None:
        """A try is over."""
        self.tries["failed" if settled.state is Owed.WAITING else settled.state.value] += 1
