"""The folder that outlives a run: configuration, secrets, database, credentials. One run at a time uses it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pbx_bridge import provision
from workshop.certificates import Pair
from workshop.run.doors import Doors
from workshop.run.errors import RunFailed
from workshop.server import LONGEST_SOCKET

#: No PBX_ in front: the service would take such variables for settings.
URL, CLIENT_ID, CLIENT_SECRET, CA = "BRIDGE_URL", "BRIDGE_CLIENT", "BRIDGE_SECRET", "BRIDGE_CA"
#: Below it, a shell finds what the text messages to a number said.
CODES = "BRIDGE_CODES"
# The longest thing that is made below our temporary folder and has a limit: a short home for Asterisk's socket.
_IN_TEMPORARY = "pbx-12345678/asterisk.ctl"


@dataclass(frozen=True)
class Kept:
    """What an earlier run wrote into the configuration."""

    ports: dict[str, int]
    ari_password: str
    ami_password: str
    database_url: str


class State:
    """One folder, held by this run."""

    def __init__(self, folder: Path, after_a_crash: bool, temporary: Path) -> None:
        self.folder = folder
        self.after_a_crash = after_a_crash
        self.temporary = temporary

    @property
    def config(self) -> Path:
        return self.folder / provision.CONFIG_NAME

    @property
    def credentials(self) -> Path:
        """Shell assignments for the curl lines that are printed."""
        return self.folder / "shell.env"

    @property
    def asterisk(self) -> Path:
        return self.folder / "asterisk"

    @property
    def certificates(self) -> Path:
        """The run's own authority, and what it has signed."""
        return self.folder / "certificates"

    @property
    def console(self) -> Path:
        """A command that opens Asterisk's console."""
        return self.folder / "asterisk-cli"

    def kept(self) -> Kept | None:
        """What the configuration says of ports and secrets; None before the first run. Raises RunFailed."""
        if not self.config.exists():
            return None
        try:
            said = tomllib.loads(self.config.read_text(encoding="utf-8"))
            asterisk = said["asterisk"]
            ports = {
                "HTTP_PORT": int(said["http"]["port"]),
                "ARI_PORT": urlsplit(asterisk["ari_url"]).port or 0,
                "AMI_PORT": int(asterisk["ami_port"]),
            }
            return Kept(ports, asterisk["ari_password"], asterisk["ami_password"], said["database"]["url"])
        except (tomllib.TOMLDecodeError, LookupError, TypeError, ValueError) as error:
            raise RunFailed(f"{self.config} cannot be read ({error}): mend it, or remove it for a new one.") from None

    def move(self, doors: Doors) -> None:
        """Write other ports into the configuration. Raises RunFailed when the lines are not found."""
        text = self.config.read_text(encoding="utf-8")
        lines = {
            r"(?m)(^\[http\]\s[^\[]*?^port *= *)\d+": rf"\g<1>{doors.http}",
            r'(?m)^(ari_url *= *"[^"]*):\d+': rf"\g<1>:{doors.ari}",
            r"(?m)^(ami_port *= *)\d+": rf"\g<1>{doors.ami}",
        }
        for pattern, line in lines.items():
            text, found = re.subn(pattern, line, text, count=1)
            if not found:
                raise RunFailed(f"{self.config} has no line to put another port into: mend it, or remove it.")
        provision.write_secret(self.config, text)

    def secure(self, pair: Pair) -> None:
        """Let the configuration name this certificate, as those of earlier runs do not. Raises RunFailed."""
        text = re.sub(r"(?m)^tls_(certificate|key) *=.*\n", "", self.config.read_text(encoding="utf-8"))
        lines = provision.tls_lines(pair.certificate, pair.key)
        text, found = re.subn(r"(?m)^\[http\]\n", lambda head: head[0] + lines, text, count=1)
        if not found:
            raise RunFailed(f"{self.config} has no [http] to put a certificate into: mend it, or remove it.")
        provision.write_secret(self.config, text)

    def client(self) -> tuple[str, str] | None:
        """Id and secret of the program that an earlier run registered for the shell."""
        try:
            lines = self.credentials.read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        said = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
        return (said[CLIENT_ID], said[CLIENT_SECRET]) if {CLIENT_ID, CLIENT_SECRET} <= said.keys() else None

    def keep_client(self, url: str, client_id: str, secret: str, codes_url: str, believes: Path | None) -> None:
        """`believes` is the authority behind an https: url."""
        said = {URL: url, CLIENT_ID: client_id, CLIENT_SECRET: secret, CODES: codes_url}
        if believes:
            said[CA] = shlex.quote(str(believes))
        lines = "".join(f"{name}={value}\n" for name, value in said.items())
        provision.write_secret(self.credentials, f"# A program for the lines that `make run` prints.\n{lines}")


@contextmanager
def hold(folder: Path) -> Iterator[State]:
    """Make the folder, and keep other runs out. Raises RunFailed when one is in."""
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise RunFailed(f"{folder} cannot be used ({error.strerror}): name another one, RUN_FOLDER=…") from None
    with os.fdopen(file, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunFailed(
                f"Another run (process {lock.read().strip() or 'unknown'}) uses {folder}: stop it with Ctrl-C in its "
                "terminal, or name another folder, RUN_FOLDER=…"
            ) from None
        # A run that ends in order leaves the file empty.
        after_a_crash = bool(lock.read().strip())
        _write(lock.fileno(), f"{os.getpid()}\n")
        try:
            with _temporary(folder) as temporary:
                yield State(folder, after_a_crash, temporary)
        finally:
            _write(lock.fileno(), "")


def _write(file: int, text: str) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, text.encode(), 0)


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Temporary files of this process go below `folder`, so that even a killed run leaves none elsewhere."""
    ours = folder / "tmp"
    shutil.rmtree(ours, ignore_errors=True)
    before = tempfile.tempdir
    if len(os.fsencode(ours / _IN_TEMPORARY)) <= LONGEST_SOCKET:
        ours.mkdir()
    else:
        ours = Path(tempfile.mkdtemp(prefix="pbx-run-"))
    tempfile.tempdir = str(ours)
    try:
        yield ours
    finally:
        tempfile.tempdir = before
        with contextlib.suppress(OSError):
            shutil.rmtree(ours)
