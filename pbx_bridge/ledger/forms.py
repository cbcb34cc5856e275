"""How a call is written down and read back.

A call's row has three parts: columns for what is searched, `progress` for the machine's other fields, and the
sealed request with its terms. Each field lives in exactly one of them. A field that a newer release added is
left out when an older one reads the row; a field that the row does not have yet gets its default.

pydantic's serializer does the work (3-7 µs a call on the machine it was measured on, four times faster than the
standard library); nothing here depends on how many fields a call has.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

from ..call.commands import COMMANDS, Command
from ..call.model import Call, Consent, Device, DeviceKind, Direction, Given, Prove, Request, Terms, WhenFull
from ..phone import Phone
from .access import Contact, GivenConsent, Profile

#: Fields that never change once the call is accepted.
BIRTH_FIELDS = frozenset({"id", "ticket", "request", "terms", "accepted_at"})
#: Changing fields with a column of the same name.
COLUMN_FIELDS = ("state", "outcome", "revision", "attempt", "state_since", "ended_at")
#: All others, in one JSON column.
PROGRESS_FIELDS = tuple(
    field.name for field in fields(Call) if field.name not in BIRTH_FIELDS and field.name not in COLUMN_FIELDS
)

_PROFILE_FIELDS = ("devices", "time_zone", "locale", "contacts", "consents")

_hints = get_type_hints(Call)
_PROGRESS: TypeAdapter[dict[str, Any]] = TypeAdapter(
    TypedDict("_Progress", {name: _hints[name] for name in PROGRESS_FIELDS}, total=False)  # type: ignore[operator]
)
_KINDS = {command.__name__: TypeAdapter(command) for command in COMMANDS}
KNOWN_KINDS = tuple(_KINDS)


def write_progress(call: Call) -> str:
    """The changing fields without a column of their own, as JSON. None is the default of every optional one."""
    return to_json({name: value for name in PROGRESS_FIELDS if (value := getattr(call, name)) is not None}).decode()


def read_progress(progress: str) -> dict[str, Any]:
    """The fields, as keywords for `Call`."""
    return _PROGRESS.validate_json(progress)


def write_birth(request: Request, terms: Terms) -> bytes:
    """Request and terms with every number in clear. Seal the result before it goes anywhere."""
    return to_json({"request": request, "terms": terms}, fallback=_digits)


def read_birth(clear: bytes) -> tuple[Request, Terms]:
    """The inverse of `write_birth`."""
    birth = from_json(clear)
    return _request(birth["request"]), _terms(birth["terms"])


def write_profile(profile: Profile) -> bytes:
    """With every number in clear. Seal the result before it goes anywhere."""
    return to_json({name: getattr(profile, name) for name in _PROFILE_FIELDS}, fallback=_digits)


def read_profile(clear: bytes) -> dict[str, Any]:
    """The fields, as keywords for `Profile`."""
    known = {name: value for name, value in from_json(clear).items() if name in _PROFILE_FIELDS}
    contacts = [_known(Contact, each) for each in known["contacts"]]
    consents = [_known(GivenConsent, each) for each in known["consents"]]
    return known | {
        "devices": tuple(_device(device) for device in known["devices"]),
        "contacts": tuple(Contact(**each | {"phone": _phone(each["phone"])}) for each in contacts),
        "consents": tuple(
            GivenConsent(_consent(each["consent"]), datetime.fromisoformat(each["at"])) for each in consents
        ),
    }


def write_command(command: Command) -> tuple[str, str]:
    """Kind and body of a wish."""
    return type(command).__name__, to_json(command).decode()


def read_command(kind: str, body: str) -> Command:
    """The inverse of `write_command`. Raises KeyError for a kind not in KNOWN_KINDS."""
    return _KINDS[kind].validate_json(body)


def write_json(value: Any) -> str:
    """Any JSON value; times become RFC 3339."""
    return to_json(value).decode()


def _request(stored: dict[str, Any]) -> Request:
    known = _known(Request, stored)
    consent = known.get("consent")
    known["consent"] = _consent(consent) if consent else None
    known["phone"] = _phone(known.get("phone"))
    known["devices"] = tuple(_device(device) for device in known["devices"])
    known["direction"] = Direction(known.get("direction", Direction.OUTBOUND))
    known["when"] = datetime.fromisoformat(known["when"]) if known.get("when") else None
    return Request(**known)


def _consent(stored: dict[str, Any]) -> Consent:
    known = _known(Consent, stored)
    known["how"] = Given(known.get("how", Given.REQUEST))
    known["at"] = datetime.fromisoformat(known["at"]) if known.get("at") else None
    return Consent(**known)


def _terms(stored: dict[str, Any]) -> Terms:
    known = _known(Terms, stored)
    for name, kind in (("pauses_s", tuple), ("then", WhenFull), ("prove", Prove)):
        if name in known:
            known[name] = kind(known[name])
    return Terms(**known)


def _device(stored: dict[str, Any]) -> Device:
    return Device(DeviceKind(stored["kind"]), _phone(stored.get("phone")), stored.get("address"))


def _known(kind: type, stored: dict[str, Any]) -> dict[str, Any]:
    return {name: stored[name] for name in kind.__dataclass_fields__ if name in stored}  # type: ignore[attr-defined]


def _digits(value: object) -> str:
    if isinstance(value, Phone):
        return value.e164
    raise TypeError(f"a request cannot hold a {type(value).__name__}")


def _phone(digits: str | None) -> Phone | None:
    """A number that was accepted once stays a number, even if numbering plans have changed since."""
    if digits is None:
        return None
    phone = object.__new__(Phone)
    phone._e164 = digits
    return phone
