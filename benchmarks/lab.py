"""One Asterisk, citizens, agents and the service, all on 127.0.0.1, for the time of one run.

The floor and the service use the same Asterisk, the same devices and the same queue.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from workshop import ports
from workshop.desk import Agent, Queue, desk
from workshop.prefix import Prefix, default_root, ensure
from workshop.server import AsteriskServer
from workshop.service import Service
from workshop.trunk import Agents, Sipp

TRUNK, QUEUE, WAITING = "operator", "bench", "waiting"
OBSERVER = "observer"
TALK_MS = 800
#: RTP ports: a leg takes two. Enough for a thousand waiting legs.
RTP_PORTS = 3000


class Citizens(Sipp):
    """Everybody behind the trunk: answers after 50 ms, no media."""

    def _scenario(self) -> Path:
        return Path(__file__).with_name("citizens.xml")


class BenchServer(AsteriskServer):
    """An AsteriskServer with one more AMI user, who only listens: the stopwatch of both sides."""

    def __init__(self, prefix: Prefix, folder: Path, extra: dict[str, str], server_ports: ports.Ports) -> None:
        super().__init__(prefix, folder, extra=extra, server_ports=server_ports)
        self.observer_password = secrets.token_urlsafe(16)

    def write_conf(self) -> None:
        super().write_conf()
        with (self.etc / "manager.conf").open("a", encoding="utf-8") as file:
            file.write(
                f"[{OBSERVER}]\nsecret = {self.observer_password}\nread = call,agent\nwritetimeout = 5000\n"
                "eventfilter(action(include),name(Newstate),method(none)) =\n"
                "eventfilter(action(include),name(AgentConnect),method(none)) =\n"
                "eventfilter(action(include),name(Hangup),method(none)) =\n"
            )


@dataclass
class Lab:
    """Everything that runs. The service is started and stopped by whoever measures."""

    folder: Path
    server: BenchServer
    citizens: Citizens
    agents: Agents
    http_port: int
    made: int = 0

    def service(self, name: str = "service", **environment: str) -> Service:
        """An installation of its own (configuration, database) in the lab's folder; not started."""
        settings = {"PBX_SERVICES": f'{{"{QUEUE}":"{QUEUE}","{WAITING}":"{WAITING}"}}', **environment}
        trunks = [{"prefix": "+", "endpoint": TRUNK}]
        return Service(self.folder / name, self.server, self.http_port, trunks=trunks, environment=settings)

    def number(self) -> str:
        """A citizen's number that was not used before in this run."""
        self.made += 1
        return f"+7901{self.made:07d}"


@asynccontextmanager
async def lab(agents: int) -> AsyncIterator[Lab]:
    """Start it all; everything is gone afterwards, also after Ctrl-C."""
    prefix = ensure(default_root())
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pbx-bench-")))
        claimed = ports.claim(RTP_PORTS)
        stack.callback(claimed.release)
        citizens = await stack.enter_async_context(Citizens(prefix, folder / "citizens"))
        talkers = Agents(prefix, folder / "agents", talk_ms=TALK_MS)
        await stack.enter_async_context(talkers)
        server = BenchServer(prefix, folder / "asterisk", _desk(agents, citizens, talkers), claimed)
        stack.push_async_callback(server.stop)
        await server.start()
        yield Lab(folder, server, citizens, talkers, claimed.spare[0])


def _desk(count: int, citizens: Sipp, agents: Sipp) -> dict[str, str]:
    people = [Agent(f"agent{number}", port=agents.port, queues=(QUEUE,)) for number in range(count)]
    queues = [
        Queue(QUEUE, {"wrapuptime": "0"}),
        # Nobody works here: whoever comes waits. No music, for 1,000 callers' music is another measurement.
        Queue(WAITING, {"joinempty": "yes", "leavewhenempty": "no", "musicclass": "none"}),
    ]
    files = desk(trunks={TRUNK: citizens.port}, agents=people, queues=queues)
    # Nobody sends a sound, so silence must not end a leg that waits longer than 30 s.
    files["pjsip.d/workshop.conf"] += f"[{TRUNK}](+)\nrtp_timeout = 0\n"
    return files
