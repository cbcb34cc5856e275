"""Asterisk and the service as containers of docker/compose.yaml; phones and the operator stay on the host.

A killed run cannot take containers along, as no kernel ties them to it: the next run removes them first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import aiohttp

from pbx_bridge.asterisk.conf import ConfParams, render
from workshop import children
from workshop.run.doors import Doors
from workshop.run.errors import RunFailed
from workshop.run.options import TREE
from workshop.run.people import ROUTES
from workshop.run.plant import by_first_word, loads
from workshop.run.state import State

PROJECT = "pbx-bridge-run"
COMPOSE = ("docker", "compose", "--project-name", PROJECT, "--file", "docker/compose.yaml")
IN_ASTERISK = ("exec", "-T", "asterisk", "asterisk", "-rx")
IN_SERVICE = ("exec", "-T", "pbx-bridge")
#: A public key is no secret, so it may be an argument; a file of this machine is not seen in a container.
WITH_KEY = 'printf %s "$0" >/tmp/public-key.pem && exec "$@" --public-key /tmp/public-key.pem'
BUILD_S, START_S, ANSWER_S = 1800.0, 90.0, 60.0
#: Only what lies in the tree's folder is printed; a person types it there.
TYPED = " ".join(COMPOSE)


def require_engine() -> None:
    """Raises RunFailed, with what is missing."""
    if not shutil.which("docker"):
        raise RunFailed("DOCKER=1 needs the program docker, and there is none: install it, or run without DOCKER=1.")
    if _quiet("docker", "compose", "version"):  # it needs no engine
        raise RunFailed("This docker has no `docker compose`: install its plugin (Debian: docker-compose).")
    if why := _quiet("docker", "info"):
        raise RunFailed(f"No container engine answers: {why.rstrip('.')}. Start one, or run without DOCKER=1.")


def _quiet(*command: str) -> str:
    """The last line of complaint; empty when the command went well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, cwd=TREE)
    except subprocess.TimeoutExpired:
        return f"`{' '.join(command)}` says nothing"
    complaint = (done.stderr or done.stdout).strip().splitlines()
    return (complaint[-1] if complaint else f"exit code {done.returncode}") if done.returncode else ""


def sweep(state: State) -> None:
    """Remove containers that a killed run has left."""
    if state.after_a_crash:
        _quiet(*COMPOSE, "down", "--timeout", "2")


def kept_ports(state: State) -> dict[str, int]:
    """The ports written into the containers' configuration."""
    with contextlib.suppress(OSError, ValueError):
        found: dict[str, int] = json.loads(_ports_file(state).read_text(encoding="utf-8"))
        return found
    return {}


def _ports_file(state: State) -> Path:
    return state.folder / "ports.json"


class Containers:
    """The plant as two containers."""

    def __init__(self, state: State, doors: Doors, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are PBX_ variables for the service."""
        self._state, self._doors = state, doors
        self._settings = dict(settings or {})
        self._site = state.folder / "site"
        self._log = state.folder / "compose.log"
        self._waits: list[children.Child] = []
        self._started = False
        self.url = f"http://127.0.0.1:{doors.http}"
        # Plain, on loopback: what shall be believed there is the operator's (docs/how-to/tls.md).
        self.believes: Path | None = None

    def prepare(self) -> str:
        """Raises RunFailed."""
        ports = {"HTTP_PORT": self._doors.http, "ARI_PORT": self._doors.ari, "AMI_PORT": self._doors.ami}
        kept = kept_ports(self._state)
        words = "kept in the volumes of " if kept == ports else "made anew in volumes of "
        if kept != ports:
            # The volumes' configuration names the old ports.
            _quiet(*COMPOSE, "down", "--volumes", "--timeout", "2")
            self._state.credentials.unlink(missing_ok=True)  # of programs that went with them
            _ports_file(self._state).write_text(json.dumps(ports), encoding="utf-8")
        self._log.write_text("", encoding="utf-8")
        overlay = {
            "services": {
                "asterisk": {"restart": "no"},
                "pbx-bridge": {"restart": "no", "environment": {"PBX_TRUNKS": json.dumps(ROUTES), **self._settings}},
            }
        }
        self._overlay.write_text(json.dumps(overlay), encoding="utf-8")
        return f"{words}{PROJECT}; images are built next, which takes minutes the first time"

    async def migrate(self) -> str:
        """Nothing to do here."""
        return "brought up to date by the service when it starts"

    async def start_asterisk(self, extra: Mapping[str, str]) -> str:
        """Builds the images first, which takes minutes the first time. Raises RunFailed."""
        self._write_site(extra)
        self._started = True
        await self._compose("build", within_s=BUILD_S)
        await self._compose("up", "--detach", "--no-build", "asterisk", within_s=START_S)
        await self._until_booted()
        said = await self._compose(*IN_ASTERISK, "core show version")
        await self._watch("asterisk")
        found = re.search(r"[0-9]+[.0-9]*", said)
        return f"{found[0] if found else said}, in a container, SIP on 127.0.0.1:{self._doors.sip}"

    async def start_service(self) -> str:
        """Raises RunFailed."""
        await self._compose("up", "--detach", "--no-build", "pbx-bridge", within_s=START_S)
        await self._watch("pbx-bridge")
        deadline = time.monotonic() + START_S
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline and not list(self.dead()):
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/readyz") as reply:
                        if reply.status == 200:
                            return f"{self.url}, in a container"
                await asyncio.sleep(0.1)
        raise RunFailed(f"The service did not get ready in its container: `{TYPED} logs pbx-bridge` says why.")

    async def stop(self) -> None:
        for each in self._waits:
            await each.stop()
        if self._started:
            with contextlib.suppress(RunFailed):
                await self._compose("down", "--timeout", "5", within_s=START_S)

    async def client(self, *arguments: str, public_key: str = "") -> dict[str, str]:
        """Raises RunFailed."""
        around = ("sh", "-c", WITH_KEY, public_key) if public_key else ()
        return by_first_word(await self._compose(*IN_SERVICE, *around, "pbx-bridge", "client", *arguments))

    def dead(self) -> Iterator[tuple[str, str]]:
        for each in self._waits:
            if not each.running:
                yield f"the container {each.name}", f"`{TYPED} logs {each.name}`"

    def lines(self) -> dict[str, str]:
        return {
            "doctor": f"{TYPED} {' '.join(IN_SERVICE)} pbx-bridge doctor",
            "clients": f"{TYPED} {' '.join(IN_SERVICE)} pbx-bridge client list",
            "audit": f"{TYPED} {' '.join(IN_SERVICE)} pbx-bridge audit verify",
            "queues": f"{TYPED} exec -T asterisk asterisk -rx 'queue show'",
            "logs": f"{TYPED} logs --tail 3 pbx-bridge asterisk",
            "console": f"{TYPED} exec asterisk asterisk -r",
        }

    async def reload(self, changed: set[str]) -> list[str]:
        words = []
        for name in sorted(changed):
            if command := loads(name):
                await self._compose(*IN_ASTERISK, command)
            words.append(
                f"{name} was saved: " + (f"loaded by `{command}`" if command else "it counts from the next start")
            )
        return words

    @property
    def _overlay(self) -> Path:
        return self._state.folder / "compose.run.yaml"

    def _write_site(self, extra: Mapping[str, str]) -> None:
        """What is read beside the tree's files. Phones with a known password are for this machine only."""
        unused = "-"  # the passwords that count are in a volume
        params = ConfParams(unused, unused, sip_bind="127.0.0.1", sip_port=self._doors.sip, sandbox=True)
        made = {name: render(params)[name] for name in ("pjsip_transports.conf", "pjsip_sandbox.conf")}
        shutil.rmtree(self._site, ignore_errors=True)
        for name, text in {**extra, **made}.items():
            path = self._site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        # The container's user is not ours; the folder above stays closed to others.
        for path in (self._site, *self._site.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)

    async def _watch(self, service: str) -> None:
        """A child that ends when the container does."""
        container = (await self._compose("ps", "--quiet", service)).strip()
        command = ["docker", "wait", container]
        self._waits.append(await children.start(service, command, log=self._log))

    async def _until_booted(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                await self._compose(*IN_ASTERISK, "core waitfullybooted")
                return
            except RunFailed:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.2)

    async def _compose(self, *arguments: str, within_s: float = ANSWER_S) -> str:
        """Run `docker compose …`; what it printed. Its complaints go to the log. Raises RunFailed."""
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *COMPOSE,
                *("--file", str(self._overlay)),
                *arguments,
                cwd=TREE,
                env={**os.environ, **self._environment()},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(within_s):
                said, _ = await process.communicate()
        except TimeoutError:
            raise RunFailed(f"`docker compose {arguments[0]}` took more than {within_s:.0f} s: {self._log}") from None
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            words = "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
            raise RunFailed(f"`docker compose {arguments[0]}` failed; its log is {self._log}:\n{words}")
        return said.decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        doors = self._doors
        ports = {"HTTP_PORT": doors.http, "ARI_PORT": doors.ari, "AMI_PORT": doors.ami}
        return {
            **{name: str(port) for name, port in ports.items()},
            "SITE": str(self._site),
            "ENV_FILE": str(self._state.folder / "pbx-bridge.env"),
        }
