"""The page of causes: what engineers look up when a call has failed."""

from __future__ import annotations

from collections.abc import Mapping

from pbx_bridge.call.attempts import LAST_WORDS, NOT_NOW
from pbx_bridge.call.causes import BY_Q850, BY_SIP, REASONS
from pbx_bridge.call.moves import QUEUE_STATUS
from pbx_bridge.call.states import Outcome
from workshop.docs.markdown import code, page, table

HOW = """
A cause says why a call ended, or why its last attempt failed. Programs use the slug, which does not change;
people read the words. Every event, the answer to `GET /v1/calls/{id}` and every webhook carry it as `cause`, with
`source` (whose word it is) and, where Asterisk gave them, `sip` and `q850`.

Which code counts, in this order:

1. the verdict of whoever ended the call (an abort, a time limit, the queue, a goodbye),
2. our own ring time: when it has passed, Asterisk reports 480 although nobody sent it, so its word is not taken,
3. the SIP status (`tech_cause`), then the Q.850 cause (`cause`); Asterisk's `dialstatus` says too little,
4. a device that was heard ringing is not "switched off" or "silent": then 480 and 408 read `no_answer`.
"""

LADDER = """
After a failed attempt the next device of the request rings, and after the last one a later round, if there is one.
Nothing more is rung once a person had answered, nor after these causes, because somebody has spoken:
"""
NOT_AT_ONCE = """
After these no other device is rung at once; a callback comes again in a later round:
"""


def causes() -> str:
    """The whole page."""
    return page(
        "Causes and outcomes",
        "pbx_bridge/call/causes.py",
        HOW,
        "## Every cause",
        table(
            ("slug", "outcome", "SIP", "Q.850", "queue status", "in English", "по-русски", "что дальше"),
            (
                (
                    f"`{slug}`",
                    f"`{row.outcome}`",
                    _codes(BY_SIP, slug),
                    _codes(BY_Q850, slug),
                    _codes(QUEUE_STATUS, slug),
                    row.en,
                    row.ru,
                    row.next_ru,
                )
                for slug, row in REASONS.items()
            ),
        ),
        "Any other code reads `network_failure`; any other queue status, or none, `queue_unknown`.",
        "## Every outcome",
        table(
            ("outcome", "causes"),
            (
                (f"`{outcome}`", code(slug for slug, row in REASONS.items() if row.outcome is outcome))
                for outcome in Outcome
            ),
        ),
        "## Which causes end the ringing",
        LADDER.strip() + " " + code(sorted(LAST_WORDS)) + ".",
        NOT_AT_ONCE.strip() + " " + code(sorted(NOT_NOW)) + ".",
    )


def _codes(table_of: Mapping[int, str] | Mapping[str, str], slug: str) -> str:
    return ", ".join(str(each) for each, leads_to in table_of.items() if leads_to == slug)
