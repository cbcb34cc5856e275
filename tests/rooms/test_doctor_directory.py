"""The doctor on the directory: whether it can be read, and what is still to be moved into files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx_bridge import provision
from pbx_bridge.doctor import examine


@pytest.fixture
def config(tmp_path: Path) -> Path:
    # Where nobody listens: only the directory is looked at here.
    plan = provision.Plan(ari_port=1, ami_port=1)
    return provision.setup(tmp_path / "desk", plan, lambda _: None)


async def found(config: Path, part: str) -> list[str]:
    return [f"{each.verdict} {each.words}" for each in await examine(config) if each.part == part]


async def test_a_sound_folder_is_in_order_and_so_is_its_calendar(config: Path) -> None:
    (said,) = await found(config, "directory")
    assert said.startswith(f"ok 4 services in {config.parent / 'services'}; `pbx-bridge check`")
    assert len(await found(config, "calendar")) == 1


async def test_a_folder_that_cannot_be_used_fails_with_each_problem(config: Path) -> None:
    for name in ("aa", "bb"):
        (config.parent / "services" / f"{name}.toml").write_text("queue =")
    said = await found(config, "directory")
    assert [line.split(": ")[0] for line in said] == ["fail aa.toml", "fail bb.toml"]


async def test_services_in_the_configuration_itself_are_to_be_moved(tmp_path: Path) -> None:
    plan = provision.Plan(ari_port=1, ami_port=1, services={"support": "support"})
    (said,) = await found(provision.setup(tmp_path / "old", plan, lambda _: None), "directory")
    assert said.startswith("warn [services] has services without hours and callbacks")


async def test_a_sandbox_beside_a_real_trunk_is_warned_of(tmp_path: Path) -> None:
    trunk = {"prefix": "+7", "endpoint": "operator"}
    for sandbox, trunks in ((False, [trunk]), (True, []), (True, [trunk])):
        plan = provision.Plan(ari_port=1, ami_port=1, sandbox=sandbox, trunks=trunks)
        said = await found(provision.setup(tmp_path / f"{sandbox}{len(trunks)}", plan, lambda _: None), "sandbox")
        assert len(said) == (sandbox and bool(trunks))
