"""What every test may use. Keep it small: a room's own fixtures live in that room's conftest.py."""

from __future__ import annotations

import pytest

from workshop.prefix import Prefix, default_root, ensure


@pytest.fixture(scope="session")
def prefix() -> Prefix:
    """Asterisk and sipp, installed now if they are missing."""
    return ensure(default_root())


@pytest.fixture(autouse=True)
def the_log_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is run within the test's own process would bind every logger to that test's stderr for good; when
    it is closed, whoever logs next in this process dies of it."""
    monkeypatch.setattr("pbx_bridge.logs.configure", lambda *_: None)
