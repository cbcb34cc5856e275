"""Files of a services folder for tests, as data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pbx_bridge.directory.reading import BadDirectory, read

TREE = Path(__file__).parents[2]
SHIPPED = TREE / "services"

PLAIN = """
queue = "{queue}"
numbers = {numbers}
[names]
ru = "{ru}"
en = "{en}"
[hours]
every_day = ["00:00-24:00"]
"""


def text(name: str, *more: str, queue: str | None = None, numbers: list[str] | None = None) -> str:
    """A small sound file of a service; `more` are further lines."""
    plain = PLAIN.format(queue=queue or name, numbers=numbers or [], ru=f"Линия {name}", en=f"Line {name}")
    return plain + "\n".join(more) + "\n"


def files(**texts: str) -> dict[str, Mapping[str, Any]]:
    """Parsed files by their names; `agents` and services alike."""
    return {f"{name}.toml": tomllib.loads(each) for name, each in texts.items()}


def refused(**texts: str) -> list[str]:
    """What the reader says about files that are wrong."""
    try:
        read(files(**texts))
    except BadDirectory as bad:
        return [str(problem) for problem in bad.problems]
    return []
