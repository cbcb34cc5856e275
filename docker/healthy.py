#!/usr/bin/python3
"""Whether the service in this container answers: exit code 0 or 1. The standard library only, it runs often."""

import os
import sys
import tomllib
import urllib.request
from pathlib import Path


def main() -> int:
    """Ask /healthz on the port of the configuration."""
    try:
        said = tomllib.loads(Path(os.environ["PBX_CONFIG"]).read_text(encoding="utf-8"))
        port = int(os.environ.get("PBX_HTTP__PORT") or said["http"]["port"])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=4) as reply:
            return 0 if reply.status == 200 else 1
    except (OSError, LookupError, ValueError) as error:
        print(f"not healthy: {error}", file=sys.stderr)  # noqa: T201 - the engine keeps it with the state
        return 1


if __name__ == "__main__":
    sys.exit(main())
