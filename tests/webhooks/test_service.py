"""The whole service as it is wired: a call is asked for over HTTP, and its program is told by HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pbx_bridge.ledger import AuditLine
from pbx_bridge.portal.registration import KeyForm, new_key
from tests.hostile.asker import Program
from tests.hostile.conftest import fort
from tests.hostile.fort import ANNA, BORIS, Fort

from .desks import Desk, answer, desk, headers_of

__all__ = ["fort"]

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")


@pytest.fixture
def chosen() -> dict[str, Any]:
    return {"webhooks": {"allow_networks": ["127.0.0.0/8"], "allow_http": True}}


@pytest.fixture
async def there(fort: Fort) -> AsyncIterator[Desk]:
    """A receiver on this machine, and the courier at work."""
    async with desk(answer("204 No Content")) as made:
        task = asyncio.create_task(fort.rooms.courier.run(), name="courier")
        yield made
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def told(fort: Fort, there: Desk, **more: Any) -> tuple[Program, str]:
    """A portal that wants to be told, and its webhook secret."""
    program = await fort.program(second_step="none", callback_url=there.url())
    key, secret = new_key(program.id, KeyForm(kind="webhook"), b"", fort.time())
    assert secret
    fort.treasure.keep("webhook secret", secret)
    await fort.rooms.ledger.add_key(program.id, key)
    await fort.time.advance(2)  # a program is looked up anew after a second
    return program, secret


def received(there: Desk) -> list[dict[str, Any]]:
    """Every event, by its message's own id."""
    events = []
    for raw in there.heard:
        head, _, body = raw.partition(b"\r\n\r\n")
        headers = dict(headers_of(head + b"\r\n\r\n"))
        event = json.loads(body)
        assert headers["webhook-id"] == event["id"]
        events.append(event)
    return events


async def test_a_program_is_told_of_its_call_what_the_history_says(fort: Fort, there: Desk) -> None:
    program, _ = await told(fort, there)
    call = (await program.initiates(ANNA)).json["call"]["id"]
    await program.ask("POST", f"/v1/calls/{call}/abort")
    await fort.time.advance(5)
    history = (await program.ask("GET", f"/v1/calls/{call}/events")).json["events"]
    assert received(there) == history
    assert history[-1]["type"] == "call.ended"
    page = (await program.ask("GET", f"/v1/webhook-deliveries?call_id={call}")).json
    assert [each["event_id"] for each in reversed(page["deliveries"])] == [each["id"] for each in history]
    assert {each["state"] for each in page["deliveries"]} == {"delivered"}
    metrics = (await program.ask("GET", "/metrics")).body.decode()
    assert f'pbx_webhook_tries_total{{result="delivered"}} {len(history)}.0' in metrics


async def test_a_call_with_an_address_of_its_own_on_a_host_that_is_known(fort: Fort, there: Desk) -> None:
    program, _ = await told(fort, there)
    own = there.url() + "/17"
    await program.initiates(ANNA, callback_url=own)
    await fort.time.advance(5)
    assert there.heard
    assert {each.split(b" ")[1] for each in there.heard} == {b"/hook/17"}


@pytest.mark.parametrize("url", ["https://elsewhere.example/", "http://10.0.0.1/", "https://u:p@127.0.0.1/", "x", ""])
async def test_a_call_cannot_send_us_anywhere_else(url: str, fort: Fort, there: Desk) -> None:
    program, _ = await told(fort, there)
    answer_ = await program.initiates(BORIS, callback_url=url)
    assert answer_.refused == (422, "validation-failed")
    anna = await fort.citizen("anna", ANNA, program)
    assert (await anna.ask("POST", "/v1/calls", anna.wish(user="anna", callback_url=there.url()))).status >= 400
    await fort.time.advance(5)
    assert there.heard == []


async def test_without_a_secret_a_call_cannot_have_an_address(fort: Fort, there: Desk) -> None:
    program = await fort.program(second_step="none", callback_url=there.url())
    assert (await program.initiates(ANNA, callback_url=there.url())).refused == (422, "validation-failed")


async def test_an_event_is_sent_again_with_the_same_id_by_its_program_and_by_staff_alone(
    fort: Fort, there: Desk
) -> None:
    program, _ = await told(fort, there)
    other, engineer = await fort.program(), await fort.program("engineer")
    await program.initiates(ANNA)
    await fort.time.advance(5)
    first = received(there)[0]
    path = f"/v1/webhook-deliveries/{first['id']}/replay"
    assert (await other.ask("POST", path)).refused == (404, "unknown-event")
    assert (await other.ask("GET", f"/v1/webhook-deliveries?client={program.id}")).json["deliveries"] == []
    assert (await engineer.ask("GET", f"/v1/webhook-deliveries?client={program.id}")).json["deliveries"]
    before = len(there.heard)
    for asker in (program, engineer):
        assert (await asker.ask("POST", path)).status == 202
        await fort.time.advance(10)
    assert [each["id"] for each in received(there)[before:]] == [first["id"]] * 2
    assert [line[1] for line in await fort.audit()].count("replay-webhook") == 2
    assert (await program.ask("POST", "/v1/webhook-deliveries/evt_x/replay")).refused == (404, "unknown-event")


async def test_a_test_is_signed_and_of_no_call(fort: Fort, there: Desk) -> None:
    program, _ = await told(fort, there)
    engineer = await fort.program("engineer")
    assert (await program.ask("POST", "/v1/webhook-deliveries/test")).json == {
        "taken": True, "status": 204, "words": None,
    }  # fmt: skip
    there.answers = [answer("301 Moved", "Location: http://10.0.0.1/")]
    refused = (await engineer.ask("POST", f"/v1/webhook-deliveries/test?client={program.id}")).json
    assert refused == {"taken": False, "status": 301, "words": "it answered 301: redirects are not followed"}
    assert [json.loads(each.partition(b"\r\n\r\n")[2])["type"] for each in there.heard] == ["webhook.test"] * 2
    bare = await fort.program()
    assert (await bare.ask("POST", "/v1/webhook-deliveries/test")).refused == (409, "no-address")
    assert (await engineer.ask("POST", "/v1/webhook-deliveries/test")).refused == (422, "validation-failed")


async def test_an_admin_gives_a_secret_and_enables_an_address_that_was_given_up(fort: Fort, there: Desk) -> None:
    admin = await fort.program("admin")
    made = await admin.ask("POST", "/v1/clients", {"name": "p", "callback_url": there.url()})
    one = f"/v1/clients/{made.json['client']['id']}"
    fort.treasure.keep("client secret", made.json["client_secret"])
    secret = (await admin.ask("POST", f"{one}/keys", {"kind": "webhook"})).json["secret"]
    fort.treasure.keep("webhook secret", secret)
    assert secret.startswith("whsec_")
    there.answers = [answer("410 Gone")]
    line = AuditLine(fort.time(), "service", "give-up-address", "taken")
    await fort.rooms.ledger.give_up_address(made.json["client"]["id"], there.url(), line)
    assert (await admin.ask("GET", one)).json["client"]["callback_disabled_at"]
    await admin.ask("PATCH", one, {"name": "q"})
    assert (await admin.ask("GET", one)).json["client"]["callback_disabled_at"]
    enabled = (await admin.ask("PATCH", one, {"callback_enabled": True})).json["client"]
    assert enabled["callback_disabled_at"] is None
