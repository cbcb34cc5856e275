"""Runs for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from workshop import ports
from workshop.prefix import Prefix
from workshop.run.options import USUAL_PORTS

from .running import MakeRun, Run


@pytest.fixture
async def make_run(prefix: Prefix, tmp_path: Path) -> AsyncIterator[MakeRun]:
    """Runs in one folder, on ports of their own; killed when the test is over."""
    claimed = ports.claim()
    environment = {name: str(port) for name, port in zip(USUAL_PORTS, claimed.spare, strict=False)}
    async with AsyncExitStack() as stack:
        stack.callback(claimed.release)

        def make() -> Run:
            run = Run(tmp_path / "run", environment)

            async def end() -> None:
                if run._process and run._process.returncode is None:
                    run._process.kill()
                    await run._process.wait()

            stack.push_async_callback(end)
            return run

        yield make
