"""What may be sent: bodies and queries. A model is at once the check and its description in OpenAPI.

Unknown names are refused everywhere, numbers and booleans are never guessed from strings in a body, and text
that could reach Asterisk or a log line holds no control characters. Phone numbers become `Phone` at once.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from ..call.states import State
from ..phone import NotAPhone, Phone

#: The largest sequence number that is read: nine digits, which both databases take.
MOST = 999_999_999
CLIENT_REF_BYTES = 1024
#: Cc: control characters; Cs: half characters; Zl, Zp: line ends of Unicode. None has a place in one line of text.
_NOT_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _refuse(rule: str) -> PydanticCustomError:
    return PydanticCustomError("rule", rule)


def _one_line(text: str) -> str:
    if not text.isprintable() and any(unicodedata.category(c) in _NOT_A_LINE for c in text):
        raise _refuse("must not hold control characters or line ends")
    return text


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise _refuse("must not hold the NUL character")
    return text


def _at_most_bytes(text: str) -> str:
    if len(text.encode()) > CLIENT_REF_BYTES:
        raise _refuse(f"must be at most {CLIENT_REF_BYTES} bytes of UTF-8")
    return text


def _phone(value: Any) -> Phone:
    if isinstance(value, Phone):
        return value
    if not isinstance(value, str):
        raise _refuse("must be a string: the number in E.164 form")
    try:
        return Phone(value)
    except NotAPhone as error:
        raise _refuse(str(error)) from None


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise _refuse("must be the name of a zone in the IANA time zone database, such as Asia/Kamchatka")
    return name


#: Text of one line, by how long it may be (characters).
Line64 = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_one_line)]
Line128 = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_one_line)]
Line200 = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]

#: JSON Schema can say how a number looks, not whether its country has numbers of this length; that is checked too.
PHONE_SCHEMA = {
    "type": "string",
    "pattern": r"^\+[1-9][0-9]{6,14}$",
    "description": "E.164: a plus sign, the country code and digits; possible in its country's numbering plan",
    "examples": ["+79161234567"],
}
Number = Annotated[Phone, PlainValidator(_phone), WithJsonSchema(PHONE_SCHEMA)]
Zone = Annotated[
    str,
    Field(max_length=64, description="IANA time zone name", examples=["Asia/Kamchatka"]),
    AfterValidator(_zone),
]
ServiceId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", examples=["support"])]


class Strict(BaseModel):
    """A part of a body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


class Mobile(Strict):
    """A phone behind the trunk."""

    kind: Literal["mobile"]
    number: Annotated[Number | None, Field(description="default: the user's phone")] = None


class Sip(Strict):
    """A SIP softphone that is registered with Asterisk."""

    kind: Literal["sip"]
    address: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["alice"])]


class Browser(Strict):
    """The browser page itself."""

    kind: Literal["browser"]


AnyDevice = Annotated[Mobile | Sip | Browser, Field(discriminator="kind")]


class User(Strict):
    """The citizen, as the portal knows them."""

    id: Annotated[Line128, Field(description="the portal's own id of the citizen", examples=["u-1"])]
    phone: Annotated[Number | None, Field(description="the verified phone; masked in every answer")] = None
    time_zone: Zone = "Europe/Moscow"
    locale: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", description="BCP 47")] = "ru"


class Consent(Strict):
    """What the citizen agreed to, and to which version of the text."""

    phone_data: bool
    recording: bool = False
    text_version: Annotated[Line64, Field(examples=["2026-01"])]


class CallRequest(Strict):
    """A call that the portal wants for its citizen."""

    service: Annotated[ServiceId, Field(description="an entry of the directory of services")]
    to: Annotated[None, Field(description="kept for calls to a number or a contact; must be null for now")] = None
    user: User
    devices: Annotated[
        list[AnyDevice], Field(max_length=5, description="tried in this order; default: the user's phone")
    ] = []
    session_id: Line128 | None = None
    time_limit_s: Annotated[
        int | None, Field(ge=10, le=14400, description="seconds from the device's answer; default: the operator's")
    ] = None
    subject: Line200 | None = None
    when: Annotated[Literal["now"], Field(description="kept for calls later; must be now")] = "now"
    consent: Consent | None = None
    client_ref: Annotated[
        str | None,
        Field(max_length=CLIENT_REF_BYTES, description=f"echoed in every answer; at most {CLIENT_REF_BYTES} bytes"),
        AfterValidator(lambda text: text if text is None else _at_most_bytes(_no_nul(text))),
    ] = None


def _digits(value: Any) -> Any:
    # int() also takes underscores, spaces, signs and the digits of other scripts; a query takes plain digits.
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,10}", value):
            raise _refuse("must be a whole number, written in digits")
        return int(value)
    return value


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", value, re.ASCII):
            raise _refuse("must be an RFC 3339 time with offset; a plus sign is written %2B in a query")
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _refuse("must be an existing date and time") from None
    return value


Count = BeforeValidator(_digits)
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


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
    cursor: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9._=-]{1,256}$", description="`next_cursor` of the page before")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="calls on one page"), Count] = 50


class EventsQuery(Query):
    """Where to go on reading."""

    after: Annotated[int, Field(ge=0, le=MOST, description="the last sequence number seen"), Count] = 0
    limit: Annotated[int, Field(ge=1, le=500, description="events in one answer; not for streams"), Count] = 100
