"""Who may ask, and what is kept about citizens beside their calls. Plain frozen values, as in values.py.

Whatever is secret says so by `repr=False`; what the database keeps of it is sealed, hashed, or a blind mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from ..call.model import Consent, Device, Given
from ..codes.tries import Try as Try
from ..codes.tries import TryKind as TryKind
from ..phone import Phone


class Role(StrEnum):
    """What kind of asker. A program has any but `citizen`; a citizen's token comes from a portal's by exchange."""

    CITIZEN = "citizen"
    PORTAL = "portal"
    ENGINEER = "engineer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMIN = "admin"


class SecondStep(StrEnum):
    """What must follow a program's request before anything rings."""

    CODE = "code"
    """The citizen types a one-time code, unless the portal vouched for a fresh second factor; then a click."""
    CLICK = "click"
    """The request is confirmed in a second step, without a code: the portal answers for the second factor."""
    NONE = "none"
    """Nothing: the portal's backend has done both steps itself. An operator must choose this knowingly."""


class KeyKind(StrEnum):
    """What a program proves itself with."""

    SECRET = "secret"  # noqa: S105  a kind, not a secret
    """A password for client_secret_basic; `material` is its hash (portal/clients.py)."""
    PUBLIC = "public"
    """A public key for private_key_jwt and for signatures; `material` is its JWK as JSON."""
    HMAC = "hmac"
    """A shared key for signatures; `material` is the key in base64, sealed in the database."""
    WEBHOOK = "webhook"
    """What the service signs webhooks to the program with (Standard Webhooks 1.0); `material` is `whsec_` and base64,
    sealed in the database."""


#: Keys that both sides hold; the database keeps them sealed.
SHARED = frozenset({KeyKind.HMAC, KeyKind.WEBHOOK})


@dataclass(frozen=True, slots=True)
class ClientKey:
    """One key of a program. It counts from `created_at` until `expires_at` (None: until it is dropped)."""

    id: str
    kind: KeyKind
    material: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None

    def living(self, at: datetime) -> bool:
        """Whether it counts at that moment."""
        return self.expires_at is None or at < self.expires_at


@dataclass(frozen=True, slots=True)
class Vouching:
    """When a citizen's own token spares the code: it names one of `acr` or of `amr`, and its `auth_time` is at most
    `max_age_s` seconds old."""

    acr: frozenset[str] = frozenset()
    amr: frozenset[str] = frozenset()
    max_age_s: int = 300


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a program may ask; None: the operator's default (settings [limits])."""

    requests_per_minute: int | None = None
    calls_per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """A program that may ask. Secrets themselves are kept nowhere.

    `services` and `prefixes` (of E.164 numbers that may be rung) narrow what the operator allows; None: all of it.
    `issuers` are those of settings [[issuers]] whose citizens it may speak for. Lifetime in seconds. It is told of its
    calls at `callback_url`, until that said at `callback_disabled_at` that it is gone; a call may name an address of
    its own there, or at one of `callback_hosts`.
    """

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    token_lifetime_s: int
    keys: tuple[ClientKey, ...] = ()
    disabled_at: datetime | None = None
    role: Role = Role.PORTAL
    callback_url: str | None = None
    callback_hosts: frozenset[str] = frozenset()
    callback_disabled_at: datetime | None = None
    services: frozenset[str] | None = None
    prefixes: tuple[str, ...] | None = None
    limits: Limits = Limits()
    second_step: SecondStep = SecondStep.CODE
    vouching: Vouching | None = None
    issuers: frozenset[str] = frozenset()
    require_signature: bool = False

    def living_keys(self, kind: KeyKind, at: datetime) -> tuple[ClientKey, ...]:
        """Its keys of a kind that count at that moment."""
        return tuple(key for key in self.keys if key.kind is kind and key.living(at))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of the service itself. It signs until `signs_until` and is believed until `valid_until`.

    `private` is PKCS#8 PEM, sealed in the database.
    """

    id: str
    purpose: Literal["token", "response"]
    private: bytes = field(repr=False)
    created_at: datetime
    signs_until: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Revocation:
    """Tokens that are dead before their time: the one with `token_id`; or those of `citizen` (a program's citizen)
    issued at or before `at`; or, with neither, those of the program issued at or before `at`. `id` counts up, 0 for
    one that is not stored yet. After `until` no such token could be alive anyway."""

    client: str
    at: datetime
    until: datetime
    token_id: str | None = None
    citizen: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Authenticator:
    """A citizen's authenticator app. `secret` is base32, sealed in the database; `last_step` the last time step whose
    code was used (RFC 6238, 5.2: none counts twice); `recovery` the hashes of recovery codes that are still unused."""

    client: str
    user: str
    secret: str = field(repr=False)
    created_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = 0
    recovery: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class NewTry:
    """Something to count. The database keeps blind marks of citizen and number."""

    kind: TryKind
    client: str
    user: str
    number: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Citizen:
    """What a portal supplied about one of its citizens. `data` is JSON values, sealed in the database; `marks` are the
    values it can be found by (kind to normal form), kept as blind marks only: none come back."""

    client: str
    user: str
    data: Mapping[str, Any] = field(repr=False)
    marks: Mapping[str, str] = field(repr=False)
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody whom the citizen may wish to call."""

    name: str = field(repr=False)
    phone: Phone


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """What the citizen agreed to (or no longer does), and when they said so."""

    consent: Consent
    at: datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """How a citizen wishes to be called. `devices` are in preferred order; a mobile one without a number is the phone
    that the portal verified. Of `consents`, oldest first, the last one counts. All of it is sealed in the database."""

    client: str
    user: str
    devices: tuple[Device, ...] = field(default=(), repr=False)
    time_zone: str = "Europe/Moscow"
    locale: str = "ru"
    contacts: tuple[Contact, ...] = field(default=(), repr=False)
    consents: tuple[GivenConsent, ...] = ()
    updated_at: datetime | None = None

    @property
    def consent(self) -> Consent | None:
        """The one that counts, and since when."""
        last = self.consents[-1] if self.consents else None
        return replace(last.consent, how=Given.PROFILE, at=last.at) if last else None
