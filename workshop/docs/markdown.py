"""The few shapes of Markdown that the pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

GENERATED = "<!-- Written by `make docs` from {source}. Change that, not this page. -->"


def page(title: str, source: str, *blocks: str) -> str:
    """A page with its title, a note where it comes from, and blocks with a line between them."""
    return "\n\n".join([GENERATED.format(source=source), f"# {title}", *(block.strip("\n") for block in blocks)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; None is an empty cell, and a bar in a cell is kept from ending it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def code(words: Iterable[object]) -> str:
    """`one`, `two`."""
    return ", ".join(f"`{word}`" for word in words)


def first_line(doc: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((doc or "").strip().split("\n\n")[0].split())


def _cell(cell: object) -> str:
    return "" if cell is None else str(cell).replace("|", "\\|").replace("\n", " ")
