"""A busy program is looked up once a second, and one that was disabled asks no longer than that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pbx_bridge.ledger import Client
from pbx_bridge.portal.guard import Programs

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
PORTAL = Client("portal", "The portal", "hash", frozenset({"calls:read"}), NOON, 600)
SHORT_S = 0.01


class Desk:
    """A ledger that knows programs and counts who asks for them."""

    def __init__(self) -> None:
        self.clients = {PORTAL.id: PORTAL}
        self.asked = 0

    async def client(self, client_id: str) -> Client | None:
        self.asked += 1
        return self.clients.get(client_id)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_it_is_looked_up_once(desk: Desk) -> None:
    programs = Programs(desk, 60)
    assert [await programs.living("portal") for _ in range(3)] == [PORTAL] * 3
    assert desk.asked == 1


async def test_after_its_time_it_is_looked_up_anew(desk: Desk) -> None:
    programs = Programs(desk, SHORT_S)
    await programs.living("portal")
    desk.clients["portal"] = replace(PORTAL, disabled_at=NOON)
    await asyncio.sleep(2 * SHORT_S)
    assert await programs.living("portal") is None


async def test_a_stranger_and_a_disabled_one_are_asked_for_each_time(desk: Desk) -> None:
    programs = Programs(desk, 60)
    desk.clients["gone"] = replace(PORTAL, id="gone", disabled_at=NOON)
    for _ in range(2):
        assert await programs.living("stranger") is None
        assert await programs.living("gone") is None
    assert desk.asked == 4


async def test_one_that_comes_back_is_known_at_once(desk: Desk) -> None:
    programs = Programs(desk, 60)
    living = desk.clients.pop("portal")
    assert await programs.living("portal") is None
    desk.clients["portal"] = living
    assert await programs.living("portal") == PORTAL
