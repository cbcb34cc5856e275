#!/usr/bin/python3
"""Whether the service in this container answers: exit code 0 or 1. The standard library only, it runs often."""

import os
import ssl
import sys
import tomllib
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

HERE = "127.0.0.1"
# The certificate is made out to another name than this; nothing secret is asked or told.
UNPROVEN = ssl._create_unverified_context()  # noqa: S323


def main() -> int:
    """Ask /healthz on the port of the configuration."""
    try:
        said = tomllib.loads(Path(os.environ["PBX_CONFIG"]).read_text(encoding="utf-8"))
        port = int(os.environ.get("PBX_HTTP__PORT") or said["http"]["port"])
        secure = os.environ.get("PBX_HTTP__TLS_CERTIFICATE") or said["http"].get("tls_certificate")
        asked = (
            HTTPSConnection(HERE, port, timeout=4, context=UNPROVEN)
            if secure
            else HTTPConnection(HERE, port, timeout=4)
        )
        asked.request("GET", "/healthz")
        return 0 if asked.getresponse().status == 200 else 1
    except (OSError, HTTPException, LookupError, ValueError) as error:
        print(f"not healthy: {error}", file=sys.stderr)  # noqa: T201 - the engine keeps it with the state
        return 1


if __name__ == "__main__":
    sys.exit(main())
