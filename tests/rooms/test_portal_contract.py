"""The contract against the server: schemathesis asks what the document allows, and what it does not."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pbx_bridge.directory.service import Service

from .portal_desk import service
from .portal_house import House, Site, serve

pytest_plugins = ("tests.rooms.portal_fixtures",)

#: Cases for each operation and phase. Enough to reach every rule, few enough for every run of the tests.
EXAMPLES = 30
#: What a valid request may also get: the state of things is against it (a key used before, a cursor nobody gave,
#: an old ETag), or a rule that JSON Schema cannot say (a number that no country has).
CONFIG = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "422"]

[[operations]]
include-name = "POST /oauth/token"
checks.positive_data_acceptance.expected-statuses = ["200", "400", "401"]

[[operations]]
include-name = "POST /oauth/revoke"
checks.positive_data_acceptance.expected-statuses = ["200", "400", "401"]
"""


class EveryService(Mapping[str, Service]):
    """A directory in which everything that looks like a service is one."""

    def __getitem__(self, name: str) -> Service:
        if not re.fullmatch("[a-z0-9][a-z0-9_-]{0,63}", name):
            raise KeyError(name)
        return service(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


async def run(site: Site, folder: Path, authorization: str, *more: str) -> tuple[int, str]:
    """Exit status and what was said. `more` are options of schemathesis."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    program = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    header = f"Authorization: {authorization}"
    options = ["--checks", "all", "--max-examples", str(EXAMPLES), "--generation-deterministic", "--no-color"]
    options += ["--request-timeout", "10", "--header", header]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "--config-file", "schemathesis.toml",
        "run", f"{site.url}/openapi.json", *options, *more,
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_server_keeps_its_contract(house: House, tmp_path: Path) -> None:
    async with serve(house, services=EveryService()) as site:
        status, said = await run(site, tmp_path, site.bearer()["Authorization"])
    assert status == 0, said
    generated = re.search(r"(\d+) generated", said)
    assert generated, said
    assert int(generated[1]) > 500
    # Few of the bodies that the schema allows have numbers whose check digits fit.
    assert len(house.calls_) > 1
    assert any(call.outcome for call in house.calls_.values())
