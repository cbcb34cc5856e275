"""Which pages there are, and how they get into the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pbx_bridge.portal.problems import as_markdown as problems
from workshop.docs.call_machine import call_machine
from workshop.docs.causes import causes
from workshop.docs.configuration import configuration
from workshop.docs.roles import roles

#: Path in the tree → what writes it. A function returns the whole text, the same on every machine.
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/call-machine.md": call_machine,
    "docs/causes.md": causes,
    "docs/problems.md": problems,
    "docs/roles.md": roles,
    "docs/configuration.md": configuration,
}


def stale(tree: Path, pages: Mapping[str, Callable[[], str]]) -> list[str]:
    """The pages whose file is missing or differs from what the code says."""
    return [path for path, text in pages.items() if _read(tree / path) != text()]


def write(tree: Path, pages: Mapping[str, Callable[[], str]]) -> list[str]:
    """Write the stale pages; returns their paths."""
    paths = stale(tree, pages)
    for path in paths:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(pages[path](), encoding="utf-8")
    return paths


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
