"""What is answered about services, queues, agents and profiles, for the OpenAPI document; see answers.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from ..call.model import DeviceKind
from ..hours.schedule import Observed
from ..line.estimate import Why as WhyWait
from .answers import Because, Call, Masked, Part, Wait

Periods = Annotated[list[str], Field(examples=[["09:00-20:00"]])]
Share = Annotated[float | None, Field(ge=0, le=1, description="null: nothing to tell from")]


class Words(Part):
    """The same for the citizen and for the log."""

    ru: str
    en: str


class OverrideHours(Part):
    """Dates with hours of their own; no periods: closed."""

    first: Annotated[str, Field(examples=["2026-01-02"])]
    last: Annotated[str, Field(description="included")]
    periods: Periods
    why: Words


class Hours(Part):
    """By the clock of `time_zone`. What is null follows the week: holidays are as a Sunday, moved days off as the day
    that they stand for, and shortened days end an hour earlier."""

    time_zone: str
    week: Annotated[dict[str, Periods], Field(examples=[{"monday": ["09:00-20:00"], "sunday": []}])]
    holidays: Periods | None
    days_off: Periods | None
    shortened: Periods | None
    calendar: Annotated[Observed, Field(description="whose public holidays are kept")]
    overrides: Annotated[list[OverrideHours], Field(description="those that have not ended")]


class Service(Part):
    """An entry of the directory."""

    id: str
    names: Annotated[dict[str, str], Field(examples=[{"ru": "Служба поддержки", "en": "Support"}])]
    synonyms: dict[str, list[str]]
    languages: list[str]
    numbers: Annotated[list[str], Field(description="what people dial for it", examples=[["88001234567"]])]
    requires: Annotated[list[str], Field(description="what must be known and verified about the citizen")]
    hours: Hours
    queue: Annotated[str | None, Field(description="for staff only")] = None


class OneService(Part):
    """One entry."""

    service: Service


class Services(Part):
    """The directory, as far as you may call it."""

    services: list[Service]


class TwoClocks(Part):
    """One moment, by the desk's clock and by the citizen's."""

    desk: AwareDatetime
    citizen: AwareDatetime


class QueueNow(Part):
    """What somebody who joined the queue now would be told."""

    waiting: int
    wait_s: Annotated[Wait | None, Field(description="null: nothing honest can be said, as nobody is at the desk")]


class Availability(Part):
    """What happens at a moment. The same rules decide it when a call is asked for."""

    service: str
    at: AwareDatetime
    time_zone: str
    open: bool
    why: Annotated[Words, Field(description="why it is closed; empty where there is nothing to explain")]
    until: Annotated[TwoClocks | None, Field(description="the first closed moment, when open and an end is in sight")]
    next_open_at: Annotated[TwoClocks | None, Field(description="when closed; when open, the next time after `until`")]
    decision: Annotated[
        Literal["now", "later", "none"], Field(description="of a request with this `when` (without `at`: with `now`)")
    ]
    would_call_at: Annotated[TwoClocks | None, Field(description="not before; null when the decision is `none`")]
    because: Annotated[Because | None, Field(description="why not at the moment that was asked about")]
    queue: Annotated[QueueNow | None, Field(description="only without `at`, and while Asterisk is heard")]


class Moved(Part):
    """The callback has another time."""

    call: Call
    as_asked: Annotated[bool, Field(description="false: `scheduled_for` is later than what was asked for")]
    words: Annotated[str, Field(description="why")]
    words_ru: Annotated[str, Field(description="for the citizen")]


class QueueMember(Part):
    """An agent at a queue."""

    agent: str
    reachable: Annotated[bool, Field(description="the telephone is there")]
    paused: bool
    reason: Annotated[str | None, Field(description="why the agent pauses")]
    busy: Annotated[bool, Field(description="it rings or talks, or the agent wraps up")]
    penalty: Annotated[int, Field(description="0: rung first")]


class NewcomersWait(Part):
    """What somebody who joined now would be told. Seconds."""

    likely: int | None
    at_most: int | None
    why: WhyWait


class LearnedFigures(Part):
    """What the queue's own calls have taught. Seconds."""

    handle_s: Annotated[float, Field(description="mean time from an agent's answer until the next offer")]
    abandoned_per_minute: Annotated[float, Field(description="of those who wait, how many give up in a minute")]


class CallbackFigures(Part):
    """Callbacks of a queue."""

    ringing: int
    due: Annotated[int, Field(description="whose time has come")]
    scheduled: Annotated[int, Field(description="all that wait, due or not")]


class PromiseFigures(Part):
    """How promises of a wait held that were made in some time."""

    held: Annotated[Share, Field(description="the share of waits, of those that prove anything, within `at_most`")]
    mean_error_s: Annotated[float | None, Field(description="how far the likely wait was from the real one")]
    bias_s: Annotated[float | None, Field(description="how much longer people waited than told; below zero: shorter")]
    within: int
    late: int
    unproven: Annotated[int, Field(description="gave up before `at_most`")]


class Calibration(Part):
    """Of whole hours: each begins with the last full hour before so much time."""

    hour: PromiseFigures
    day: PromiseFigures
    week: PromiseFigures


class Queue(Part):
    """A queue as it is seen now."""

    queue: str
    services: Annotated[list[str], Field(description="those that lead to it")]
    members: list[QueueMember]
    agents: Annotated[int, Field(description="who takes calls, now or after this one")]
    free: int
    waiting: int
    longest_wait_s: float
    newcomer: NewcomersWait
    learned: LearnedFigures
    callbacks: CallbackFigures
    calibration: Calibration


class OneQueue(Part):
    """One queue."""

    queue: Queue


class Queues(Part):
    """All queues, by name."""

    queues: list[Queue]


class AgentQueue(Part):
    """One queue of an agent's. What is seen is null while the agent is not logged in, or Asterisk is not heard."""

    queue: str
    logged_in: bool
    reachable: bool | None
    paused: bool | None
    reason: str | None
    busy: bool | None
    penalty: int


class Agent(Part):
    """Somebody who may log in to queues."""

    id: str
    name: str
    queues: list[AgentQueue]


class OneAgent(Part):
    """One agent. A change is seen here as soon as Asterisk has told it."""

    agent: Agent


class Agents(Part):
    """All agents, by id."""

    agents: list[Agent]
    pause_reasons: list[str]


class ProfileDevice(Part):
    """One device."""

    kind: DeviceKind
    number: Annotated[Masked, Field(description="null with `mobile`: the phone that the portal verified")]
    address: str | None


class Contact(Part):
    """Somebody whom the citizen may wish to call."""

    name: str
    number: Masked


class KeptConsent(Part):
    """What the citizen agreed to, or no longer does."""

    phone_data: bool
    recording: bool
    text_version: str
    at: AwareDatetime


class Profile(Part):
    """How the citizen wishes to be called."""

    user: str
    devices: Annotated[list[ProfileDevice], Field(description="in preferred order")]
    time_zone: str
    locale: str
    contacts: list[Contact]
    consents: Annotated[list[KeptConsent], Field(description="oldest first; the last one counts")]
    updated_at: Annotated[AwareDatetime | None, Field(description="null: nothing was kept, these are the defaults")]


class OneProfile(Part):
    """One profile."""

    profile: Profile
