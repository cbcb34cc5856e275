"""The contract against the server once more, where only a portal's citizens and staff's tools are concerned."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pbx_bridge.ledger.access import Role
from pbx_bridge.portal.rights import SCOPES_OF

from .portal_house import House, serve
from .test_portal_contract import run

pytest_plugins = ("tests.rooms.portal_fixtures",)


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
