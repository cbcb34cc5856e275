"""A program is told by webhook of a call on the real Asterisk: all of it, in order, through a receiver that fails and a
service that is killed in the middle of the talk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.client import verify_webhook
from tests.stage import Plan, Stage, until
from tests.webhooks.desks import Desk, answer, desk, headers_of

pytest_plugins = ("tests.stage_plugin",)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(environment={"PBX_WEBHOOKS__ALLOW_NETWORKS": '["127.0.0.0/8"]', "PBX_WEBHOOKS__ALLOW_HTTP": "true"})


@pytest_asyncio.fixture(loop_scope="module")
async def there(stage: Stage) -> AsyncIterator[tuple[Desk, str]]:
    """The receiver of the stage's program, and its secret."""
    async with desk(answer("204 No Content")) as made:
        client = stage.portal.client_id
        await stage.service.command("client", "change", client, "--callback-url", made.url())
        said = await stage.service.command("client", "rotate", client, "--kind", "webhook", "--keep-old-for", "0s")
        yield made, next(word for word in said.split() if word.startswith("whsec_"))


def received(there: tuple[Desk, str]) -> list[dict[str, Any]]:
    """Every message so far, its signature checked."""
    heard = [raw.partition(b"\r\n\r\n") for raw in there[0].heard]
    return [verify_webhook(dict(headers_of(head + b"\r\n\r\n")), body, there[1]) for head, _, body in heard]


async def arrived(
    there: tuple[Desk, str], wanted: list[dict[str, Any]], within_s: float = 20.0
) -> list[dict[str, Any]]:
    """The events of one call as they arrived, once the last one has."""

    async def look() -> list[dict[str, Any]]:
        return [each for each in received(there) if each["subject"] == wanted[0]["subject"]]

    last = wanted[-1]["id"]
    return await until(look, lambda found: last in {each["id"] for each in found}, "the last event", within_s)


async def test_a_talk_is_told_as_it_stands_in_the_history(stage: Stage, there: tuple[Desk, str]) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    await ann.hang_up()
    await stage.end(call)
    history = await stage.events(call)
    assert await arrived(there, history) == history
    listed = await stage.service.command("webhook", "list", "--call", call)
    assert listed.count("delivered") == len(history)


async def test_a_service_that_is_killed_in_the_talk_tells_all_of_it(stage: Stage, there: tuple[Desk, str]) -> None:
    ann, citizen = await stage.agent("ann"), await stage.citizen()
    call = await stage.talk(citizen, ann)
    there[0].answers = [answer("503 Away"), answer("204 No Content")]
    async with stage.service_dead():
        await ann.hang_up()
    await stage.end(call)
    history = await stage.events(call)
    told = await arrived(there, history, within_s=70.0)
    first = {each["id"]: each for each in reversed(told)}
    assert sorted(first.values(), key=lambda each: int(each["sequence"])) == history
    order = list(dict.fromkeys(each["sequence"] for each in told))
    assert order == sorted(order)
