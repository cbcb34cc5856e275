"""The forms of single values, wherever they are sent. Text that could reach Asterisk or a log line holds no control
characters; phone numbers become `Phone` at once, and moments are UTC.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from ..hours.period import NotAZone, zone_of
from ..identity import Email, Inn, NotValid, Passport, Private, Snils
from ..phone import NotAPhone, Phone

CLIENT_REF_BYTES = 1024
#: As phone.Phone.masked writes a number.
MASK_PATTERN = r"^\+[0-9]{0,5}\*{3}([0-9]{4})?$"
_MASKED = re.compile(MASK_PATTERN.removesuffix("$") + r"\Z")
#: Cc: control characters; Cs: half characters; Zl, Zp: line ends of Unicode. None has a place in one line of text.
_NOT_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def refuse(rule: str) -> PydanticCustomError:
    return PydanticCustomError("rule", rule)


def _one_line(text: str) -> str:
    if not text.isprintable() and any(unicodedata.category(c) in _NOT_A_LINE for c in text):
        raise refuse("must not hold control characters or line ends")
    return text


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise refuse("must not hold the NUL character")
    return text


def _at_most_bytes(text: str) -> str:
    if len(text.encode()) > CLIENT_REF_BYTES:
        raise refuse(f"must be at most {CLIENT_REF_BYTES} bytes of UTF-8")
    return text


def _phone(value: Any) -> Phone:
    if isinstance(value, Phone):
        return value
    if not isinstance(value, str):
        raise refuse("must be a string: the number in E.164 form")
    try:
        return Phone(value)
    except NotAPhone as error:
        raise refuse(str(error)) from None


def _private(kind: type[Private]) -> PlainValidator:
    def read(value: Any) -> Private:
        if isinstance(value, kind):
            return value
        if not isinstance(value, str):
            raise refuse("must be a string")
        try:
            return kind(value)
        except NotValid as error:
            raise refuse(str(error)) from None

    return PlainValidator(read)


def _zone(name: str) -> str:
    try:
        zone_of(name)
    except NotAZone:
        raise refuse("must be the name of a zone in the IANA time zone database, such as Asia/Kamchatka") from None
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


def _phone_or_mask(value: Any) -> Phone | str:
    return value if isinstance(value, str) and _MASKED.match(value) else _phone(value)


#: A number, or one that is kept already, as it was shown: whoever reads a profile and sends it back loses nothing.
NumberOrMask = Annotated[
    Phone | str,
    PlainValidator(_phone_or_mask),
    WithJsonSchema(
        {
            "anyOf": [
                PHONE_SCHEMA,
                {
                    "type": "string",
                    "pattern": MASK_PATTERN,
                    "description": "masked, as it was shown: the kept one stays",
                    "examples": ["+7916***4567"],
                },
            ]
        }
    ),
]

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
SERVICE_ID_PATTERN = "^[a-z0-9][a-z0-9_-]{0,63}$"
ServiceId = Annotated[str, Field(pattern=SERVICE_ID_PATTERN, examples=["support"])]
QueueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,64}$", examples=["support"])]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", description="BCP 47", examples=["ru"])]
EndpointName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["alice"])]
ClientRef = Annotated[
    str,
    Field(max_length=CLIENT_REF_BYTES, description=f"echoed in every answer; at most {CLIENT_REF_BYTES} bytes"),
    AfterValidator(lambda text: _at_most_bytes(_no_nul(text))),
]


def _digits(value: Any) -> Any:
    # int() also takes underscores, spaces, signs and the digits of other scripts; a query takes plain digits.
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,10}", value):
            raise refuse("must be a whole number, written in digits")
        return int(value)
    return value


def moment(value: Any) -> Any:
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", value, re.ASCII):
            raise refuse("must be an RFC 3339 time with offset; a plus sign is written %2B in a query")
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            raise refuse("must be an existing date and time") from None
    return value


Count = BeforeValidator(_digits)
Moment = Annotated[AwareDatetime, BeforeValidator(moment)]
