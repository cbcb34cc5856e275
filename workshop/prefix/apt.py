"""A private apt: its own lists, cache and empty package status, and the host's way to the network.

It downloads and never installs. Signatures stay checked against Debian's archive keyring.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from workshop.mortal import die_with_parent
from workshop.prefix.place import PrefixError

KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
# What of the host's apt configuration says how to reach the network; hooks and folders stay behind.
NETWORK_SETTINGS = re.compile(r"Acquire::(https?|tor|ftp|Proxy|Retries|ForceIPv|ProxyAutoDetect)", re.IGNORECASE)


def find_mirror() -> str:
    """Address of a Debian mirror: ASTERISK_MIRROR, or the one this machine's apt uses.

    Raises PrefixError on a machine that is not Debian and names none.
    """
    if named := os.environ.get("ASTERISK_MIRROR"):
        return named.rstrip("/")
    format_ = "$(ORIGIN)|$(RELEASE)|$(REPO_URI)"
    listing = _output(["apt-get", "indextargets", "--format", format_, "Created-By: Packages"])
    for line in listing.splitlines():
        origin, release, address = line.split("|", 2)
        # Before the first `apt-get update` the origin is not known yet, on Debian itself it can only be one.
        ours = origin == "Debian" or (not origin and _host_is_debian())
        if ours and "security" not in release + address and not address.startswith("cdrom:"):
            return address.rstrip("/")
    raise PrefixError("This machine's apt names no Debian mirror: put the address of one into ASTERISK_MIRROR.")


def find_keyring() -> Path:
    """Debian's archive keyring; PrefixError when the machine has none."""
    for path in KEYRINGS:
        if path.exists():
            return path
    raise PrefixError(
        "Debian's archive keyring is missing, so nothing could be verified: apt-get install debian-archive-keyring"
    )


class PrivateApt:
    """One suite of one mirror, in `folder`, which is made and belongs to this object."""

    def __init__(self, folder: Path, mirror: str, suite: str, keyring: Path) -> None:
        self.folder = folder
        self.suite = suite
        self._config = folder / "apt.conf"
        self._status = folder / "status"
        for name in ("lists/partial", "cache/archives/partial", "none", "log"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._status.write_text("")
        source = f"deb [signed-by={keyring}] {mirror} {suite} main\n"
        (folder / "sources.list").write_text(source)
        self._config.write_text(_configuration(folder))

    def update(self) -> None:
        """Fetch the suite's package list; PrefixError when the network or a signature refuses."""
        self._run(["apt-get", "--quiet", "update"], f"the package list of Debian {self.suite}")

    def version(self, package: str) -> str | None:
        """The version the suite offers, or None."""
        match = re.search(r"^Version: (\S+)", self._show(package), re.MULTILINE)
        return match.group(1) if match else None

    def dependencies(self, package: str) -> list[str]:
        """Names of the direct dependencies of `package`, the first of each list of alternatives."""
        match = re.search(r"^Depends: (.*)$", self._show(package), re.MULTILINE)
        if match is None:
            return []
        return [re.split(r"[\s:(|]", item.strip())[0] for item in match.group(1).split(",")]

    def pretend(self, packages: Iterable[str]) -> None:
        """Write stand-ins: apt will believe these packages are installed and not fetch them."""
        stanza = (
            "Package: {}\nStatus: install ok installed\nArchitecture: {}\nMulti-Arch: allowed\n"
            "Version: 999:1\nMaintainer: none\nDescription: stand-in\n"
        )
        architecture = _output(["dpkg", "--print-architecture"]).strip()
        self._status.write_text("\n".join(stanza.format(name, architecture) for name in packages))

    def download(self, packages: Iterable[str], progress: Callable[[float], None]) -> list[Path]:
        """Fetch the packages and what they need; `progress` hears percents. Returns the .deb files."""
        command = ["apt-get", "--quiet", "--yes", "--download-only"]
        read, write = os.pipe()
        command += ["--option", f"APT::Status-Fd={write}", "install", *packages]
        with (self.folder / "log" / "download").open("w+") as log:
            with subprocess.Popen(
                command,
                env=self._environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                pass_fds=[write],
                preexec_fn=_mortal(),
            ) as child:
                os.close(write)
                with os.fdopen(read) as lines:
                    for line in lines:
                        if line.startswith("dlstatus:"):
                            progress(float(line.split(":")[2]))
            log.seek(0)
            _refuse(child.returncode, log.read(), f"packages of Debian {self.suite}")
        return sorted((self.folder / "cache" / "archives").glob("*.deb"))

    def _show(self, package: str) -> str:
        command = ["apt-cache", "show", "--no-all-versions", package]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=False)
        return done.stdout

    def _run(self, command: list[str], what: str) -> None:
        done = subprocess.run(
            command,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            preexec_fn=_mortal(),
        )
        # `update` exits 0 with old or no lists when the network is down, and says so only in words.
        failed = done.returncode or re.search(r"^(E:|W: (Failed to fetch|Some index))", done.stdout, re.MULTILINE)
        _refuse(1 if failed else 0, done.stdout, what)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "APT_CONFIG": str(self._config),
            "LC_ALL": "C",
            "DEBIAN_FRONTEND": "noninteractive",
        }


def unpack(debs: list[Path], root: Path) -> None:
    """Unpack the packages' files below `root`; their scripts are never run."""
    for deb in debs:
        done = subprocess.run(
            ["dpkg-deb", "--extract", deb, root],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=_mortal(),
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise PrefixError(f"{deb.name} could not be unpacked ({reason}): is the disk full?")


def require_debian_tools() -> None:
    """PrefixError on a machine without apt and dpkg."""
    for tool in ("apt-get", "dpkg-deb"):
        if not any(Path(folder, tool).exists() for folder in os.environ.get("PATH", "").split(":")):
            raise PrefixError(f"{tool} is missing: this needs Debian 12 or newer, elsewhere use the Docker images.")


def _configuration(folder: Path) -> str:
    own = {
        "Dir": "/",
        "Dir::Etc::main": folder / "none" / "none",
        "Dir::Etc::parts": folder / "none",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": folder / "none",
        "Dir::Etc::preferences": folder / "none" / "none",
        "Dir::Etc::preferencesparts": folder / "none",
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::State::extended_states": folder / "extended_states",
        "Dir::Cache": folder / "cache",
        "Dir::Log": folder / "log",
        "Acquire::Check-Valid-Until": "false",  # a frozen mirror's list may be past its date, still signed
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Acquire::http::Timeout": "30",
        "Acquire::https::Timeout": "30",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",  # _apt could not enter a tree below /root's home
    }
    lines = [f'{key} "{value}";' for key, value in own.items()]
    return "\n".join([*_host_network_settings(), *lines]) + "\n"


def _host_network_settings() -> list[str]:
    dump = _output(["apt-config", "dump", "--format", '%F "%v";%n'])
    return [line for line in dump.splitlines() if NETWORK_SETTINGS.match(line)]


def _host_is_debian() -> bool:
    try:
        return re.search(r'^ID="?debian"?$', Path("/etc/os-release").read_text(), re.MULTILINE) is not None
    except OSError:
        return False


def _mortal() -> Callable[[], None]:
    """For preexec_fn: what we started must not go on writing into the scratch folder when we are killed."""
    return partial(die_with_parent, os.getpid())


def _output(command: list[str]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def _refuse(code: int, output: str, what: str) -> None:
    """Raise PrefixError for a failed apt command, and show what apt said."""
    if code == 0:
        return
    print(output.rstrip()[-2000:], file=sys.stderr)
    reasons = re.findall(r"^[EW]: (.*)$", output, re.MULTILINE) or ["no reason given"]
    raise PrefixError(
        f"apt could not fetch {what} ({reasons[0]}): check this machine's network and proxy, "
        "or put another Debian mirror into ASTERISK_MIRROR, then run make deps again."
    )
