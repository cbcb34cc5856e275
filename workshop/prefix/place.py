"""Where things lie inside an unpacked prefix, and how its programs are started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
MODULES_CONF = TREE / "asterisk-conf" / "modules.conf"


class PrefixError(Exception):
    """The prefix cannot be made or used; the text says what to do, in one sentence."""


def default_root() -> Path:
    """The folder named by PBX_ASTERISK_PREFIX, or .cache/asterisk in the tree."""
    named = os.environ.get("PBX_ASTERISK_PREFIX")
    return Path(named).absolute() if named else TREE / ".cache" / "asterisk"


def wanted_modules(modules_conf: Path = MODULES_CONF) -> list[str]:
    """File names of the modules that modules.conf loads, in its order, without repeats.

    Lines are `load = x.so`, `preload = x.so` or `require = x.so`; a comment starts with `;`.
    """
    names: dict[str, None] = {}
    for line in modules_conf.read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition(";")[0].partition("=")
        if equals and key.strip() in ("load", "preload", "require", "preload-require"):
            names[value.removeprefix(">").strip()] = None
    return list(names)


@dataclass(frozen=True)
class Prefix:
    """An unpacked prefix: `root` is the folder that stands for `/`."""

    root: Path

    @cached_property
    def linker(self) -> Path:
        """The dynamic linker of the prefix's own C library; PrefixError when there is none."""
        found = sorted(self.root.glob("usr/lib/*/ld-linux*.so.*"))
        if not found:
            raise PrefixError(f"{self.root} holds no dynamic linker: remove the folder and run make deps.")
        return found[0]

    @property
    def libraries(self) -> Path:
        """The folder of shared libraries, such as usr/lib/x86_64-linux-gnu."""
        return self.linker.parent

    @property
    def modules(self) -> Path:
        """Asterisk's astmoddir."""
        return self.libraries / "asterisk" / "modules"

    @property
    def data(self) -> Path:
        """Asterisk's astdatadir: sounds, music, documentation, rest-api."""
        return self.root / "usr" / "share" / "asterisk"

    def asterisk(self, *arguments: str) -> list[str]:
        """The command that runs Asterisk with these arguments."""
        return self.command("usr/sbin/asterisk", *arguments)

    def sipp(self, *arguments: str) -> list[str]:
        """The command that runs sipp with these arguments."""
        return self.command("usr/bin/sipp", *arguments)

    def command(self, program: str, *arguments: str) -> list[str]:
        """Run `program` (a path inside the prefix) by the prefix's linker.

        The library path goes in as an argument, not as LD_LIBRARY_PATH: a variable would be inherited by
        children that belong to the host, and the host's programs die with a foreign C library.
        """
        path = str(self.root / program)
        return [
            str(self.linker),
            "--inhibit-cache",
            "--library-path",
            str(self.libraries),
            "--argv0",
            path,
            path,
            *arguments,
        ]
