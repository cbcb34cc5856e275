"""The page of the call machine: a diagram, the states with their deadlines, and what each fact does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pbx_bridge.call.commands import COMMANDS
from pbx_bridge.call.events import EVENTS
from pbx_bridge.call.machine import deadline
from pbx_bridge.call.model import By, Call, Confirmation, Device, DeviceKind, Request, Terms
from pbx_bridge.call.states import PHASE, PHASE_LABEL, State
from pbx_bridge.call.table import TABLE
from workshop.docs.markdown import code, first_line, page, table

INTRO = """
A call is in one of these states. A fact (what Asterisk, the citizen, the portal or a clock says) is looked up in the
table below; a pair that is not there is refused, kept in the audit and changes nothing. Nothing else writes a state.
Words are explained in the [glossary](glossary.md), causes in [causes](causes.md).
"""

DEADLINES = """
Every state but the last has a deadline, so a silent world ends every call. Asterisk keeps the same times itself and
speaks first; ours add `grace_s` and are heard only when Asterisk is silent. Whoever decides the end writes a verdict;
from then on the call waits `grace_s` for its leg to be gone, whatever its state. A code counts from when it was sent,
so another one gives more time; where no code is sent, `awaiting_code` counts from when it began.
"""

DIAGRAM = """
Facts that change no state are left out, and so are the ends: every state is left for `ended` as the tables say.
"""

#: Moments of a call from which a deadline can count.
MOMENTS = ("accepted_at", "state_since", "sent_at", "dialled_at", "answered_at", "queued_at", "scheduled_for")
NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)


def call_machine() -> str:
    """The whole page."""
    return page(
        "The call machine",
        "pbx_bridge/call/table.py",
        INTRO,
        "## The way of a call",
        DIAGRAM,
        "```mermaid\n" + "\n".join(_diagram()) + "\n```",
        "## States and deadlines",
        DEADLINES,
        table(("state", "phase", "on the page", "deadline counts from", "and lasts"), map(_state_row, State)),
        "## What each fact does",
        *(f"### `{state}`\n\n{_moves(state)}" for state in State if TABLE[state]),
        "## Facts",
        table(("fact", "what happened"), ((f"`{each.__name__}`", first_line(each.__doc__)) for each in EVENTS)),
        "## Wishes",
        table(("wish", "what is asked"), ((f"`{each.__name__}`", first_line(each.__doc__)) for each in COMMANDS)),
    )


def _diagram() -> Iterator[str]:
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.REQUESTED}"
    for state, row in TABLE.items():
        for to in State:
            facts = [event.__name__ for event, move in row.items() if to in move.to]
            if facts and to not in (state, State.ENDED):
                yield f"    {state} --> {to}: {', '.join(facts)}"
        if any(State.ENDED in move.to for move in row.values()):
            yield f"    {state} --> {State.ENDED}"
    yield f"    {State.ENDED} --> [*]"


def _moves(state: State) -> str:
    return table(
        ("fact", "move", "leads to"),
        (
            (f"`{event.__name__}`", move.do.__name__.replace("_", " "), code(to for to in State if to in move.to))
            for event, move in TABLE[state].items()
        ),
    )


def _state_row(state: State) -> tuple[object, ...]:
    call = _example(state)
    phase = PHASE[state]
    lasts = [f"`{name}` ({getattr(call.terms, name)} s)" for name in _terms(call)]
    return f"`{state}`", f"`{phase}`", PHASE_LABEL[phase], code(_moments(call)), " + ".join(lasts)


def _example(state: State) -> Call:
    """A call in this state, with every moment set."""
    request = Request("portal", "u", "s", "q", (Device(DeviceKind.SIP, address="a"),))
    call = replace(Call("call", "t", request, Terms(), NOON), state=state, confirmation=Confirmation(By.CODE))
    for name in MOMENTS:
        call = _moved(call, name, NOON)
    return call


def _moved(call: Call, name: str, at: datetime) -> Call:
    """`sent_at` is the code's."""
    changes: dict[str, Any] = {name: at}
    if name == "sent_at" and call.confirmation:
        return replace(call, confirmation=replace(call.confirmation, **changes))
    return replace(call, **changes)


def _moments(call: Call) -> list[str]:
    """The moments that move the deadline when they move."""
    earlier = NOON - timedelta(seconds=1)
    return [name for name in MOMENTS if deadline(_moved(call, name, earlier)) != deadline(call)]


def _terms(call: Call) -> list[str]:
    """The terms that move the deadline when they change."""
    # What is no number of seconds (a policy, the pauses between attempts) moves no deadline of a state.
    names = [each.name for each in fields(Terms) if isinstance(getattr(call.terms, each.name), int)]
    shorter = {name: replace(call.terms, **{name: getattr(call.terms, name) - 1}) for name in names}
    return [name for name in names if deadline(replace(call, terms=shorter[name])) != deadline(call)]
