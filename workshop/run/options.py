"""What the person who types `make run` may choose, as arguments or variables: `make run HTTP_PORT=9000`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
STATE = TREE / "var" / "run"
STATE_OF_CONTAINERS = TREE / "var" / "docker"
#: Their names and usual ports, in the words of `make run NAME=…`.
USUAL_PORTS = {"HTTP_PORT": 8080, "ARI_PORT": 8088, "AMI_PORT": 5038, "SIP_PORT": 5060}


@dataclass(frozen=True)
class Options:
    """One run. `ports` holds only those that were named."""

    folder: Path
    ports: dict[str, int]
    docker: bool = False
    once: bool = False
