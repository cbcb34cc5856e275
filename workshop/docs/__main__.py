"""The command line: write the generated pages, or check them."""

from __future__ import annotations

import sys
from pathlib import Path

from workshop.docs.pages import PAGES, stale, write

TREE = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """0: done, or nothing to do. 1: a page differs. 2: not understood."""
    if arguments not in ([], ["--check"]):
        print(__doc__, "\n    python -m workshop.docs [--check]", file=sys.stderr)
        return 2
    if not arguments:
        for page in write(TREE, PAGES):
            print(f"wrote {page}")
        return 0
    pages = stale(TREE, PAGES)
    for page in pages:
        print(f"{page} is not what the code says now: run `make docs` and commit the page.", file=sys.stderr)
    return 1 if pages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
