"""Make the prefix, and check a finished one quickly.

A killed install leaves no half state: everything is built in a neighbour folder and renamed at the end.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from workshop.prefix import apt
from workshop.prefix.building import Say, alone, quarters, sweep
from workshop.prefix.place import MODULES_CONF, Prefix, PrefixError, wanted_modules

# Raise it when the list below or the finishing touches change: older installs are then made anew.
RECIPE = 2
SUITES = ("forky", "sid")
RELEASE = "22"
PACKAGES = (
    "asterisk",
    "asterisk-modules",
    "asterisk-core-sounds-en-gsm",
    "asterisk-core-sounds-ru-wav",
    "asterisk-moh-opsound-wav",
    "sip-tester",
)
# Of asterisk-modules' many libraries (databases, fax, LDAP, SNMP …) the modules we load need only these.
NEEDED_LIBRARIES = re.compile(r"lib(c6|gcc-s1|stdc\+\+6|ssl\d.*|srtp2-.*|opus0|gsm1|sqlite3-0|xml2.*)|zlib1g", re.ASCII)
NEVER_NEEDED = ("adduser", "asterisk-config-custom", "python3")
PROGRAMS = ("usr/sbin/asterisk", "usr/bin/sipp")
MANIFEST = "manifest.json"


def ensure(root: Path, say: Say = print, modules_conf: Path = MODULES_CONF) -> Prefix:
    """The prefix at `root`, installed first if it is missing, damaged or of an older recipe.

    Takes a lock, so two calls at once make one install. Raises PrefixError.
    """
    wanted = wanted_modules(modules_conf)
    if _sound(root, wanted):
        return Prefix(root)
    apt.require_debian_tools()
    root.parent.mkdir(parents=True, exist_ok=True)
    with alone(root):
        if not _sound(root, wanted):
            sweep(root)
            _install(root, wanted, say)
    return Prefix(root)


def _sound(root: Path, wanted: list[str]) -> bool:
    """Whether the install at `root` is of this recipe and each of its files is there in full length.

    A module that was not wanted at install time is looked at now; PrefixError when it cannot be loaded.
    """
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        if manifest["recipe"] != RECIPE:
            return False
        for name, size in manifest["files"].items():
            if os.lstat(f"{root}/{name}").st_size != size:
                return False
    except (OSError, ValueError, KeyError):
        return False
    if missing := [name for name in wanted if name not in manifest["modules"]]:
        _require_libraries(Prefix(root), missing)
        with suppress(OSError):  # somebody else's prefix; then we look again next time
            _save(root, manifest | {"modules": manifest["modules"] + missing})
    return True


def _install(root: Path, wanted: list[str], say: Say) -> None:
    started = time.monotonic()
    keyring, mirror = apt.find_keyring(), apt.find_mirror()
    with tempfile.TemporaryDirectory(prefix=root.name + ".new-", dir=root.parent) as scratch:
        source = _choose_suite(Path(scratch), mirror, keyring, say)
        source.pretend(_stand_ins(source))
        say("Asterisk: downloading")
        debs = source.download(PACKAGES, quarters(say, "Asterisk: downloading"))
        size = sum(deb.stat().st_size for deb in debs) / 1e6
        say(f"Asterisk: unpacking {len(debs)} packages ({size:.0f} MB)")
        built = Path(scratch) / "root"
        built.mkdir()
        apt.unpack(debs, built)
        _finish(built)
        say("Asterisk: checking")
        version = _check(Prefix(built), wanted)
        _write_manifest(built, wanted, version, source.suite)
        if root.exists():
            root.rename(Path(scratch) / "old")
        built.chmod(0o755)
        built.rename(root)
    say(f"Asterisk {version} is in {root} ({time.monotonic() - started:.0f} s)")


def _choose_suite(scratch: Path, mirror: str, keyring: Path, say: Say) -> apt.PrivateApt:
    """The first suite that has Asterisk of our release; testing may lose a package for a while."""
    offers = []
    for suite in SUITES:
        say(f"Asterisk: fetching the package list of Debian {suite}")
        source = apt.PrivateApt(scratch / suite, mirror, suite, keyring)
        source.update()
        version = source.version("asterisk-modules")
        if version and version.split(":")[-1].startswith(RELEASE + "."):
            return source
        offers.append(f"{suite}: {version or 'none'}")
    raise PrefixError(
        f"The mirror has no Asterisk {RELEASE} ({', '.join(offers)}): put another Debian mirror into ASTERISK_MIRROR."
    )


def _stand_ins(source: apt.PrivateApt) -> list[str]:
    """Packages to leave out: what only modules that we never load would need."""
    own = {"asterisk", "asterisk-modules"}
    libraries = source.dependencies("asterisk-modules")
    return [
        *NEVER_NEEDED,
        *(name for name in libraries if not NEEDED_LIBRARIES.fullmatch(name) and name not in own),
    ]


def _finish(root: Path) -> None:
    """Do what the packages' own scripts would have done, and cut the links that leave the prefix."""
    sounds = root / "usr" / "share" / "asterisk" / "sounds"
    for language in ("ru", "en"):
        link = sounds / language
        if not link.exists():
            link.unlink(missing_ok=True)
            voices = sorted(sounds.glob(f"{language}_*"))
            if not voices:
                raise PrefixError(f"The package of {language} prompts holds no voice: report it as a bug.")
            link.symlink_to(voices[0].name)
    inside = root.resolve()
    for path in list(sounds.parent.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            path.unlink()
            path.mkdir()


def _check(prefix: Prefix, wanted: list[str]) -> str:
    """Run what was unpacked; returns Asterisk's version. Raises PrefixError."""
    for program in PROGRAMS:
        _require_closed(prefix, prefix.root / program)
    _require_libraries(prefix, wanted)
    done = subprocess.run(prefix.asterisk("-V"), capture_output=True, text=True, check=False)
    match = re.match(rf"Asterisk ({RELEASE}\.\S+?)(~dfsg\S*|\+dfsg\S*)?$", done.stdout.strip())
    if match is None:
        raise PrefixError(f"The unpacked Asterisk answers {(done.stdout + done.stderr)!r}: report it as a bug.")
    return match.group(1)


def _require_libraries(prefix: Prefix, modules: list[str]) -> None:
    for name in modules:
        path = prefix.modules / name
        if not path.exists():
            raise PrefixError(f"modules.conf loads {name}, which this Asterisk does not have: correct the name.")
        _require_closed(prefix, path)


def _require_closed(prefix: Prefix, program: Path) -> None:
    """Every library that `program` needs must come from the prefix: the host's would crash it."""
    listing = subprocess.run(
        [prefix.linker, "--inhibit-cache", "--library-path", prefix.libraries, "--list", program],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.strip().partition(" => ") for line in listing.stdout.splitlines()]
    missing = [name for name, arrow, where in lines if arrow and not where.startswith(str(prefix.root))]
    missing += re.findall(r"loading shared libraries: (\S+):", listing.stderr)
    if missing:
        raise PrefixError(
            f"{program.name} needs {missing[0]}, which the prefix leaves out: "
            "add its package to NEEDED_LIBRARIES in workshop/prefix/install.py and raise RECIPE."
        )
    if listing.returncode:
        raise PrefixError(f"{program.name} cannot be linked ({listing.stderr.strip()[-200:]}): report it as a bug.")


def _write_manifest(root: Path, modules: list[str], version: str, suite: str) -> None:
    files = {}
    for folder, folders, names in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in names + links:
            path = os.path.join(folder, name)
            files[os.path.relpath(path, root)] = os.lstat(path).st_size
    _save(root, {"recipe": RECIPE, "version": version, "suite": suite, "modules": modules, "files": files})


def _save(root: Path, manifest: dict[str, object]) -> None:
    """Replace the manifest in one step: another process may be reading it."""
    with tempfile.NamedTemporaryFile("w", dir=root, encoding="utf-8", delete=False) as draft:
        json.dump(manifest, draft)
    os.chmod(draft.name, 0o644)
    os.replace(draft.name, root / MANIFEST)
