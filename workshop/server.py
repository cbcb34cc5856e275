"""A real Asterisk for a test or a demonstration, in a folder of its own, on ports of its own.

It never touches /etc, /var or the installation, and never outlives its parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from pbx_bridge.asterisk.conf import SYSTEM_AUTHORITIES, ConfParams, Directories, Tls, render
from workshop import children, ports
from workshop.certificates import Pair
from workshop.ports import Ports
from workshop.prefix import Prefix
from workshop.prompts import LANGUAGES, default_folder

TREE = Path(__file__).resolve().parents[1]
BOOT_SECONDS = 30.0
STOP_SECONDS = 5.0
# sun_path(7) holds 107 bytes; Asterisk's control socket is `asterisk.ctl` in its run folder.
LONGEST_SOCKET = 100


class ServerFailed(Exception):
    """Asterisk did not start or died; the text ends with its last words."""


class AsteriskServer:
    """One Asterisk process: `start` it, talk to `ports`, `stop` it; the folder stays for a look."""

    def __init__(
        self,
        prefix: Prefix,
        folder: Path,
        *,
        conf: Path = TREE / "asterisk-conf",
        dialplan: Path = TREE / "dialplan",
        prompts: Path | None = None,
        server_ports: Ports | None = None,
        ari_password: str | None = None,
        ami_password: str | None = None,
        extra: Mapping[str, str] | None = None,
        tls: Pair | None = None,
        believes: Path | None = None,
        sip_plain: bool = True,
    ) -> None:
        """`extra` holds more configuration files, or other texts for the tree's: name → text.

        `prompts` holds ru/ and en/ (None: what `make prompts` made); they are linked as sounds/ru/pbx-bridge and so on,
        so Playback(pbx-bridge/x) finds x in the channel's language. `tls` opens
        ports.https, ports.amis and ports.sips; `believes` is whose certificates it accepts from those it calls, and
        without `sip_plain` there is no other SIP. Ports are claimed, and secrets made, when not given.
        """
        self.prefix = prefix
        self.folder = folder.absolute()
        self.ports = server_ports or ports.claim()
        self.ari_user = self.ami_user = "pbx-bridge"
        self.ari_password = ari_password or secrets.token_urlsafe(24)
        self.ami_password = ami_password or secrets.token_urlsafe(24)
        self.extra = dict(extra or {})
        self._sources = (conf, dialplan, prompts or default_folder())
        self._tls, self._believes, self._sip_plain = tls, believes, sip_plain
        self._owns_ports = server_ports is None
        self._short: Path | None = None
        self._child: children.Child | None = None

    @property
    def etc(self) -> Path:
        """The configuration folder; write_conf() fills it."""
        return self.folder / "etc"

    @property
    def log_path(self) -> Path:
        """What logger.conf calls messages.log: notices, warnings and errors."""
        return self.folder / "log" / "messages.log"

    @property
    def console_path(self) -> Path:
        """What the process itself wrote, before its logger was up or when it died."""
        return self.folder / "log" / "console.log"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """Of the running process; ServerFailed when there is none."""
        if self._child is None:
            raise ServerFailed("Asterisk is not running: start() it first.")
        return self._child.pid

    async def start(self) -> None:
        """Write the configuration, start Asterisk and return when it is fully booted (about 0.5 s).

        May be called again after stop() or kill(): same folder, same ports, same secrets, its database kept.
        Raises ServerFailed.
        """
        self._make_folders()
        self.write_conf()
        for old in (self.log_path, self.console_path):
            old.unlink(missing_ok=True)
        self._child = await children.start(
            "asterisk",
            self.prefix.asterisk("-C", str(self.etc / "asterisk.conf"), "-f", "-n"),
            log=self.console_path,
            cwd=self.folder,
            env=self._environment(),
            numeric_host_name=not children.host_name_resolves(),
        )
        try:
            await self._booted(self._child)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the process and give the ports back. Harmless when repeated; the folder is kept."""
        if self._child is not None:
            await self._child.stop(STOP_SECONDS)
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None

    def close(self) -> None:
        """Give claimed ports back, when the server will not be started again."""
        if self._owns_ports:
            self.ports.release()

    def kill(self) -> None:
        """SIGKILL, as a power cut would do it; follow it with start() or stop()."""
        if self._child is not None:
            self._child.kill()

    async def wait(self) -> int:
        """The exit code, when the process ends for whatever reason."""
        if self._child is None:
            raise ServerFailed("Asterisk is not running: start() it first.")
        return await self._child.wait()

    async def cli(self, command: str) -> str:
        """What Asterisk's command line answers. Raises ServerFailed when nobody is there to answer."""
        process = await asyncio.create_subprocess_exec(
            *self.prefix.asterisk("-C", str(self.etc / "asterisk.conf"), "-r", "-x", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment(),
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise ServerFailed(f"{command!r} was not answered: {output.decode(errors='replace').strip()}")
        return output.decode(errors="replace")

    def errors(self) -> list[str]:
        """The ERROR lines of the log so far."""
        try:
            text = self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return []
        return [line for line in text.splitlines() if "] ERROR[" in line]

    def write_conf(self) -> None:
        """Fill the configuration folder: the tree's files, the generated ones, then `extra`.

        start() calls it; call it again and `cli("core reload")` after a change.
        """
        conf, dialplan, _ = self._sources
        for source, target in ((conf, self.etc), (dialplan, self.etc / "dialplan")):
            target.mkdir(parents=True, exist_ok=True)
            for path in sorted(source.glob("*.conf")):
                shutil.copyfile(path, target / path.name)
        for name, text in {**render(self._params()), **self.extra}.items():
            path = self.etc / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")

    def _params(self) -> ConfParams:
        return ConfParams(
            ari_password=self.ari_password,
            ami_password=self.ami_password,
            http_port=self.ports.http,
            ami_port=self.ports.ami,
            sip_bind="127.0.0.1",
            sip_port=self.ports.sip,
            rtp_start=self.ports.rtp[0],
            rtp_end=self.ports.rtp[1],
            sip_plain=self._sip_plain,
            sandbox=self._sip_plain,
            tls=self._tls_params(),
            directories=self._directories(),
        )

    def _tls_params(self) -> Tls | None:
        if self._tls is None:
            return None
        return Tls(
            self._tls.certificate,
            self._tls.key,
            port=self.ports.https,
            ami_port=self.ports.amis,
            sip_port=self.ports.sips,
            authorities=self._believes or SYSTEM_AUTHORITIES,
        )

    def _directories(self) -> Directories:
        here = self.folder
        return Directories(
            etc=self.etc,
            mod=self.prefix.modules,
            varlib=here / "lib",
            db=here / "lib",
            key=here / "lib" / "keys",
            data=here / "data",
            agi=here / "lib" / "agi-bin",
            spool=here / "spool",
            run=self._run_folder(),
            log=here / "log",
            cache=here / "cache",
            sbin=self.prefix.root / "usr" / "sbin",
        )

    def _run_folder(self) -> Path:
        """folder/run, or a short one in the temporary folder when the socket's path would be too long."""
        plain = self.folder / "run"
        if len(os.fsencode(plain / "asterisk.ctl")) <= LONGEST_SOCKET:
            return plain
        if self._short is None:
            self._short = Path(tempfile.mkdtemp(prefix="pbx-"))
        return self._short

    def _make_folders(self) -> None:
        for each in (
            "etc",
            "lib/keys",
            "lib/agi-bin",
            "spool/monitor",
            "spool/recording",
            "log",
            "run",
            "cache",
        ):
            (self.folder / each).mkdir(parents=True, exist_ok=True)
        sounds = self.folder / "data" / "sounds"
        sounds.mkdir(parents=True, exist_ok=True)
        for name in ("documentation", "moh", "rest-api", "static-http"):
            _link(self.folder / "data" / name, self.prefix.data / name)
        for language in LANGUAGES:
            self._link_sounds(sounds / language, language)
        # Where a channel's language has no prompts, Asterisk looks here.
        _relink(sounds / "pbx-bridge", self._sources[2] / LANGUAGES[0])
        _link(sounds / "recording", self.folder / "spool" / "recording")

    def _link_sounds(self, folder: Path, language: str) -> None:
        """Asterisk's prompts and ours in one folder: a channel's language has only one."""
        if folder.is_symlink():
            folder.unlink()
        folder.mkdir(exist_ok=True)
        for path in (self.prefix.data / "sounds" / language).iterdir():
            _link(folder / path.name, path)
        _relink(folder / "pbx-bridge", self._sources[2] / language)

    def _environment(self) -> dict[str, str]:
        # One second and one try, for machines where the host name could not be made numeric.
        return {
            "PATH": os.defpath,
            "RES_OPTIONS": "timeout:1 attempts:1",
            "HOME": str(self.folder),
            "TERM": "dumb",
        }

    async def _booted(self, child: children.Child) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while child.running and time.monotonic() < deadline:
            with contextlib.suppress(ServerFailed):
                if "fully booted" in await self.cli("core waitfullybooted"):
                    return
            await asyncio.sleep(0.02)
        reason = "did not boot in time" if child.running else f"ended with code {child.process.returncode}"
        raise ServerFailed(f"Asterisk {reason}. Its last words:\n{child.tail()}\n{_tail(self.log_path)}")


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink():
        link.symlink_to(target)


def _relink(link: Path, target: Path) -> None:
    """To `target`, wherever it led before; no link where there is nothing."""
    link.unlink(missing_ok=True)
    if target.is_dir():
        link.symlink_to(target)


def _tail(path: Path, lines: int = 20) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
