"""`pbx-bridge client …`: programs on the command line, by the same rules as over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import App, Parameter
from pydantic import ValidationError
from rich.console import Console

from . import settings
from .ledger import AuditLine, Client, Ledger, migrate
from .portal.registration import (
    KeyForm,
    NewProgram,
    NotAKey,
    NotAllowed,
    ProgramForm,
    change,
    new_key,
    others_expire,
    register,
    shown,
)
from .upkeep import operator
from .wiring import ledger_of, now, reach_of

Config = Annotated[Path | None, Parameter(name=["--config", "-c"], help="Configuration file; default PBX_CONFIG.")]
RoleName = Literal["portal", "engineer", "supervisor", "auditor", "admin"]
Many = Parameter(negative="", help="Repeatable.")
Result = TypeVar("Result")

app = App(name="client", help="Programs that may ask: add, list, show, change, rotate, disable.")
out = Console(highlight=False, soft_wrap=True)
_SHOWN_AS = {"secret": "client_secret", "hmac": "hmac_key", "webhook": "whsec"}
_DURATION = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Refused(Exception):
    """What was asked for cannot be done. The text says why and what to do."""


@app.command
def add(
    name: str,
    *,
    role: RoleName = "portal",
    scope: Annotated[list[str] | None, Parameter(negative="", help="Repeatable; default: all of the role.")] = None,
    callback_url: str | None = None,
    callback_host: Annotated[list[str] | None, Many] = None,
    service: Annotated[list[str] | None, Many] = None,
    prefix: Annotated[list[str] | None, Many] = None,
    issuer: Annotated[list[str] | None, Many] = None,
    acr: Annotated[list[str] | None, Many] = None,
    amr: Annotated[list[str] | None, Many] = None,
    second_step: Literal["code", "click", "none"] = "code",
    require_signature: bool = False,
    config: Config = None,
) -> None:
    """Register a program NAME. Its secret is printed once, and kept nowhere.

    Parameters
    ----------
    role
        What kind of asker it is: docs/roles.md.
    callback_url
        Where it wants to be told of its calls by webhook (https); `client rotate --kind webhook` makes its secret.
    callback_host
        A host that a call's own address may have, beside that of callback_url.
    service
        A service that it may call; default: every one.
    prefix
        Numbers that it may have rung begin so (+7916); default: all that [destinations] allows.
    issuer
        Whose citizens' tokens it may exchange: an issuer of [[issuers]].
    acr, amr
        A citizen's own token with one of these, at most five minutes old, spares the one-time code.
    second_step
        What must follow before anything rings: a one-time code, a click where the portal answers for the second
        factor, or none for a backend that has taken both steps itself.
    require_signature
        Its requests must be signed (RFC 9421); add a key with `client rotate --kind`.
    """
    said = _said(
        name=name, role=role, scopes=scope, callback_url=callback_url, callback_hosts=callback_host,
        services=service, prefixes=prefix, issuers=issuer,
        vouching={"acr": acr or [], "amr": amr or []} if acr or amr else None,
    )  # fmt: skip
    form = _checked(NewProgram, said | {"second_step": second_step, "require_signature": require_signature})
    wanted = settings.load(config)
    try:
        client, secret = register(form, _pepper(wanted), now(), wanted.tokens.lifetime_s, reach_of(wanted))
    except NotAllowed as error:
        raise Refused(f"{error.pointer[1:]} {error}.") from None
    detail = {"client": client.id, "role": role, "scopes": sorted(client.scopes)}

    async def keep(ledger: Ledger) -> None:
        await _note(ledger, "add-client", detail)
        await ledger.add_client(client)

    asyncio.run(migrate(wanted.database.url.get_secret_value()))
    _with_ledger(wanted, keep)
    scopes = " ".join(sorted(client.scopes))
    out.print(f"client_id     {client.id}\nclient_secret {secret}\nscopes        {scopes}", markup=False)
    Console(stderr=True).print("Keep the secret now: it is not shown again.")


@app.command(name="list")
def list_(*, config: Config = None) -> None:
    """All programs, without their secrets."""
    for each in _with_ledger(settings.load(config), lambda ledger: ledger.clients()):
        state = f"disabled {each.disabled_at:%Y-%m-%d}" if each.disabled_at else "active"
        words = f"{each.id}  {state:19}  {each.role.value:10}  {' '.join(sorted(each.scopes))}  {each.name}"
        out.print(words, markup=False)


@app.command
def show(client_id: str, *, config: Config = None) -> None:
    """Everything that is known of a program, without its secrets."""
    client = _with_ledger(settings.load(config), lambda ledger: _program(ledger, client_id))
    for name, value in shown(client, now()).items():
        if name != "keys":
            words = " ".join(map(str, value)) if isinstance(value, list) else "-" if value is None else value
            out.print(f"{name:20} {words}", markup=False)
    for key in client.keys:
        over = f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "for good"
        out.print(f"key {key.id:16} {key.kind.value:7} counts {over}", markup=False)


@app.command(name="change")
def change_(
    client_id: str,
    *,
    name: str | None = None,
    scope: Annotated[list[str] | None, Many] = None,
    callback_url: str | None = None,
    callback_host: Annotated[list[str] | None, Many] = None,
    service: Annotated[list[str] | None, Many] = None,
    prefix: Annotated[list[str] | None, Many] = None,
    issuer: Annotated[list[str] | None, Many] = None,
    second_step: Literal["code", "click", "none"] | None = None,
    require_signature: bool | None = None,
    config: Config = None,
) -> None:
    """Change what a program may. What is not said stays as it is; a second later it counts."""
    said = _said(
        name=name, scopes=scope, callback_url=callback_url, callback_hosts=callback_host, services=service,
        prefixes=prefix, issuers=issuer, second_step=second_step, require_signature=require_signature,
    )  # fmt: skip
    form, wanted = _checked(ProgramForm, said), settings.load(config)

    async def keep(ledger: Ledger) -> None:
        try:
            after = change(await _program(ledger, client_id), form, reach_of(wanted))
        except NotAllowed as error:
            raise Refused(f"{error.pointer[1:]} {error}.") from None
        await _note(ledger, "change-client", {"client": client_id, "fields": sorted(said)})
        await ledger.change_client(after)

    _with_ledger(wanted, keep)
    out.print(f"{client_id} is changed: {', '.join(sorted(said)) or 'nothing was said'}.", markup=False)


@app.command
def rotate(
    client_id: str,
    *,
    kind: Literal["secret", "hmac", "public", "webhook"] = "secret",
    public_key: Annotated[Path | None, Parameter(help="A file with a JWK or PEM, for --kind public.")] = None,
    keep_old_for: Annotated[str, Parameter(help="How long older keys count still: 30m, 24h, 7d, 0s.")] = "24h",
    config: Config = None,
) -> None:
    """Give a program a new secret, a key for signatures, or one for webhooks. What is secret of it is printed once."""
    given = public_key.read_text(encoding="utf-8") if public_key else None
    form = _checked(KeyForm, {"kind": kind, "public_key": given, "others_expire_in_s": _seconds(keep_old_for)})
    wanted = settings.load(config)
    try:
        key, secret = new_key(client_id, form, _pepper(wanted), now())
    except NotAKey as error:
        raise Refused(f"{error}.") from None

    async def keep(ledger: Ledger) -> None:
        await _program(ledger, client_id)
        await _note(ledger, "add-key", {"client": client_id, "key": key.id, "kind": kind})
        await ledger.add_key(client_id, key, others_expire_at=others_expire(form, now()))

    _with_ledger(wanted, keep)
    out.print(f"key_id        {key.id}", markup=False)
    if secret:
        out.print(f"{_SHOWN_AS[kind]:13} {secret}", markup=False)
        Console(stderr=True).print("Keep it now: it is not shown again.")
    out.print(f"Older keys of this kind count for {keep_old_for} still.", markup=False)


@app.command
def disable(client_id: str, *, config: Config = None) -> int:
    """End a program's rights; a second later its tokens work no more."""

    async def end(ledger: Ledger) -> bool:
        await _note(ledger, "disable-client", {"client": client_id})
        return await ledger.disable_client(client_id, now())

    if _with_ledger(settings.load(config), end):
        out.print(f"{client_id} is disabled.")
        return 0
    out.print(f"There is no active client {client_id}; `pbx-bridge client list` shows them.")
    return 1


def _said(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


Form = TypeVar("Form", NewProgram, ProgramForm, KeyForm)


def _checked(form: type[Form], said: dict[str, Any]) -> Form:
    try:
        return form.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise Refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise Refused(f"{text!r} is no duration: write 30m, 24h or 7d.")
    return int(match[1]) * _SECONDS[match[2]]


def _pepper(wanted: settings.Settings) -> bytes:
    return wanted.secrets.pepper.get_secret_value().encode()


async def _program(ledger: Ledger, client_id: str) -> Client:
    client = await ledger.client(client_id)
    if client is None:
        raise Refused(f"There is no program {client_id}; `pbx-bridge client list` shows them.")
    return client


async def _note(ledger: Ledger, action: str, detail: dict[str, Any]) -> None:
    await ledger.note([AuditLine(now(), operator(), action, "taken", detail)])


def _with_ledger(wanted: settings.Settings, work: Callable[[Ledger], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        ledger = await ledger_of(wanted)
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return asyncio.run(run())
