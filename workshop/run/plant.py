"""Asterisk and the service on this machine, as children of the run; see containers.py for the other way."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from pbx_bridge import provision
from pbx_bridge.ledger import LedgerError, migrate
from workshop.certificates import authority
from workshop.ports import Ports
from workshop.prefix import Prefix
from workshop.run.doors import Doors
from workshop.run.errors import RunFailed
from workshop.run.options import TREE
from workshop.run.people import ROUTES
from workshop.run.state import State
from workshop.server import AsteriskServer, ServerFailed
from workshop.service import Service, ServiceFailed

#: What loads a changed file; anything else of asterisk-conf/ needs a new start.
RELOADS = {
    "queues.conf": "queue reload all",
    "pjsip.conf": "module reload res_pjsip.so",
    "musiconhold.conf": "moh reload",
    "dialplan": "dialplan reload",
}


class Plant(Protocol):
    """Asterisk and the service, wherever they run."""

    url: str
    #: Whose certificate is behind an https: url; None where it is http:.
    believes: Path | None

    def prepare(self) -> str:
        """Configuration and secrets; what was done, in words. Raises RunFailed."""

    async def migrate(self) -> str:
        """Bring the database up to date; what was done, in words. Raises RunFailed."""

    async def start_asterisk(self, extra: Mapping[str, str]) -> str:
        """With these more files of configuration; its version, and where its SIP is. Raises RunFailed."""

    async def start_service(self) -> str:
        """Returns when it is ready, with its address in words. Raises RunFailed."""

    async def stop(self) -> None:
        """Both, the service first. Harmless when repeated, or when nothing was started."""

    async def client(self, *arguments: str, public_key: str = "") -> dict[str, str]:
        """What `pbx-bridge client ARGUMENTS` prints, by the first word of each line; with `public_key` (PEM) it gets
        `--public-key FILE` too. Raises RunFailed."""

    def dead(self) -> Iterator[tuple[str, str]]:
        """Who ended without having been stopped, and the log that says why."""

    def lines(self) -> dict[str, str]:
        """Commands for people: doctor, clients, audit, queues, logs; console, which needs a terminal."""

    async def reload(self, changed: set[str]) -> list[str]:
        """Load changed files of configuration; what was done, in words."""


class Here:
    """The plant as two children."""

    def __init__(
        self, prefix: Prefix, state: State, doors: Doors, ports: Ports, settings: Mapping[str, str] | None = None
    ) -> None:
        """`ports` lends what is not among the doors: media, HTTPS. `settings` are PBX_ variables for the service."""
        kept = state.kept()
        ours = authority(state.certificates)
        self._tls = ours.pair("service")
        self.believes: Path | None = ours.path
        self._state, self._doors, self._prefix = state, doors, prefix
        self._fresh = kept is None
        self._server = AsteriskServer(
            prefix,
            state.asterisk,
            server_ports=replace(ports, http=doors.ari, ami=doors.ami, sip=doors.sip),
            ari_password=kept.ari_password if kept else None,
            ami_password=kept.ami_password if kept else None,
            tls=ours.pair("asterisk"),
            believes=ours.path,
        )
        self._settings = dict(settings or {})
        self._service = Service(
            state.folder,
            self._server,
            doors.http,
            trunks=ROUTES,
            environment=self._settings,
            tls=self._tls,
            believes=ours.path,
        )
        self.url = self._service.url

    def prepare(self) -> str:
        """Raises RunFailed."""
        state, words = self._state, []
        if self._fresh:
            self._write_configuration()
            words.append("written, with new secrets")
        else:
            words.append("kept, with its secrets")
            state.move(self._doors)
            state.secure(self._tls)
        self._write_console()
        return f"{short(state.config)}: {'; '.join(words)}"

    async def migrate(self) -> str:
        """Raises RunFailed."""
        kept, steps = self._state.kept(), list[str]()
        assert kept, "prepare() comes first"
        try:
            await migrate(kept.database_url, steps.append)
        except LedgerError as error:
            raise RunFailed(f"The database cannot be used: {error}") from error
        return "; ".join(steps) or "up to date"

    def _write_configuration(self) -> None:
        server, doors = self._server, self._doors
        plan = provision.Plan(
            http_port=doors.http,
            ari_port=doors.ari,
            ami_port=doors.ami,
            ari_password=server.ari_password,
            ami_password=server.ami_password,
            trunks=ROUTES,
            log_format="json",
            tls=(self._tls.certificate, self._tls.key),
            services={"support": "support"},
            sandbox=True,
        )
        provision.setup(self._state.folder, plan, lambda line: None)
        # Written for an Asterisk that is installed by hand; ours is given its own.
        shutil.rmtree(self._state.folder / provision.ASTERISK_FOLDER)

    def _write_console(self) -> None:
        """A line that people can type instead of the prefix's long one."""
        command = shlex.join(self._prefix.asterisk("-C", str(self._server.etc / "asterisk.conf"), "-r"))
        text = f'#!/bin/sh\n# Asterisk\'s console; with arguments: -x "queue show"\nexec {command} "$@"\n'
        self._state.console.write_text(text, encoding="utf-8")
        self._state.console.chmod(0o700)

    async def start_asterisk(self, extra: Mapping[str, str]) -> str:
        """Raises RunFailed."""
        self._server.extra.update(extra)
        try:
            await self._server.start()
            said = await self._server.cli("core show version")
        except ServerFailed as error:
            raise RunFailed(f"{error}\nIts log: {self._server.log_path}") from error
        found = re.search(r"[0-9]+[.0-9]*", said)
        here = self._server.ports
        return (
            f"{found[0] if found else said.strip()}, SIP on 127.0.0.1:{here.sip}, by TLS on 127.0.0.1:{here.sips}, "
            f"for browsers wss://127.0.0.1:{here.https}/ws"
        )

    async def start_service(self) -> str:
        """Raises RunFailed."""
        log = self._service.log
        if log.exists():
            log.replace(log.with_suffix(".before.log"))
        try:
            await self._service.start()
        except ServiceFailed as error:
            raise RunFailed(f"{error}\nIts log: {log}") from error
        return self.url

    async def stop(self) -> None:
        await self._service.stop()
        await self._server.stop()

    async def client(self, *arguments: str, public_key: str = "") -> dict[str, str]:
        """Raises RunFailed."""
        words = ["client", *arguments]
        if public_key:
            path = self._state.folder / "public-key.pem"
            path.write_text(public_key, encoding="utf-8")
            words += ["--public-key", str(path)]
        try:
            return by_first_word(await self._service.command(*words))
        except ServiceFailed as error:
            raise RunFailed(str(error)) from error

    def dead(self) -> Iterator[tuple[str, str]]:
        if not self._server.running:
            yield "Asterisk", str(self._server.log_path)
        if not self._service.running:
            yield "the service", str(self._service.log)

    def lines(self) -> dict[str, str]:
        bridge = Path(sys.executable).with_name("pbx-bridge")
        # What is not in the file and the doctor asks for.
        sms = " ".join(f"{name}={shlex.quote(value)}" for name, value in self._settings.items() if "_SMS_" in name)
        config = short(self._state.config)
        return {
            "doctor": f"{sms} {short(bridge)} doctor --config {config}".lstrip(),
            "clients": f"{short(bridge)} client list --config {config}",
            "audit": f"{short(bridge)} audit verify --config {config}",
            "queues": f"{short(self._state.console)} -x 'queue show'",
            "logs": f"tail -n 3 {short(self._service.log)} {short(self._server.log_path)}",
            "console": short(self._state.console),
        }

    async def reload(self, changed: set[str]) -> list[str]:
        self._server.write_conf()
        return [await self._load(name) for name in sorted(changed)]

    async def _load(self, name: str) -> str:
        command = loads(name)
        if not command:
            return f"{name} was saved: it counts from the next start"
        try:
            await self._server.cli(command)
        except ServerFailed as error:
            return str(error)
        return f"{name} was saved: loaded by `{command}`"


def loads(name: str) -> str:
    """Asterisk's command that loads this file of the tree; empty when only a start does."""
    return RELOADS.get("dialplan" if name.startswith("dialplan/") else name.rpartition("/")[2], "")


def by_first_word(said: str) -> dict[str, str]:
    """Lines of a name and its value."""
    lines = (line.split(None, 1) for line in said.splitlines())
    return {line[0]: line[1].strip() for line in lines if len(line) == 2}


def short(path: Path) -> str:
    """The path as typed in the tree's folder, quoted for a shell."""
    return shlex.quote(str(path.relative_to(TREE) if path.is_relative_to(TREE) else path))
