"""What is answered about what happened, for the OpenAPI document; see answers.py."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from ..call.model import Direction
from ..call.states import Outcome, Phase, State
from .answers import Because, Cause, Part
from .desk_answers import Words

Seconds = Annotated[float, Field(ge=0, description="what goes on counts up to now")]


class Durations(Part):
    """How long what took, in seconds."""

    ring: Annotated[Seconds, Field(description="in all attempts")]
    wait: Annotated[Seconds, Field(description="in queues, until somebody answered")]
    talk: Annotated[Seconds, Field(description="with `hold` in it")]
    hold: Seconds
    whole: Annotated[Seconds, Field(description="from the request to the end")]


class Activity(Part):
    """One call, for its citizen."""

    call_id: str
    ticket: str
    at: Annotated[AwareDatetime, Field(description="when it was asked for, or dialled")]
    ended_at: AwareDatetime | None
    service: Annotated[str, Field(description="its id")]
    service_name: Words
    direction: Direction
    callback: bool
    state: State
    phase: Phase
    phase_label: str
    outcome: Outcome | None
    cause: Cause | None
    scheduled_for: AwareDatetime | None
    scheduled_because: Because | None
    status: Annotated[Words, Field(description="one line of a list")]
    why: Annotated[Words, Field(description="a sentence; may be empty")]
    next: Annotated[Words, Field(description="what the citizen can do; may be empty")]
    seconds: Durations


class Activities(Part):
    """A citizen's calls, newest first."""

    activity: list[Activity]
    next_cursor: Annotated[str | None, Field(description="leads to the older ones; null on the last page")]


class Stage(Part):
    """One stage of a call."""

    state: State
    words: Words
    since: AwareDatetime
    until: Annotated[AwareDatetime | None, Field(description="null: it goes on")]
    seconds: Seconds
    by: Annotated[
        str,
        Field(
            description="who brought it about: portal, service, citizen, device, network, queue, agent, timer, recovery"
        ),
    ]
    attempt: int
    device: Annotated[str | None, Field(description="the kind of the citizen's device")]
    queue: str | None
    agents: Annotated[list[str], Field(description="who talks, or whose telephones ring; for staff and portals")]
    sequence: Annotated[int, Field(ge=1, description="its first event")]


class Deed(Part):
    """A line of the audit."""

    id: int
    at: AwareDatetime
    actor: str
    action: str
    verdict: str


class Timeline(Part):
    """A call, stage by stage."""

    call_id: str
    ticket: str
    stages: list[Stage]
    seconds: Durations
    audit: Annotated[list[Deed] | None, Field(description="for those who may read the audit; else null")]
