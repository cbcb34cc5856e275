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
from ..identity import FIELDS, Email, Inn, NotValid, Passport, Private, Snils
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


def _private(kind: type[Private]) -> PlainValidator:
    def read(value: Any) -> Private:
        if isinstance(value, kind):
            return value
        if not isinstance(value, str):
            raise _refuse("must be a string")
        try:
            return kind(value)
        except NotValid as error:
            raise _refuse(str(error)) from None

    return PlainValidator(read)


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

# Their check digits, too, are beyond what JSON Schema can say.
EmailAddress = Annotated[
    Email,
    _private(Email),
    WithJsonSchema({"type": "string", "maxLength": 254, "pattern": "^[^@ ]+@[^@ ]+$", "examples": ["anna@example.ru"]}),
]
SnilsNumber = Annotated[
    Snils,
    _private(Snils),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{2}$",
            "description": "11 digits with their control number, with or without dashes and blanks",
            "examples": ["112-233-445 95"],
        }
    ),
]
InnNumber = Annotated[
    Inn,
    _private(Inn),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[0-9]{12}$",
            "description": "a person's: 12 digits, the last two of them check digits",
            "examples": ["500100732259"],
        }
    ),
]
PassportNumber = Annotated[
    Passport,
    _private(Passport),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[0-9]{2} ?[0-9]{2}[- ]?[0-9]{6}$",
            "description": "series and number of the Russian internal passport; it has no check digit",
            "examples": ["4509 123456"],
        }
    ),
]
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


class Told(Strict):
    """What the portal tells about a citizen. It is sealed in the database and masked in every answer."""

    phone: Annotated[Number | None, Field(description="the verified phone; masked in every answer")] = None
    email: EmailAddress | None = None
    snils: SnilsNumber | None = None
    inn: InnNumber | None = None
    passport: PassportNumber | None = None
    verified: Annotated[
        list[Literal["phone", "email", "snils", "inn", "passport"]] | None,
        Field(max_length=5, description="which of them the portal has verified", examples=[["phone", "snils"]]),
    ] = None

    def values(self) -> dict[str, Any]:
        """What is told, by its name in FIELDS."""
        found = {name: getattr(self, name) for name in FIELDS}
        return {name: value for name, value in found.items() if value is not None}

    def tells_identity(self) -> bool:
        """Whether it is more than a telephone number."""
        return self.verified is not None or bool(self.values().keys() - {"phone"})


class IdentityBody(Told):
    """All that is known about a citizen from now on: what is left out is known no more."""


class SearchBody(Strict):
    """By what to look for citizens: exactly one value, whole. It is in the body so that no log of addresses has it."""

    client: Annotated[Line128 | None, Field(description="whose citizens; required for staff")] = None
    phone: Number | None = None
    email: EmailAddress | None = None
    snils: SnilsNumber | None = None
    inn: InnNumber | None = None
    passport: PassportNumber | None = None

    def value(self) -> tuple[str, Any] | None:
        """The one name in FIELDS and its value; None when there is not exactly one."""
        found = [(name, value) for name in FIELDS if (value := getattr(self, name)) is not None]
        return found[0] if len(found) == 1 else None


class User(Told):
    """The citizen, as the portal knows them. Identity data is for portals alone, and is kept for later calls: what is
    not sent stays as it was sent before. Without `verified` the phone counts as verified, and nothing else does."""

    id: Annotated[Line128, Field(description="the portal's own id of the citizen", examples=["u-1"])]
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
    code_channel: Annotated[
        Literal["sms", "voice", "totp"] | None,
        Field(description="how the one-time code comes to the citizen; default: the operator's"),
    ] = None
    client_ref: Annotated[
        str | None,
        Field(max_length=CLIENT_REF_BYTES, description=f"echoed in every answer; at most {CLIENT_REF_BYTES} bytes"),
        AfterValidator(lambda text: text if text is None else _at_most_bytes(_no_nul(text))),
    ] = None


class CodeRequest(Strict):
    """Another one-time code."""

    channel: Annotated[
        Literal["sms", "voice", "totp"],
        Field(description="as a text message, read aloud by telephone, or from the citizen's authenticator app"),
    ]


class AppCode(Strict):
    """What a citizen's authenticator app shows."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["123456"])]


class Confirmation(Strict):
    """The second step."""

    code: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9A-Za-z -]{6,20}$",
            description="what the citizen typed: six digits, or a recovery code of the authenticator app",
            examples=["123456"],
        ),
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
