"""What every test may use. Keep it small: a room's own fixtures live in that room's conftest.py."""

from __future__ import annotations

import pytest

from workshop.prefix import Prefix, default_root, ensure


@pytest.fixture(scope="session")
def prefix() -> Prefix:
    """Asterisk and sipp, installed now if they are missing."""
    return ensure(default_root())
