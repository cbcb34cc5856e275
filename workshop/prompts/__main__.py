"""`python3 -m workshop.prompts`: make the prompts, or see that they are there."""

from __future__ import annotations

import argparse
import sys

from workshop.prefix import PrefixError
from workshop.prompts import TextsError, build, default_folder


def main() -> int:
    """Exit code 0 when every prompt is there, 1 with sentences when one cannot be made."""
    parser = argparse.ArgumentParser(prog="make prompts", description="Make sounds of the texts in prompts/.")
    parser.add_argument("--again", action="store_true", help="make all of them, also those whose text is the same")
    again = parser.parse_args().again
    try:
        build(default_folder(), say=lambda line: print(line, flush=True), again=again)
    except (TextsError, PrefixError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; what was made so far is kept.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
