"""The sandbox: numbers for portal developers, behind which the dialplan plays telephones (dialplan/sandbox.conf).

They are of a range in which Russia has no subscribers (+7 000), so a slip can ring nobody, and they may be dialled only
where the operator has switched the sandbox on.
"""

from __future__ import annotations

from typing import NamedTuple

#: What such a number begins with, the endpoint of pjsip_sandbox.conf that leads there, and the one it arrives at.
PREFIX, ENDPOINT, LINE = "+7000000", "pbx-sandbox", "pbx-sandbox-line"


class Number(NamedTuple):
    """A number, what the telephone behind it does, and what becomes of a call to it: the outcome and its cause. A call
    that is answered ends as the agents end it; then these are "" here."""

    number: str
    does: str
    outcome: str = ""
    cause: str = ""


NUMBERS = (
    Number("+70000000200", "rings for a second, answers and waits; whoever talks to it hears an echo"),
    Number("+70000000201", "the same, and presses 1 after three seconds, as somebody who is called back does"),
    Number("+70000000208", "rings for eight seconds, then answers and waits"),
    Number("+70000000210", "answers, and is gone ten seconds later", "completed", "citizen_hung_up"),
    Number("+70000000222", "an answering machine: talks, beeps, presses nothing, hangs up after a minute"),
    Number("+70000000180", "rings, and nobody answers", "no_answer", "no_answer"),
    Number("+70000000486", "is busy", "busy", "busy"),
    Number("+70000000603", "declines", "rejected", "rejected"),
    Number("+70000000480", "is switched off or without network", "unreachable", "unavailable"),
    Number(
        "+70000000404", "does not exist; so does any other number of the sandbox", "invalid_number", "unknown_number"
    ),
)


def is_one(e164: str) -> bool:
    """Whether it is a number of the sandbox."""
    return e164.startswith(PREFIX)
