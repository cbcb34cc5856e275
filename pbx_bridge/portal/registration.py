"""Programs on paper: what an operator may say about one, checked, whether it comes by HTTP or on the command line."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ..addresses import Reach, fault_of, fault_of_host
from ..jws import Key, key_of
from ..ledger.access import Client, ClientKey, KeyKind, Limits, Role, SecondStep, Vouching
from .clients import new_client, new_secret
from .forms import Line128, ServiceId
from .rights import SCOPES, SCOPES_OF
from .schemas import Strict

#: How long an old secret counts beside a new one unless told otherwise, and at most (seconds).
OVERLAP_S, LONGEST_OVERLAP_S = 86400, 90 * 86400
#: The longest address of a program (characters).
URL_LENGTH = 2000
#: Bits of a shared signing key.
HMAC_BITS = 256
#: Bytes of a webhook secret; Standard Webhooks 1.0 asks for 24 to 64.
WEBHOOK_BYTES = 32
#: An operator who allows nothing besides.
OPEN_INTERNET = Reach()


def _refuse(rule: str) -> PydanticCustomError:
    return PydanticCustomError("rule", rule)


def _scopes(names: list[str]) -> list[str]:
    if unknown := sorted(set(names) - SCOPES.keys()):
        raise _refuse(f"there is no scope {unknown[0]!r}; known are {', '.join(sorted(SCOPES))}")
    return names


CallbackUrl = Annotated[str, Field(max_length=URL_LENGTH, description="https, on the open Internet")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$", examples=["calls.portal.example"])]
Prefix = Annotated[str, Field(pattern=r"^\+[0-9]{0,15}$")]
Scopes = Annotated[list[str], Field(max_length=len(SCOPES)), AfterValidator(_scopes)]
RoleName = Annotated[
    Literal["portal", "engineer", "supervisor", "auditor", "admin"], Field(description="see docs/roles.md")
]


class VouchingForm(Strict):
    """When a citizen's own token spares the code."""

    acr: Annotated[list[Line128], Field(default_factory=list, max_length=20)]
    amr: Annotated[list[Line128], Field(default_factory=list, max_length=20)]
    max_age_s: Annotated[int, Field(ge=1, le=86400)] = 300


class ProgramForm(Strict):
    """What is said about a program. What is left out keeps its value, or gets the default."""

    name: Line128 | None = None
    scopes: Annotated[Scopes | None, Field(description="default: all that the role may have")] = None
    callback_url: Annotated[CallbackUrl | None, Field(description="where it is told of its calls by webhook")] = None
    callback_hosts: Annotated[
        list[HostName],
        Field(default_factory=list, max_length=50, description="hosts that a call's own `callback_url` may have too"),
    ]
    callback_enabled: Annotated[
        Literal[True] | None, Field(description="tell it again at the address that was given up after a 410")
    ] = None
    services: Annotated[list[ServiceId] | None, Field(max_length=500, description="null: every service")] = None
    prefixes: Annotated[
        list[Prefix] | None,
        Field(max_length=500, description="of numbers it may have rung; null: all allowed ones"),
    ] = None
    requests_per_minute: Annotated[int | None, Field(ge=1)] = None
    calls_per_hour: Annotated[int | None, Field(ge=1)] = None
    second_step: Annotated[
        Literal["code", "click", "none"],
        Field(
            description="what must follow a request before anything rings; `none` only for a backend that asks itself"
        ),
    ] = "code"
    vouching: VouchingForm | None = None
    issuers: Annotated[
        list[Line128],
        Field(default_factory=list, max_length=50, description="whose citizens' tokens it may exchange"),
    ]
    require_signature: bool = False
    token_lifetime_s: Annotated[int | None, Field(ge=30, le=86400)] = None


class NewProgram(ProgramForm):
    """A program to register."""

    name: Line128
    role: RoleName = "portal"


class KeyForm(Strict):
    """A key to add. A secret or a shared key is drawn by us and shown once; of a public one the JWK or PEM is given."""

    kind: Literal["secret", "public", "hmac", "webhook"]
    public_key: Annotated[
        dict[str, Any] | str | None, Field(description="JWK or PEM; Ed25519, EC P-256 or RSA from 2048 bits")
    ] = None
    others_expire_in_s: Annotated[
        int, Field(ge=0, le=LONGEST_OVERLAP_S, description="how long older keys of the kind count still")
    ] = OVERLAP_S


class NotAllowed(ValueError):
    """What was said of a program may not be. `pointer` names the place (RFC 6901), `str()` says why."""

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(why)
        self.pointer = pointer


class NotAKey(ValueError):
    """The text is no public key that can be used. `str()` says why, without it."""


def register(
    form: NewProgram, pepper: bytes, at: datetime, lifetime_s: int, reach: Reach = OPEN_INTERNET
) -> tuple[Client, str]:
    """A new program and its secret, which is kept nowhere. `lifetime_s` is the operator's default for tokens. Raises
    NotAllowed."""
    made = new_client(pepper, at)
    role = Role(form.role)
    blank = Client(made.id, form.name, SCOPES_OF[role], at, lifetime_s, (made.key,), role=role)
    return change(blank, form, reach), made.secret


def change(client: Client, form: ProgramForm, reach: Reach = OPEN_INTERNET) -> Client:
    """The program after what was said; what was not said stays. Raises NotAllowed for a scope that its role may not
    have, and for an address that is not in reach."""
    said = form.model_fields_set
    _check_addresses(form, reach)
    values: dict[str, Any] = {name: getattr(form, name) for name in said & _PLAIN}
    values |= {name: frozenset(getattr(form, name)) for name in said & {"issuers", "callback_hosts"}}
    if "services" in said:
        values["services"] = None if form.services is None else frozenset(form.services)
    if "prefixes" in said:
        values["prefixes"] = None if form.prefixes is None else tuple(form.prefixes)
    if "scopes" in said:
        values["scopes"] = _allowed(client.role, form.scopes)
    if "second_step" in said:
        values["second_step"] = SecondStep(form.second_step)
    if "vouching" in said:
        values["vouching"] = _vouching(form.vouching)
    limits = {name: getattr(form, name) for name in said & set(Limits.__dataclass_fields__)}
    kept = {name: value for name, value in values.items() if value is not None or name in _NULLABLE}
    if form.callback_enabled or "callback_url" in said:
        kept["callback_disabled_at"] = None
    return replace(client, **kept, limits=replace(client.limits, **limits))


_PLAIN = frozenset({"name", "callback_url", "require_signature", "token_lifetime_s"})
_NULLABLE = frozenset({"callback_url", "services", "prefixes", "vouching"})


def _allowed(role: Role, scopes: Iterable[str] | None) -> frozenset[str]:
    wanted = SCOPES_OF[role] if scopes is None else frozenset(scopes)
    if beyond := sorted(wanted - SCOPES_OF[role]):
        raise NotAllowed("/scopes", f"a program of the role {role.value} may not have the scope {beyond[0]}")
    return wanted


def _check_addresses(form: ProgramForm, reach: Reach) -> None:
    """Raises NotAllowed. Delivery looks again, at what a name resolves to."""
    if form.callback_url is not None and (fault := fault_of(form.callback_url, reach)):
        raise NotAllowed("/callback_url", fault)
    for place, host in enumerate(form.callback_hosts):
        if fault := fault_of_host(host, reach):
            raise NotAllowed(f"/callback_hosts/{place}", fault)


def _vouching(form: VouchingForm | None) -> Vouching | None:
    return Vouching(frozenset(form.acr), frozenset(form.amr), form.max_age_s) if form else None


def new_key(client_id: str, form: KeyForm, pepper: bytes, at: datetime) -> tuple[ClientKey, str | None]:
    """The key, and what is shown once of it. Raises NotAKey."""
    if form.kind == "secret":
        secret, key = new_secret(client_id, pepper, at)
        return key, secret
    if form.kind == "hmac":
        shared = base64.b64encode(secrets.token_bytes(HMAC_BITS // 8)).decode()
        return ClientKey(f"key_{secrets.token_hex(8)}", KeyKind.HMAC, shared, at), shared
    if form.kind == "webhook":
        signing = f"whsec_{base64.b64encode(secrets.token_bytes(WEBHOOK_BYTES)).decode()}"
        return ClientKey(f"key_{secrets.token_hex(8)}", KeyKind.WEBHOOK, signing, at), signing
    if form.public_key is None:
        raise NotAKey("a public key must be given, as JWK or PEM")
    known = key_of(form.public_key if isinstance(form.public_key, dict) else _jwk(form.public_key))
    if known is None or not _fits(known):
        raise NotAKey("the public key must be Ed25519, EC P-256 or RSA of 2048 to 8192 bits, for signatures")
    jwk = json.dumps(known.as_dict(private=False), sort_keys=True)
    return ClientKey(f"key_{secrets.token_hex(8)}", KeyKind.PUBLIC, jwk, at), None


def _fits(key: Key) -> bool:
    return not isinstance(key, ECKey) or key.curve_name == "P-256"


def _jwk(pem: str) -> dict[str, Any]:
    """Raises NotAKey."""
    if "PRIVATE KEY" in pem:
        raise NotAKey("this is a private key: it belongs to the program alone; give the public one")
    try:
        public = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise NotAKey("the public key is neither a JWK nor PEM (`-----BEGIN PUBLIC KEY-----`)") from None
    kinds: dict[type[Any], type[Key]] = {Ed25519PublicKey: OKPKey, EllipticCurvePublicKey: ECKey, RSAPublicKey: RSAKey}
    kind = next((kind for of, kind in kinds.items() if isinstance(public, of)), None)
    return dict(kind.import_key(pem).as_dict(private=False)) if kind else {}


def others_expire(form: KeyForm, at: datetime) -> datetime:
    """When older keys of the kind stop to count."""
    return at + timedelta(seconds=form.others_expire_in_s)


def shown(client: Client, at: datetime) -> dict[str, Any]:
    """A program as JSON values: everything but what is secret."""
    return {
        "id": client.id,
        "name": client.name,
        "role": client.role.value,
        "scopes": sorted(client.scopes),
        "callback_url": client.callback_url,
        "callback_hosts": sorted(client.callback_hosts),
        "callback_disabled_at": client.callback_disabled_at,
        "services": None if client.services is None else sorted(client.services),
        "prefixes": None if client.prefixes is None else list(client.prefixes),
        "requests_per_minute": client.limits.requests_per_minute,
        "calls_per_hour": client.limits.calls_per_hour,
        "second_step": client.second_step.value,
        "vouching": _vouching_shown(client.vouching),
        "issuers": sorted(client.issuers),
        "require_signature": client.require_signature,
        "token_lifetime_s": client.token_lifetime_s,
        "created_at": client.created_at,
        "disabled_at": client.disabled_at,
        "keys": [_key_shown(key) for key in client.keys if key.living(at)],
    }


def _vouching_shown(vouching: Vouching | None) -> dict[str, Any] | None:
    if vouching is None:
        return None
    return {"acr": sorted(vouching.acr), "amr": sorted(vouching.amr), "max_age_s": vouching.max_age_s}


def _key_shown(key: ClientKey) -> dict[str, Any]:
    public = json.loads(key.material) if key.kind is KeyKind.PUBLIC else None
    return {
        "id": key.id,
        "kind": key.kind.value,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "public_key": public,
    }
