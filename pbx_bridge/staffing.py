"""`pbx-bridge agent …`: who takes calls, on the command line. The service need not run; Asterisk must."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from . import settings
from .asterisk.ami import Ami
from .asterisk.errors import AsteriskError
from .asterisk.staff import Staff
from .conductor.counsel import Counsel
from .conductor.errors import AgentRefused, NoAgent
from .conductor.ports import OutOfReach
from .conductor.roster import Roster
from .upkeep import operator
from .wiring import CannotStart, ami_of, ledger_of, now, shelf_for

Config = Annotated[Path | None, Parameter(name=["--config", "-c"], help="Configuration file; default PBX_CONFIG.")]
Queue = Annotated[str | None, Parameter(help="One queue; default: all of the agent's.")]

app = App(name="agent", help="Who takes calls: list, login, logout, pause, resume.")
out = Console(highlight=False, soft_wrap=True)
#: Device states of a telephone, in words.
STATES = {
    1: "free", 2: "talking", 3: "busy", 4: "without endpoint", 5: "not registered", 6: "ringing", 7: "talking",
    8: "on hold",
}  # fmt: skip


@app.command(name="list")
def list_(*, config: Config = None) -> None:
    """Everybody at every queue, and what they do now."""
    asyncio.run(_list(settings.load(config)))


@app.command
def login(agent: str, *, queue: Queue = None, config: Config = None) -> None:
    """AGENT takes calls from now on. Harmless when repeated."""
    _do(config, lambda roster, by: roster.log_in(agent, queue, by=by), f"{agent} is logged in")


@app.command
def logout(agent: str, *, queue: Queue = None, config: Config = None) -> None:
    """AGENT takes no more calls; a talk goes on. Harmless when repeated."""
    _do(config, lambda roster, by: roster.log_out(agent, queue, by=by), f"{agent} is logged out")


@app.command
def pause(
    agent: str,
    *,
    reason: Annotated[str, Parameter(help="Why: one of agents.toml's, or your own word.")] = "",
    queue: Queue = None,
    config: Config = None,
) -> None:
    """AGENT takes no calls for a while, and stays logged in."""
    _do(config, lambda roster, by: roster.pause(agent, True, reason, queue, by=by), f"{agent} pauses")


@app.command
def resume(agent: str, *, queue: Queue = None, config: Config = None) -> None:
    """AGENT takes calls again after a pause."""
    _do(config, lambda roster, by: roster.pause(agent, False, "", queue, by=by), f"{agent} is back")


def _do(config: Path | None, work: Callable[[Roster, str], Awaitable[None]], words: str) -> None:
    asyncio.run(_with_roster(settings.load(config), work))
    out.print(f"{words}.", markup=False)


async def _with_roster(wanted: settings.Settings, work: Callable[[Roster, str], Awaitable[None]]) -> None:
    shelf = shelf_for(wanted)
    async with _manager(wanted) as ami:
        ledger = await ledger_of(wanted)
        try:
            await work(Roster(ledger, Staff(ami), Counsel(lambda: shelf.directory), now), operator())
        except (NoAgent, AgentRefused, OutOfReach) as error:
            raise CannotStart(f"{error}.") from error
        finally:
            await ledger.close()


@asynccontextmanager
async def _manager(wanted: settings.Settings) -> AsyncIterator[Ami]:
    ami = ami_of(wanted.asterisk)
    try:
        async with ami.listen():
            yield ami
    except AsteriskError as error:
        raise CannotStart(f"Asterisk cannot be asked: {error}") from error


async def _list(wanted: settings.Settings) -> None:
    shelf = shelf_for(wanted)
    async with _manager(wanted) as ami:
        status = await ami.queue_status()
    table = Table("queue", "agent", "name", "is", "calls taken", box=None, pad_edge=False)
    for name, queue in sorted(status.queues.items()):
        for member in sorted(queue.members, key=lambda each: each.name):
            known = shelf.directory.agents.get(member.name)
            state = "paused" if member.paused else STATES.get(member.status, "unknown")
            table.add_row(name, member.name, known.name if known else "", state, str(member.calls_taken))
    if table.row_count:
        out.print(table)
    else:
        out.print("Nobody is logged in to any queue. `pbx-bridge agent login NAME` does it.")
