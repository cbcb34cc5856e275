"""Programs: register them, change what they may, give them keys, end their rights. For admins."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import AwareDatetime, Field, TypeAdapter

from ...ledger.access import Client
from .. import answers, complaints
from ..bodies import as_json, read_json, read_query
from ..needs import NEEDS
from ..noting import note
from ..operations import Answer, Body, Operation
from ..problems import Problem
from ..queries import NoQuery
from ..registration import (
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

_NEW, _FORM, _KEY = TypeAdapter(NewProgram), TypeAdapter(ProgramForm), TypeAdapter(KeyForm)


class Program(answers.Part):
    """A program, without anything secret."""

    id: str
    name: str
    role: str
    scopes: list[str]
    callback_url: str | None
    callback_hosts: list[str]
    callback_disabled_at: Annotated[
        AwareDatetime | None, Field(description="when its address was given up, because it answered 410")
    ]
    services: list[str] | None
    prefixes: list[str] | None
    requests_per_minute: int | None
    calls_per_hour: int | None
    second_step: str
    vouching: dict[str, Any] | None
    issuers: list[str]
    require_signature: bool
    token_lifetime_s: int
    created_at: AwareDatetime
    disabled_at: AwareDatetime | None
    keys: list[dict[str, Any]]


class OneProgram(answers.Part):
    """A program."""

    client: Program


class NewlyRegistered(OneProgram):
    """A program that was just registered."""

    client_secret: Annotated[str, Field(description="shown once, and kept nowhere")]


class Programs(answers.Part):
    """Every program."""

    clients: list[Program]


class NewlyMade(answers.Part):
    """A key that was just added."""

    key_id: str
    secret: Annotated[str | None, Field(description="shown once; none for a public key")]


async def list_(request: web.Request) -> web.Response:
    """Every program, disabled ones too."""
    read_query(request, NoQuery)
    needs = request.app[NEEDS]
    return as_json({"clients": [shown(each, needs.clock()) for each in await needs.ledger.clients()]})


async def show(request: web.Request) -> web.Response:
    """One program."""
    read_query(request, NoQuery)
    return _answer(request, await _program(request))


async def add(request: web.Request) -> web.Response:
    """Register a program. Its secret is in this answer and nowhere else."""
    form, _ = await read_json(request, _NEW)
    needs = request.app[NEEDS]
    try:
        client, secret = register(
            form, needs.settings.pepper, needs.clock(), needs.settings.token_lifetime_s, needs.settings.reach
        )
    except NotAllowed as error:
        raise complaints.problem([complaints.item("body", error.pointer, str(error))]) from None
    await note(
        request, "add-client", detail={"client": client.id, "role": client.role.value, "scopes": sorted(client.scopes)}
    )
    await needs.ledger.add_client(client)
    answer = {"client": shown(client, needs.clock()), "client_secret": secret}
    return as_json(answer, status=201, headers={"Location": f"/v1/clients/{client.id}"})


async def alter(request: web.Request) -> web.Response:
    """Change what was said of a program. Counts within a second."""
    form, _ = await read_json(request, _FORM)
    client = await _program(request)
    try:
        after = change(client, form, request.app[NEEDS].settings.reach)
    except NotAllowed as error:
        raise complaints.problem([complaints.item("body", error.pointer, str(error))]) from None
    await note(request, "change-client", detail={"client": client.id, "fields": sorted(form.model_fields_set)})
    await request.app[NEEDS].ledger.change_client(after)
    return _answer(request, after)


async def disable(request: web.Request) -> web.Response:
    """End a program's rights; repeating it is harmless."""
    client, needs = await _program(request), request.app[NEEDS]
    await note(request, "disable-client", detail={"client": client.id})
    await needs.ledger.disable_client(client.id, needs.clock())
    return _answer(request, await _program(request))


async def add_key(request: web.Request) -> web.Response:
    """Give a program another key; those of the same kind that it had count for a while still."""
    form, _ = await read_json(request, _KEY)
    client, needs = await _program(request), request.app[NEEDS]
    try:
        key, secret = new_key(client.id, form, needs.settings.pepper, needs.clock())
    except NotAKey as error:
        raise complaints.problem([complaints.item("body", "/public_key", str(error))]) from None
    await note(request, "add-key", detail={"client": client.id, "key": key.id, "kind": form.kind})
    await needs.ledger.add_key(client.id, key, others_expire_at=others_expire(form, needs.clock()))
    return as_json({"key_id": key.id, "secret": secret}, status=201)


async def drop_key(request: web.Request) -> web.Response:
    """A key counts no more, from now on."""
    client, needs = await _program(request), request.app[NEEDS]
    key_id = request.match_info["key_id"]
    if key_id not in {key.id for key in client.keys}:
        raise Problem("unknown-client", "the program has no such key")
    await note(request, "drop-key", detail={"client": client.id, "key": key_id})
    await needs.ledger.drop_key(client.id, key_id, needs.clock())
    return _answer(request, await _program(request))


async def _program(request: web.Request) -> Client:
    client_id = request.match_info["client_id"]
    plausible = client_id.isascii() and client_id.isprintable() and len(client_id) <= 128
    client = await request.app[NEEDS].ledger.client(client_id) if plausible else None
    if client is None:
        raise Problem("unknown-client")
    return client


def _answer(request: web.Request, client: Client) -> web.Response:
    return as_json({"client": shown(client, request.app[NEEDS].clock())})


_ONE = "/v1/clients/{client_id}"
_SHOWN = (Answer(200, "The program", {"application/json": OneProgram}),)

OPERATIONS = (
    Operation(
        id="listClients",
        method="GET",
        path="/v1/clients",
        summary="List the programs that may ask",
        handler=list_,
        answers=(Answer(200, "All of them, by id", {"application/json": Programs}),),
        problems=("validation-failed",),
    ),
    Operation(
        id="addClient",
        method="POST",
        path="/v1/clients",
        summary="Register a program",
        handler=add,
        body=Body(NewProgram, {"a portal": {"name": "Gosuslugi", "callback_url": "https://portal.example/calls"}}),
        answers=(Answer(201, "Registered; keep the secret now", {"application/json": NewlyRegistered}),),
    ),
    Operation(
        id="getClient",
        method="GET",
        path=_ONE,
        summary="Read a program",
        handler=show,
        answers=_SHOWN,
        problems=("unknown-client", "validation-failed"),
    ),
    Operation(
        id="changeClient",
        method="PATCH",
        path=_ONE,
        summary="Change what a program may",
        description="What is left out stays as it is.",
        handler=alter,
        body=Body(ProgramForm, {"fewer numbers": {"prefixes": ["+7916"]}}),
        answers=_SHOWN,
        problems=("unknown-client",),
    ),
    Operation(
        id="disableClient",
        method="POST",
        path=f"{_ONE}/disable",
        summary="End a program's rights",
        description="Its tokens work no more within a second; repeating it is harmless.",
        handler=disable,
        answers=_SHOWN,
        problems=("unknown-client",),
    ),
    Operation(
        id="addKey",
        method="POST",
        path=f"{_ONE}/keys",
        summary="Give a program a new key: rotate its secret, or add one for signatures",
        handler=add_key,
        body=Body(
            KeyForm,
            {
                "rotate the secret": {"kind": "secret", "others_expire_in_s": 86400},
                "a shared key for signatures": {"kind": "hmac"},
                "a secret to check webhooks with": {"kind": "webhook"},
            },
        ),
        answers=(Answer(201, "Added; a secret is shown this once", {"application/json": NewlyMade}),),
        problems=("unknown-client",),
    ),
    Operation(
        id="dropKey",
        method="DELETE",
        path=_ONE + "/keys/{key_id}",
        summary="End a key at once",
        handler=drop_key,
        answers=_SHOWN,
        problems=("unknown-client",),
    ),
)
