"""What may be sent as a body. A model is at once the check and its description in OpenAPI.

Unknown names are refused everywhere, and numbers and booleans are never guessed from strings.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from ..identity import FIELDS
from .forms import (
    ClientRef,
    EmailAddress,
    EndpointName,
    InnNumber,
    Line64,
    Line128,
    Line200,
    Locale,
    Number,
    PassportNumber,
    ServiceId,
    SnilsNumber,
    Zone,
    moment,
    refuse,
)


def _when(value: Any) -> Any:
    if not isinstance(value, str):
        raise refuse("must be `now`, or an RFC 3339 time with offset")
    return value if value == "now" else moment(value)


When = Annotated[
    Literal["now"] | datetime,
    PlainValidator(_when),
    WithJsonSchema(
        {
            "anyOf": [{"const": "now"}, {"type": "string", "format": "date-time"}],
            "description": "`now`, or not before this time: in the hours of the service, outside the citizen's night",
        }
    ),
]


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
    address: EndpointName


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
    time_zone: Annotated[Zone | None, Field(description="default: their profile's, else Europe/Moscow")] = None
    locale: Annotated[Locale | None, Field(description="default: their profile's, else ru")] = None


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
        list[AnyDevice],
        Field(max_length=5, description="tried in this order; default: those of the user's profile, else their phone"),
    ] = []
    session_id: Line128 | None = None
    time_limit_s: Annotated[
        int | None,
        Field(ge=10, le=14400, description="seconds from the device's answer, at most the service's own limit"),
    ] = None
    subject: Line200 | None = None
    when: When = "now"
    consent: Consent | None = None
    code_channel: Annotated[
        Literal["sms", "voice", "totp"] | None,
        Field(description="how the one-time code comes to the citizen; default: the operator's"),
    ] = None
    client_ref: ClientRef | None = None
    callback_url: Annotated[
        str | None,
        Field(
            max_length=2000,
            description="where this call is told of by webhook, on the program's own host or one of its "
            "`callback_hosts`; for backends only; default: the program's",
            examples=["https://portal.example/calls/17"],
        ),
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
