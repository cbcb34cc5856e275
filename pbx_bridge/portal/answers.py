"""What is answered, for the OpenAPI document. The answers themselves are made by call/snapshot.py and the routes;
tests hold the two together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..call.causes import Source
from ..call.model import By, Channel, DeviceKind, Direction, RecordingState, TransferBy, Why
from ..call.states import Outcome, Phase, State

Masked = Annotated[str | None, Field(description="masked", examples=["+7916***4567"])]


class Part(BaseModel):
    """A part of an answer. Readers ignore members that they do not know: later releases add some."""

    model_config = ConfigDict(extra="allow")


class Cause(Part):
    """Why a call or an attempt ended."""

    slug: Annotated[str, Field(examples=["no_answer"])]
    source: Source
    words: str
    words_ru: Annotated[str, Field(description="for the citizen")]
    next_ru: Annotated[str | None, Field(description="what the citizen can do")]
    sip: int | None
    q850: int | None


class Because(Part):
    """Why a call has to wait for its time."""

    slug: Why
    words: str
    words_ru: Annotated[str, Field(description="for the citizen")]


class CallUser(Part):
    """The citizen."""

    id: str
    phone: Masked


class Wait(Part):
    """An estimate of the wait in seconds."""

    likely: int
    at_most: int | None


class Queue(Part):
    """The queue, while the call is meant for one."""

    name: str
    position: int | None
    wait_s: Wait | None


class LegDevice(Part):
    """The device of the citizen's leg."""

    kind: DeviceKind
    number: Masked


class Leg(Part):
    """One party of the call."""

    party: Literal["citizen", "agent", "outside"]
    state: Annotated[str, Field(description="dialing, ringing, up or gone")]
    device: LegDevice | None = None
    agent: str | None = None
    number: Annotated[Masked, Field(description="of somebody outside")] = None


class TransferAnswer(Part):
    """The citizen is on the way to somebody else."""

    by: Annotated[TransferBy, Field(description="`agent`: on the agent's own telephone")]
    to: Annotated[str | None, Field(description="a queue, service or agent; null where nobody said")]
    number: Annotated[Masked, Field(description="somebody outside")]


class RecordingAnswer(Part):
    """The recording of a call to which the citizen has agreed. Only in `on` anything is written."""

    state: RecordingState
    parts: Annotated[int, Field(description="how often the notice was heard; each begins a file of its own")]
    text_version: Annotated[str, Field(description="of the text that the citizen agreed to")]


class Confirmation(Part):
    """The second step, while it is awaited: nothing rings before it is taken."""

    by: Annotated[By, Field(description="`code`: a one-time code must be typed; `click`: no code is needed")]
    channel: Annotated[Channel | None, Field(description="how the code comes")]
    to: Annotated[Masked, Field(description="where it was sent")]
    sent_at: Annotated[AwareDatetime | None, Field(description="none: it is not on its way yet")]
    undelivered: Annotated[bool, Field(description="it surely did not get through: offer another channel")]
    attempts_left: Annotated[int | None, Field(description="how often a code may still be typed")]
    codes_left: Annotated[int | None, Field(description="how many more codes may be asked for")]
    expires_at: Annotated[AwareDatetime | None, Field(description="the step must be taken before")]


class Call(Part):
    """A call, whole. Every event carries it like this."""

    id: str
    ticket: Annotated[str, Field(description="what citizen and agent say to each other")]
    state: State
    phase: Phase
    phase_label: str
    previous_state: State | None
    outcome: Outcome | None
    cause: Cause | None
    revision: Annotated[int, Field(ge=1, description="number of its last event")]
    attempt: int
    service: str
    user: CallUser
    confirmation: Confirmation | None
    queue: Queue | None
    legs: list[Leg]
    accepted_at: AwareDatetime
    answered_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    scheduled_for: Annotated[AwareDatetime | None, Field(description="not called before; while it is scheduled")]
    scheduled_because: Annotated[Because | None, Field(description="why it is not called at once")]
    direction: Annotated[Direction, Field(description="`inbound`: the citizen dialled the public number")]
    callback: Annotated[bool, Field(description="it had to wait for its time; whoever answers is asked to press 1")]
    time_limit_s: int
    limit_at: AwareDatetime | None
    transfer: Annotated[TransferAnswer | None, Field(description="while it is `transferring`")]
    recording: Annotated[RecordingAnswer | None, Field(description="null where nothing may be recorded")]
    session_id: str | None
    subject: str | None
    client_ref: str | None


class Accepted(Part):
    """A call was accepted, or had been under the same key."""

    call: Annotated[Call, Field(description="as it was accepted; read it again for its present state")]
    ticket: str
    events_url: str


class OneCall(Part):
    """One call as it stands."""

    call: Call


class Calls(Part):
    """A page of calls, newest first."""

    calls: list[Call]
    next_cursor: Annotated[str | None, Field(description="leads to the older ones; null on the last page")]


class AbortAnswer(Part):
    """Who won: the abort, or another end that came before it."""

    call: Call
    won: Annotated[bool, Field(description="true when the call ended, or is ending, by an abort")]
    words: str


class EventData(Part):
    """What an event carries."""

    call: Call


class Event(Part):
    """A published event, with the field names of CloudEvents 1.0."""

    specversion: Literal["1.0"]
    id: str
    type: Annotated[str, Field(examples=["call.state_changed"])]
    source: str
    subject: Annotated[str, Field(description="the call's id")]
    time: AwareDatetime
    sequence: Annotated[int, Field(ge=1, description="counts within the call, without gaps")]
    data: EventData


class Events(Part):
    """Events in order."""

    events: list[Event]
    last: Annotated[int, Field(description="give this as `after` to go on")]
    more: Annotated[bool, Field(description="whether there are more right now")]
    ended: Annotated[bool, Field(description="whether the call's last event is among these or before")]


class AllEvents(Part):
    """Events of all calls, in the order in which they happened."""

    events: list[Event]
    last: Annotated[str, Field(description="give this as `after` to go on; empty while there is nothing")]
    more: Annotated[bool, Field(description="whether there are more right now")]


class Alive(Part):
    """The process answers."""

    alive: Literal[True]


class Ready(Part):
    """Every part is well."""

    ready: Literal[True]
    parts: dict[str, str]


class ProblemRow(Part):
    """What a problem type means."""

    type: str
    status: int
    title: str
    meaning: str
    remedy: str
    members: dict[str, str]


class Complaint(Part):
    """One rule that was broken, and where."""

    in_: Annotated[Literal["body", "query", "header", "path"], Field(alias="in")]
    pointer: Annotated[str, Field(description="RFC 6901")]
    detail: str


class ProblemDocument(Part):
    """RFC 9457. `type` is stable and explains itself when it is fetched."""

    type: Annotated[str, Field(examples=["/problems/unknown-call"])]
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[Complaint] | None = None
