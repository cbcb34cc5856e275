"""Debian's voices in a folder of their own, unpacked like the private Asterisk (workshop/prefix)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from workshop.prefix import Prefix, PrefixError, apt
from workshop.prefix.building import Say, alone, quarters, sweep
from workshop.prefix.install import SUITES
from workshop.prefix.place import TREE
from workshop.prompts.voices import FESTIVAL, Festival

# Raise it when the list below or the finishing touches change: older installs are then made anew.
RECIPE = "1"
PACKAGES = ("festival", "festvox-ru", "festvox-us-slt-hts")
# What festival's packages need to play sound on a machine, or to be installed at all.
NEVER_NEEDED = ("adduser", "alsa-utils", "sgml-base", "debconf", "passwd", "libpam-modules", "kmod")
STAMP = "recipe"


def default_root() -> Path:
    """The folder named by PBX_VOICES, or .cache/voices in the tree."""
    named = os.environ.get("PBX_VOICES")
    return Path(named).absolute() if named else TREE / ".cache" / "voices"


def ensure(root: Path, say: Say) -> Festival:
    """Festival at `root`, fetched first (180 MB) if it is missing or of an older recipe. Raises PrefixError.

    Takes a lock, so two calls at once fetch it once.
    """
    if not _sound(root):
        apt.require_debian_tools()
        root.parent.mkdir(parents=True, exist_ok=True)
        with alone(root):
            if not _sound(root):
                sweep(root)
                _install(root, say)
    return Festival(Prefix(root))


def _sound(root: Path) -> bool:
    try:
        return (root / STAMP).read_text() == RECIPE
    except OSError:
        return False


def _install(root: Path, say: Say) -> None:
    keyring, mirror = apt.find_keyring(), apt.find_mirror()
    with tempfile.TemporaryDirectory(prefix=root.name + ".new-", dir=root.parent) as scratch:
        source = _choose_suite(Path(scratch), mirror, keyring)
        source.pretend(NEVER_NEEDED)
        say("Voices: downloading festival and its Russian voice (180 MB)")
        debs = source.download(PACKAGES, quarters(say, "Voices: downloading"))
        say("Voices: unpacking")
        built = Path(scratch) / "root"
        built.mkdir()
        apt.unpack(debs, built)
        _finish(Prefix(built))
        _check(Prefix(built), Path(scratch))
        (built / STAMP).write_text(RECIPE)
        if root.exists():
            root.rename(Path(scratch) / "old")
        built.rename(root)


def _choose_suite(scratch: Path, mirror: str, keyring: Path) -> apt.PrivateApt:
    """The first suite that has all of it; testing may lose a package for a while."""
    for suite in SUITES:
        source = apt.PrivateApt(scratch / suite, mirror, suite, keyring)
        source.update()
        if all(source.version(package) for package in PACKAGES):
            return source
    raise PrefixError(
        f"The mirror has no {', '.join(PACKAGES)} in Debian {' or '.join(SUITES)}: "
        "put another Debian mirror into ASTERISK_MIRROR."
    )


def _finish(prefix: Prefix) -> None:
    """Bring the one library that is found by a path of its own to the others: the prefix has one library path."""
    for library in (prefix.libraries / "pulseaudio").glob("*.so"):
        (prefix.libraries / library.name).symlink_to(f"pulseaudio/{library.name}")


def _check(prefix: Prefix, scratch: Path) -> None:
    """Each voice says a word."""
    for language, word in zip(FESTIVAL, ("один", "one"), strict=True):
        Festival(prefix).speak({language: word}, language, scratch)
