"""Programs over HTTP, and on the command line by the same rules."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pbx_bridge.ledger.access import Client, KeyKind, Role, SecondStep
from pbx_bridge.portal.clients import is_secret
from pbx_bridge.portal.rights import SCOPES_OF

from .portal_house import PEPPER, House, Reply, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    async with serve(house) as running:
        yield running


@pytest.fixture
def admin(house: House) -> Client:
    return house.client("registrar", SCOPES_OF[Role.ADMIN], role=Role.ADMIN)[0]


def pem(key: Any) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


class Desk:
    """An admin at work."""

    def __init__(self, site: Site, house: House, admin: Client) -> None:
        self.site, self.house, self.admin = site, house, admin

    async def ask(self, method: str, path: str, body: object = None) -> Reply:
        headers = self.site.bearer(self.admin, SCOPES_OF[Role.ADMIN])
        return await self.site.ask(method, path, headers=headers, **({} if body is None else {"json": body}))

    async def added(self, **form: Any) -> dict[str, Any]:
        reply = await self.ask("POST", "/v1/clients", {"name": "Портал", **form})
        assert reply.status == 201, reply.body
        return dict(reply.json)


@pytest.fixture
def desk(site: Site, house: House, admin: Client) -> Desk:
    return Desk(site, house, admin)


async def test_a_program_is_registered_and_its_secret_is_shown_once(desk: Desk) -> None:
    made = await desk.added(callback_url="https://portal.example/calls", prefixes=["+7916"])
    client = desk.house.clients_[made["client"]["id"]]
    assert client.second_step is SecondStep.CODE
    assert client.prefixes == ("+7916",)
    assert client.scopes == SCOPES_OF[Role.PORTAL]
    assert is_secret(client.id, made["client_secret"], client, desk.house.clock(), PEPPER)
    shown = await desk.ask("GET", f"/v1/clients/{client.id}")
    assert made["client_secret"] not in shown.body.decode()
    assert client.keys[0].material not in shown.body.decode()
    assert shown.json["client"] == made["client"]


async def test_the_new_program_gets_a_token_with_its_secret(desk: Desk) -> None:
    made = await desk.added()
    form = {"grant_type": "client_credentials", "client_id": made["client"]["id"]}
    form["client_secret"] = made["client_secret"]
    reply = await desk.site.post("/oauth/token", data=form, headers={"Authorization": None})
    assert reply.status == 200
    assert set(reply.json["scope"].split()) == SCOPES_OF[Role.PORTAL]


async def test_what_is_left_out_of_a_change_stays(desk: Desk) -> None:
    made = await desk.added(prefixes=["+7916"], calls_per_hour=5)
    path = f"/v1/clients/{made['client']['id']}"
    changed = (await desk.ask("PATCH", path, {"require_signature": True, "requests_per_minute": 7})).json["client"]
    assert changed == made["client"] | {"require_signature": True, "requests_per_minute": 7}
    widened = (await desk.ask("PATCH", path, {"prefixes": None})).json["client"]
    assert widened["prefixes"] is None
    assert widened["calls_per_hour"] == 5


async def test_rotation_keeps_the_old_secret_for_a_while(desk: Desk) -> None:
    made = await desk.added()
    id_ = made["client"]["id"]
    fresh = await desk.ask("POST", f"/v1/clients/{id_}/keys", {"kind": "secret", "others_expire_in_s": 60})
    old, new = made["client_secret"], fresh.json["secret"]
    now = desk.house.clock
    works = [is_secret(id_, each, desk.house.clients_[id_], now(), PEPPER) for each in (old, new)]
    assert works == [True, True]
    desk.house.clock.later(60)
    works = [is_secret(id_, each, desk.house.clients_[id_], now(), PEPPER) for each in (old, new)]
    assert works == [False, True]


async def test_a_key_that_leaked_is_dropped_at_once(desk: Desk) -> None:
    made = await desk.added()
    id_, key = made["client"]["id"], made["client"]["keys"][0]["id"]
    assert (await desk.ask("DELETE", f"/v1/clients/{id_}/keys/{key}")).json["client"]["keys"] == []
    assert (await desk.ask("DELETE", f"/v1/clients/{id_}/keys/key_other")).problem == "unknown-client"


async def test_a_shared_key_for_signatures_is_shown_once(desk: Desk) -> None:
    id_ = (await desk.added())["client"]["id"]
    fresh = (await desk.ask("POST", f"/v1/clients/{id_}/keys", {"kind": "hmac"})).json
    (kept,) = desk.house.clients_[id_].living_keys(KeyKind.HMAC, desk.house.clock())
    assert kept.material == fresh["secret"]
    assert fresh["secret"] not in (await desk.ask("GET", f"/v1/clients/{id_}")).body.decode()


async def test_a_public_key_is_taken_as_pem_or_jwk(desk: Desk) -> None:
    id_ = (await desk.added())["client"]["id"]
    path = f"/v1/clients/{id_}/keys"
    assert (
        await desk.ask("POST", path, {"kind": "public", "public_key": pem(Ed25519PrivateKey.generate())})
    ).status == 201
    (kept,) = desk.house.clients_[id_].living_keys(KeyKind.PUBLIC, desk.house.clock())
    jwk = json.loads(kept.material)
    assert (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519")
    assert (await desk.ask("POST", path, {"kind": "public", "public_key": jwk})).status == 201


@pytest.mark.parametrize(
    "key",
    [
        pem(generate_private_key(SECP384R1())),
        pem(generate_rsa(65537, 1024)),  # noqa: S505  too short on purpose
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "ssh-ed25519 AAAA",
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "OKP"},
        None,
    ],
)
async def test_other_keys_are_refused_and_never_repeated(desk: Desk, key: Any) -> None:
    id_ = (await desk.added())["client"]["id"]
    reply = await desk.ask("POST", f"/v1/clients/{id_}/keys", {"kind": "public", "public_key": key})
    assert set(reply.complaints) == {"/public_key"}
    assert "PRIVATE KEY" not in reply.body.decode()


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.example/calls",
        "https://localhost/x",
        "https://portal/x",
        "https://127.0.0.1/x",
        "https://10.1.2.3/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://169.254.169.254/latest",
        "https://user:password@portal.example/x",
        "https://portal.example/x#part",
        "https://asterisk.internal/x",
        "ftp://portal.example/",
        "https://[::",
        "javascript:alert(1)",
    ],
)
async def test_a_callback_to_a_machine_of_ours_is_refused(desk: Desk, url: str) -> None:
    reply = await desk.ask("POST", "/v1/clients", {"name": "p", "callback_url": url})
    assert set(reply.complaints) == {"/callback_url"}


async def test_a_role_sets_what_may_be_asked(desk: Desk) -> None:
    made = await desk.added(role="auditor")
    assert set(made["client"]["scopes"]) == SCOPES_OF[Role.AUDITOR]
    reply = await desk.ask("POST", "/v1/clients", {"name": "p", "role": "auditor", "scopes": ["calls:write"]})
    assert set(reply.complaints) == {"/scopes"}
    assert (await desk.ask("POST", "/v1/clients", {"name": "p", "role": "citizen"})).problem == "validation-failed"
    assert (await desk.ask("POST", "/v1/clients", {"name": "p", "scopes": ["root"]})).problem == "validation-failed"


async def test_a_disabled_program_asks_no_more(desk: Desk) -> None:
    program, _ = desk.house.client("old")
    reply = await desk.ask("POST", f"/v1/clients/{program.id}/disable")
    assert reply.json["client"]["disabled_at"]
    assert (await desk.ask("POST", f"/v1/clients/{program.id}/disable")).status == 200
    assert (await desk.site.get("/v1/calls", client=program)).problem == "invalid-token"


async def test_all_are_listed_without_secrets(desk: Desk) -> None:
    made = await desk.added()
    reply = await desk.ask("GET", "/v1/clients")
    assert made["client"]["id"] in {each["id"] for each in reply.json["clients"]}
    assert "pbxs_" not in reply.body.decode()


@pytest.mark.parametrize("id_", ["client_none", "x" * 200, "%00"])
async def test_a_program_that_is_not_there_is_said_so(desk: Desk, id_: str) -> None:
    assert (await desk.ask("GET", f"/v1/clients/{id_}")).problem == "unknown-client"


async def test_every_act_is_in_the_audit_without_anything_secret(desk: Desk) -> None:
    made = await desk.added()
    id_ = made["client"]["id"]
    await desk.ask("PATCH", f"/v1/clients/{id_}", {"name": "new"})
    key = (await desk.ask("POST", f"/v1/clients/{id_}/keys", {"kind": "hmac"})).json
    await desk.ask("POST", f"/v1/clients/{id_}/disable")
    lines = [line for line, _ in desk.house.lines if line.detail.get("client") == id_]
    assert [line.action for line in lines] == ["add-client", "change-client", "add-key", "disable-client"]
    assert {line.actor for line in lines} == {f"client:{desk.admin.id}"}
    assert made["client_secret"] not in repr(lines)
    assert key["secret"] not in repr(lines)


async def test_nobody_but_an_admin_is_let_in(desk: Desk) -> None:
    for role in (Role.PORTAL, Role.ENGINEER, Role.SUPERVISOR, Role.AUDITOR):
        other, _ = desk.house.client(role.value, frozenset({"clients"}), role=role)
        reply = await desk.site.get("/v1/clients", headers=desk.site.bearer(other, frozenset({"clients"})))
        assert (reply.status, reply.problem) == (403, "wrong-role")
