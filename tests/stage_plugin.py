"""The stage for whole calls (tests/stage.py). Each module gets one, its tests share it one after the other.

    pytest_plugins = ("tests.stage_plugin",)
    pytestmark = pytest.mark.asyncio(loop_scope="module")

A module that needs other terms, queues or trunks overrides the fixture `plan`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.stage import Plan, Stage, building
from workshop.prefix import Prefix


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing_stage(prefix: Prefix, tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> AsyncIterator[Stage]:
    """The module's stage."""
    async with building(prefix, tmp_path_factory.mktemp("stage"), plan) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(standing_stage: Stage) -> AsyncIterator[Stage]:
    """The module's stage, for this test: afterwards everybody goes home, and whatever was killed stands again."""
    yield standing_stage
    await standing_stage.clear()
