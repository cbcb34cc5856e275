"""Citizens found by what is known about them, through blind marks, with a line for everyone who was seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pbx_bridge.ledger.access import Role
from pbx_bridge.portal.rights import SCOPES_OF

from .citizen_desk import ANNA, MASKED, Desk, house_of, is_nowhere
from .portal_house import House, Reply, serve

pytest_plugins = ("tests.ledger_plugin",)


@pytest.fixture(params=["memory", "paper"])
def house(request: pytest.FixtureRequest) -> House:
    return house_of(request)


@pytest_asyncio.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    async with serve(house) as site:
        desk = Desk(site)
        await desk.supply()
        await desk.supply({"snils": "001-001-999 98", "verified": []}, user="u-2")
        yield desk


async def find(desk: Desk, by: Role = Role.PORTAL, **how: Any) -> Reply:
    """Look for citizens, as a program of that role."""
    headers = desk.site.bearer(desk.program(by), SCOPES_OF[by])
    return await desk.site.ask("POST", "/v1/user-search", headers=headers, **how)


@pytest.mark.parametrize("kind", ["phone", "email", "snils", "inn", "passport"])
async def test_a_citizen_is_found_by_each_kind_of_value_and_shown_masked(desk: Desk, kind: str) -> None:
    reply = await find(desk, json={kind: ANNA[kind]})
    (found,) = reply.json["citizens"]
    assert (found["client"], found["user"], found["identity"]) == (desk.portal, "u-1", MASKED)
    assert is_nowhere(reply)


async def test_how_a_value_is_written_does_not_matter(desk: Desk) -> None:
    for written in ("11223344595", "112 233 445 95"):
        assert [each["user"] for each in (await find(desk, json={"snils": written})).json["citizens"]]


async def test_who_is_not_there_is_not_found(desk: Desk) -> None:
    assert (await find(desk, json={"phone": "+79030000000"})).json == {"citizens": []}


async def test_a_value_that_was_replaced_finds_nobody(desk: Desk) -> None:
    await desk.supply({"phone": "+79030000000", "verified": ["phone"]})
    assert (await find(desk, json={"snils": ANNA["snils"]})).json == {"citizens": []}


@pytest.mark.parametrize("body", [{}, {"phone": ANNA["phone"], "inn": ANNA["inn"]}, {"snils": "112-233-445 96"}])
async def test_one_whole_and_right_value_is_asked_for(desk: Desk, body: object) -> None:
    reply = await find(desk, json=body)
    assert reply.problem == "validation-failed"
    assert is_nowhere(reply)


async def test_a_portal_finds_its_own_citizens_only(desk: Desk) -> None:
    other, _ = desk.house.client("other", desk.site.client.scopes)
    headers = desk.site.bearer(other, other.scopes)
    reply = await desk.site.ask("POST", "/v1/user-search", headers=headers, json={"snils": ANNA["snils"]})
    assert reply.json == {"citizens": []}
    asked = {"client": desk.portal, "snils": ANNA["snils"]}
    assert (await desk.site.ask("POST", "/v1/user-search", headers=headers, json=asked)).problem == "unknown-citizen"


async def test_an_auditor_says_whose_citizens_and_leaves_a_line_for_each_that_was_seen(desk: Desk) -> None:
    asked = {"snils": ANNA["snils"]}
    assert set((await find(desk, Role.AUDITOR, json=asked)).complaints) == {"/client"}
    reply = await find(desk, Role.AUDITOR, json={**asked, "client": desk.portal})
    assert [each["user"] for each in reply.json["citizens"]] == ["u-1"]
    assert (await desk.noted())[-1] == "auditor read-identity taken"
    assert "auditor" not in " ".join(await desk.noted("u-2"))
