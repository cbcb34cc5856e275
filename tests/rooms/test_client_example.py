"""What the how-to pages show works as it stands there."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from multidict import CIMultiDict, CIMultiDictProxy
from standardwebhooks import Webhook

from pbx_bridge import client as package
from pbx_bridge.ledger.access import ClientKey, KeyKind
from pbx_bridge.portal.problems import CATALOGUE
from pbx_bridge.portal.signatures import Message, _public_key, check

from .client_relay import bridge, house_of_today
from .portal_house import House, Site, serve
from .portal_signer import jwk
from .test_client_tokens import Portals
from .test_portal_signatures_vectors import AT, CLIENT, ED25519_JWK

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
CLIENT_PAGE = (HOW_TO / "python-client.md").read_text()
SIGNING_PAGE = (HOW_TO / "sign-requests.md").read_text()


@pytest.fixture
def house() -> House:
    return house_of_today()


@pytest_asyncio.fixture
async def site(house: House) -> AsyncIterator[Site]:
    async with serve(house, issuers=Portals()) as running:
        yield running


def example(word: str) -> str:
    """The one example that has this word in it."""
    (found,) = [each for each in re.findall(r"```python\n(.*?)```", CLIENT_PAGE, re.DOTALL) if word in each]
    return str(found)


def names(word: str) -> dict[str, Any]:
    """What the example defines."""
    found: dict[str, Any] = {}
    exec(example(word), found)  # noqa: S102  our own page
    return found


def test_every_example_is_run_by_a_test_here() -> None:
    assert CLIENT_PAGE.count("```python") == len(["follow", "follow_all", "exchange", "from_pem", "verify_webhook"])


async def test_a_call_from_the_press_to_its_end(
    site: Site, house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("URL", site.url), ("CLIENT", site.client.id), ("SECRET", site.secret)):
        monkeypatch.setenv(f"BRIDGE_{name}", value)
    reading = asyncio.create_task(asyncio.to_thread(exec, example("bridge.follow("), {}))
    async with asyncio.timeout(10):
        while not len(house.hub):  # noqa: ASYNC110  the hub has no bell for this
            await asyncio.sleep(0)
        (call_id,) = house.calls_
        house.rings(call_id)
        house.hangs_up(call_id)
        await reading
    printed = [line for line in capsys.readouterr().out.splitlines() if line[:1].isdigit() and "info" not in line]
    assert [line.split(" ")[0] for line in printed] == ["1", "2", "3", "4"]
    assert printed[-1] == "4 завершено"


async def test_all_calls_are_followed_from_where_one_stopped(
    site: Site, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    call = await site.open_call()
    house.rings(call)
    async with bridge(site) as program:
        reading = asyncio.create_task(names("follow_all")["keep"](program, house.log[0].id))
        async with asyncio.timeout(10):
            while not house.feed.followers:  # noqa: ASYNC110  the feed has no bell for this
                await asyncio.sleep(0)
            house.hangs_up(call)
            said = ""
            while not said:
                await asyncio.sleep(0)
                said = "".join(line for line in capsys.readouterr().out.splitlines() if line.startswith("evt_"))
        reading.cancel()
    assert said == f"{house.log[-1].id} {call} call.ended"


async def test_in_a_citizen_s_name(site: Site, house: House) -> None:
    house.clients_[site.client.id] = replace(site.client, issuers=frozenset({"https://portal.example"}))
    call = await site.open_call("anna")
    await site.open_call("boris")
    async with bridge(site) as portal:
        assert await names("exchange")["calls_of"](portal, "citizen:anna") == [call]


async def test_signed_with_a_key_that_also_proves_who_asks(site: Site, house: House, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = tmp_path / "portal.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    kept = ClientKey("key_3f2a", KeyKind.PUBLIC, jwk(key), house.clock())
    house.clients_[site.client.id] = replace(site.client, keys=(kept,), require_signature=True)
    async with names("from_pem")["signed_bridge"](site.url, site.client.id, "key_3f2a", pem) as portal:
        assert await portal.start_call({"id": "u-1", "phone": "+79161234567"})


def test_a_webhook_is_received(capsys: pytest.CaptureFixture[str]) -> None:
    found = names("verify_webhook")
    body = b'{"type": "call.ended", "sequence": 7}'
    for secret in found["SECRETS"]:
        now = datetime.now(UTC)
        signature = Webhook(secret).sign("evt_1", now, body.decode())
        headers = {
            "webhook-id": "evt_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        assert found["receive"](headers, body) == 204
        assert found["receive"](headers, body + b" ") == 400
    assert "call.ended 7" in capsys.readouterr().out


def test_the_package_s_first_words_are_right() -> None:
    assert set(re.findall(r"import (\w+), (\w+)", package.__doc__ or "")[0]) <= set(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)


def test_the_signed_request_on_the_page_is_good() -> None:
    (shown,) = re.findall(r"```http\n(.*?)```", SIGNING_PAGE, re.DOTALL)
    head, _, body = shown.rstrip("\n").partition("\n\n")
    line, *fields = head.split("\n")
    method, target, _ = line.split(" ")
    headers = CIMultiDict(tuple(field.split(": ", 1)) for field in fields)  # type: ignore[misc]
    at = datetime(2026, 1, 12, 6, tzinfo=UTC)
    known = replace(CLIENT, keys=(ClientKey("key_3f2a", KeyKind.PUBLIC, ED25519_JWK, AT),))
    message = Message(method, f"http://service{target}", CIMultiDictProxy(headers))
    assert check(message, body.encode(), known, at, 60).nonce == "Zk1cVZQo5pNoAJ2B"
    (base,) = re.findall(r"```text\n(.*?)\n```", SIGNING_PAGE, re.DOTALL)
    signature = base64.b64decode(headers["Signature"].removeprefix("sig=:").removesuffix(":"))
    _public_key(ED25519_JWK).verify(signature, base.encode())  # type: ignore[union-attr]


def test_the_refusals_on_the_page_are_those_that_there_are() -> None:
    shown = set(re.findall(r"`/problems/(signature-\w+)`", SIGNING_PAGE))
    assert shown == {slug for slug in CATALOGUE if slug.startswith("signature-")}
