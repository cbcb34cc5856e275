"""What may be sent about waiting, agents and a citizen's profile."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .forms import Line64, Locale, Moment, NumberOrMask, QueueName, Zone
from .schemas import Browser, Consent, Sip, Strict


class MoveRequest(Strict):
    """Another time for a callback."""

    to: Annotated[Moment, Field(description="not before this time", examples=["2026-01-12T10:00:00+03:00"])]


class AgentRequest(Strict):
    """Where."""

    queue: Annotated[QueueName | None, Field(description="one of the agent's queues; default: all of them")] = None


class PauseRequest(AgentRequest):
    """Where, and why."""

    reason: Annotated[Line64 | None, Field(description="one of `pause_reasons` of GET /v1/agents")] = None


class ProfileMobile(Strict):
    """A phone behind the trunk."""

    kind: Literal["mobile"]
    number: Annotated[NumberOrMask | None, Field(description="default: the phone that the portal verified")] = None


class ContactBody(Strict):
    """Somebody whom the citizen may wish to call."""

    name: Line64
    number: NumberOrMask


class ProfileBody(Strict):
    """How the citizen wishes to be called, in place of all that was kept. Consents are added to those given before."""

    devices: Annotated[
        list[Annotated[ProfileMobile | Sip | Browser, Field(discriminator="kind")]],
        Field(default_factory=list, max_length=5, description="in preferred order"),
    ]
    time_zone: Zone = "Europe/Moscow"
    locale: Locale = "ru"
    contacts: Annotated[list[ContactBody], Field(default_factory=list, max_length=50)]
    consent: Annotated[
        Consent | None, Field(description="what the citizen agrees to from now on, or no longer; default: as before")
    ] = None
