"""`python3 -m workshop.prefix`: install Asterisk and sipp, or check that they are there."""

from __future__ import annotations

import sys

from workshop.prefix import PrefixError, default_root, ensure


def main() -> int:
    """Exit code 0 when the prefix is whole, 1 with one sentence when it cannot be made."""
    try:
        ensure(default_root(), say=lambda line: print(line, flush=True))
    except PrefixError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing was left behind.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
