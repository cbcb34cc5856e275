"""What may stand in a URL after the question mark: each name once, and none that is not known."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..call.model import Direction
from ..call.states import State
from .forms import Count, Line128, Line200, Moment, ServiceId, Zone

#: The largest sequence number that is read: nine digits, which both databases take.
MOST = 999_999_999


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
    cursor: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9._=-]{1,256}$", description="`next_cursor` of the page before")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="calls on one page"), Count] = 50


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


class EventsQuery(Query):
    """Where to go on reading."""

    after: Annotated[int, Field(ge=0, le=MOST, description="the last sequence number seen"), Count] = 0
    limit: Annotated[int, Field(ge=1, le=500, description="events in one answer; not for streams"), Count] = 100


class AvailabilityQuery(Query):
    """When, and for whom."""

    at: Annotated[Moment | None, Field(description="the moment that is asked about; default: now")] = None
    time_zone: Annotated[
        Zone | None, Field(description="where the citizen is; default: their profile's zone, else the desk's")
    ] = None
