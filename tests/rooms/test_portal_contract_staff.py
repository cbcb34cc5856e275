"""The contract against the server once more, where only a portal's citizens and staff's tools are concerned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pbx_bridge.conductor.ports import Member
from pbx_bridge.directory.service import Agent, Directory
from pbx_bridge.ledger.access import Role
from pbx_bridge.portal.rights import SCOPES_OF

from .portal_desk import SERVICES, crowd
from .portal_house import House, serve
from .test_portal_contract import run

pytest_plugins = ("tests.rooms.portal_fixtures",)


class EveryAgent(Mapping[str, Agent]):
    """Everybody whose name looks like one works in the support queue."""

    def __getitem__(self, name: str) -> Agent:
        if not re.fullmatch("[A-Za-z0-9_.-]{1,64}", name):
            raise KeyError(name)
        return Agent(name, "Ann", {"support": 0})

    def __iter__(self) -> Iterator[str]:
        return iter(("ann",))

    def __len__(self) -> int:
        return 1


async def test_the_server_keeps_its_contract_about_the_desk(house: House, tmp_path: Path) -> None:
    house.directory = Directory(SERVICES, EveryAgent())
    house.views["support"] = crowd(Member("ann", paused=True, reason="lunch"), Member("bob"), waiting=3)
    async with serve(house) as site:
        client = replace(site.client, role=Role.SUPERVISOR, scopes=SCOPES_OF[Role.SUPERVISOR])
        site.client = house.clients_[client.id] = client
        header = site.bearer(scopes=client.scopes)["Authorization"]
        status, said = await run(site, tmp_path, header, "--include-path-regex", "^/v1/(queues|agents|services)")
    assert status == 0, said
    assert {order[0] for order in house.orders} == {"log in", "log out", "pause", "resume"}


@pytest.mark.parametrize(("role", "paths"), [(Role.PORTAL, "^/v1/users"), (Role.ADMIN, "^/v1/(users|audit)")])
async def test_the_server_keeps_its_contract_about_citizens(
    house: House, tmp_path: Path, role: Role, paths: str
) -> None:
    async with serve(house) as site:
        client = replace(site.client, role=role, scopes=SCOPES_OF[role])
        site.client = house.clients_[client.id] = client
        header = site.bearer(scopes=client.scopes)["Authorization"]
        status, said = await run(site, tmp_path, header, "--include-path-regex", paths)
    assert status == 0, said
    generated = re.search(r"(\d+) generated", said)
    assert generated, said
    assert int(generated[1]) > 100
    assert len(house.lines) > 50
