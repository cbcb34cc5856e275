"""What may stand in a URL after the question mark: each name once, and none that is not known."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..call.causes import REASONS
from ..call.model import Direction
from ..call.states import Outcome, State
from ..ledger.postings import Owed
from .forms import Count, Line64, Line128, Line200, Moment, Number, ServiceId, Zone, refuse

#: The largest sequence number that is read: nine digits, which both databases take.
MOST = 999_999_999


Cursor = Annotated[
    str | None, Field(pattern=r"^[A-Za-z0-9._=-]{1,256}$", description="`next_cursor` of the page before")
]


class Query(BaseModel):
    """The part of a URL after the question mark: each name once."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class NoQuery(Query):
    """An operation without parameters."""


class CallsQuery(Query):
    """Which calls to list, newest first."""

    user: Annotated[Line128 | None, Field(description="the portal's own id of the citizen")] = None
    state: Annotated[State | None, Field(description="the state they are in now")] = None
    from_: Annotated[Moment | None, Field(alias="from", description="accepted at or after")] = None
    to: Annotated[Moment | None, Field(description="accepted before")] = None
    service: Annotated[ServiceId | None, Field(description="the service that was called")] = None
    direction: Annotated[
        Direction | None, Field(description="`inbound`: the citizen dialled the public number themselves")
    ] = None
    outcome: Annotated[Outcome | None, Field(description="how they ended")] = None
    cause: Annotated[
        str | None, Field(description="why they ended: a slug", json_schema_extra={"enum": sorted(REASONS)})
    ] = None
    queue: Annotated[Line64 | None, Field(description="the queue they are, or were last, meant for")] = None
    ticket: Annotated[Line64 | None, Field(description="the number that citizen and agent know the call by")] = None
    phone: Annotated[
        Number | None, Field(description="the citizen's number, whole; the plus sign is written `%2B` in a URL")
    ] = None
    client: Annotated[Line128 | None, Field(description="for staff: the program that asked for them")] = None
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=200, description="calls on one page; a table is not in pages"), Count] = 50

    @field_validator("cause")
    @classmethod
    def _is_known(cls, slug: str | None) -> str | None:
        if slug is not None and slug not in REASONS:
            raise refuse("is not a cause; docs/causes.md has them all")
        return slug


class ActivityQuery(Query):
    """Which of a citizen's calls, newest first."""

    client: Annotated[
        Line128 | None, Field(description="the program whose citizen it is; staff must say so, others need not")
    ] = None
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=100, description="calls on one page"), Count] = 20


class LadderQuery(Query):
    """How to draw it."""

    time_zone: Annotated[Zone, Field(description="whose times it shows")] = "Europe/Moscow"
    lang: Annotated[Literal["ru", "en"], Field(description="the language of its words")] = "ru"


class CitizenPath(Query):
    """Whose data it is."""

    user_id: Line128


class CitizenQuery(Query):
    """Whose citizen it is."""

    client: Annotated[
        Line128 | None, Field(description="the program whose citizen it is; staff must say so, a portal need not")
    ] = None


class AuditQuery(Query):
    """Which lines of the audit to list, oldest first."""

    call: Annotated[str | None, Field(pattern="^call_[0-9a-z]{1,32}$", description="about this call")] = None
    client: Annotated[Line128 | None, Field(description="with `user`: about this program's citizen")] = None
    user: Annotated[Line128 | None, Field(description="with `client`: the portal's own id of the citizen")] = None
    actor: Annotated[Line200 | None, Field(description="of what this one did", examples=["client:client_1"])] = None
    from_: Annotated[Moment | None, Field(alias="from", description="written at or after")] = None
    to: Annotated[Moment | None, Field(description="written before")] = None
    after: Annotated[int, Field(ge=0, le=MOST, description="the last id seen"), Count] = 0
    limit: Annotated[int, Field(ge=1, le=500, description="lines in one answer"), Count] = 100


class VerificationQuery(Query):
    """What to hold the audit against."""

    anchor: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9]{1,9}:[0-9A-Za-z_=-]{1,128}(,[0-9]{1,9}:[0-9A-Za-z_=-]{1,128}){0,9}$",
            description="ends of earlier verifications that were kept elsewhere, `id:chain`, up to ten with commas",
        ),
    ] = None


class DeliveriesQuery(Query):
    """Which webhooks to list, newest event first."""

    client: Annotated[Line128 | None, Field(description="of this program; a portal sees its own")] = None
    call_id: Annotated[str | None, Field(pattern="^call_[0-9a-z]{1,32}$", description="of this call")] = None
    state: Annotated[Owed | None, Field(description="where they stand now")] = None
    cursor: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9_]{1,64}$", description="`next_cursor` of the page before")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="deliveries on one page"), Count] = 50


class ProgramQuery(Query):
    """Which program."""

    client: Annotated[Line128 | None, Field(description="the program; staff must say so, a portal need not")] = None


class EventsQuery(Query):
    """Where to go on reading."""

    after: Annotated[int, Field(ge=0, le=MOST, description="the last sequence number seen"), Count] = 0
    limit: Annotated[int, Field(ge=1, le=500, description="events in one answer; not for streams"), Count] = 100


EVENT_ID = r"evt_[0-9A-HJKMNP-TV-Z]{26}"
_TYPES = r"[a-z_]{1,32}\.[a-z_]{1,32}"


class AllEventsQuery(Query):
    """Where to go on reading, and what is wanted."""

    after: Annotated[
        str,
        Field(
            pattern=f"^({EVENT_ID}|now)?$",
            description="the id of the last event seen; `now`: only what comes; none: from the oldest that is kept",
        ),
    ] = ""
    limit: Annotated[int, Field(ge=1, le=500, description="events read for one answer; not for streams"), Count] = 100
    type: Annotated[
        str | None,
        Field(
            pattern=f"^{_TYPES}(,{_TYPES}){{0,19}}$",
            description="only events of these types, with commas between them",
            examples=["call.accepted,call.ended"],
        ),
    ] = None
    client: Annotated[Line128 | None, Field(description="only this program's; staff may say so")] = None


class AvailabilityQuery(Query):
    """When, and for whom."""

    at: Annotated[Moment | None, Field(description="the moment that is asked about; default: now")] = None
    time_zone: Annotated[
        Zone | None, Field(description="where the citizen is; default: their profile's zone, else the desk's")
    ] = None
