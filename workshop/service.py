"""pbx-bridge itself as a child process: configured, started, killed and started again as an operator would."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp

from pbx_bridge import provision
from workshop import children
from workshop.certificates import Pair
from workshop.portal import Portal
from workshop.server import AsteriskServer

READY_S = 20.0
STOP_S = 12.0
COMMAND = (sys.executable, "-m", "pbx_bridge")


class ServiceFailed(Exception):
    """The service did not get ready or died; the text ends with its last words."""


#: One citizen stands for many here. Where a test is about limits, it sets them.
UNLIMITED = {
    f"PBX_LIMITS__{name}": "1000000"
    for name in ("CALLS_PER_HOUR_OF_CITIZEN", "CALLS_PER_HOUR_OF_NUMBER", "CALLS_PER_HOUR", "REQUESTS_PER_MINUTE",
                 "REQUESTS_PER_MINUTE_OF_ADDRESS")
}  # fmt: skip


class Service:
    """One installation in `folder`: its configuration and database outlive every start, kill and stop."""

    def __init__(
        self,
        folder: Path,
        server: AsteriskServer,
        http_port: int,
        *,
        trunks: Sequence[Mapping[str, object]] = ({"prefix": "+", "endpoint": "operator"},),
        database_url: str = "",
        environment: Mapping[str, str] | None = None,
        log_format: str = "json",
        tls: Pair | None = None,
        believes: Path | None = None,
        services: Mapping[str, str] | None = None,
    ) -> None:
        """`environment` adds settings, like {"PBX_TERMS__RING_S": "3"}. `services` are files of that folder (name
        to text); without them there is one service that never closes, so that a test may run at any hour.

        With `tls` it speaks HTTPS only; `believes` is then the authority of that certificate.
        """
        self.folder = folder
        self.http_port = http_port
        self.log = folder / "service.log"
        self.believes = believes
        self._tls = tls
        self._environment = dict(environment or {})
        self._plan = provision.Plan(
            http_port=http_port,
            ari_port=server.ports.http,
            ami_port=server.ports.ami,
            ari_password=server.ari_password,
            ami_password=server.ami_password,
            database_url=database_url,
            trunks=trunks,
            log_format=log_format,
            tls=(tls.certificate, tls.key) if tls else None,
            services={} if services else {"support": "support"},
        )
        self._services = dict(services or {})
        self._child: children.Child | None = None

    @property
    def config(self) -> Path:
        return self.folder / provision.CONFIG_NAME

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.http_port}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        if self._child is None:
            raise ServiceFailed("the service is not running: start() it first")
        return self._child.pid

    async def start(self, *, until_ready: bool = True, within_s: float = READY_S) -> None:
        """Set up if that was not done, and start. Returns when it is ready (or, if not asked to wait, alive)."""
        for name, text in self._services.items():
            self.write_service(name, text)
        self._services.clear()
        provision.setup(self.folder, self._plan, lambda line: None)
        self._child = await children.start(
            "pbx-bridge",
            [*COMMAND, "serve", "--config", str(self.config)],
            log=self.log,
            env=self._env(),
            cwd=self.folder,
        )
        await self.answers("/readyz" if until_ready else "/healthz", within_s)

    def write_service(self, name: str, text: str) -> None:
        """Put a file into the services folder, as an engineer's editor does."""
        folder = self.folder / "services"
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{name}.new"
        draft.write_text(text, encoding="utf-8")
        draft.replace(folder / name)

    async def answers(self, path: str, within_s: float = READY_S, status: int = 200) -> None:
        """Returns when a GET of `path` gives `status`. Raises ServiceFailed."""
        deadline = asyncio.get_running_loop().time() + within_s
        last: object = "nothing"
        tls = ssl.create_default_context(cafile=str(self.believes)) if self.believes else True
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
            while asyncio.get_running_loop().time() < deadline:
                if not self.running:
                    raise ServiceFailed(f"the service ended. Its last words:\n{self.tail()}")
                try:
                    async with session.get(self.url + path) as reply:
                        last = await reply.text()
                        if reply.status == status:
                            return
                except aiohttp.ClientError as error:
                    last = error
                await asyncio.sleep(0.02)
        raise ServiceFailed(f"{path} did not answer {status} within {within_s} s: {last}\n{self.tail()}")

    async def stop(self) -> int:
        """SIGTERM, as an operator's stop; the exit code."""
        return await self._child.stop(STOP_S) if self._child else 0

    async def kill(self) -> None:
        """SIGKILL: no goodbye. Returns when the process is gone."""
        if self._child:
            self._child.kill()
            await self._child.wait()

    async def wait(self) -> int:
        """The exit code, when it ends by itself."""
        assert self._child
        return await self._child.wait()

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        return self._child.tail(lines) if self._child else ""

    async def portal(self, name: str = "portal", *scopes: str, second_step: str = "none") -> Portal:
        """Register a program by the command line, and be it. Unless said otherwise it has taken both steps itself."""
        arguments = [argument for scope in scopes for argument in ("--scope", scope)]
        arguments += ["--second-step", second_step]
        words = (await self.command("client", "add", name, *arguments)).split()
        said = dict(zip(words[::2], words[1::2], strict=False))
        return Portal(self.url, said["client_id"], said["client_secret"], believes=self.believes)

    async def command(self, *arguments: str, expect: int = 0) -> str:
        """Run `pbx-bridge ARGUMENTS --config …`; what it printed. ServiceFailed when it exits otherwise."""
        provision.setup(self.folder, self._plan, lambda line: None)
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *arguments,
            "--config",
            str(self.config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._env(),
        )
        said, complained = await process.communicate()
        if process.returncode != expect:
            words = said.decode() + complained.decode()
            raise ServiceFailed(f"pbx-bridge {arguments[0]} exited with {process.returncode}:\n{words}")
        return said.decode()

    def log_lines(self) -> list[dict[str, object]]:
        """The log so far, parsed; lines that are no JSON are left out."""
        lines: list[dict[str, object]] = []
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                lines.append(json.loads(line))
        return lines

    def with_plan(self, **changes: object) -> None:
        """Change what setup() will write; only before the first start."""
        self._plan = replace(self._plan, **changes)  # type: ignore[arg-type]

    def _env(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        tree = str(Path(__file__).resolve().parents[1])
        return {**kept, **UNLIMITED, "PYTHONPATH": tree, "PYTHONUNBUFFERED": "1", **self._environment}
