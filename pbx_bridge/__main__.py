"""The command line. Every command prints sentences, exits 0 when all is well and 1 with a reason when not.

`serve` exits 3 when another service took its place at Asterisk.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import structlog
from cyclopts import App, Parameter
from rich.console import Console

from . import __version__, logs, provision, settings
from .app import CannotStart, TakenOver, ledger_of, now, serve
from .doctor import examine
from .ledger import Client, LedgerError, migrate
from .portal.clients import new_client, unknown_scopes
from .portal.rights import SCOPES

Config = Annotated[Path | None, Parameter(name=["--config", "-c"], help="Configuration file; default PBX_CONFIG.")]

app = App(name="pbx-bridge", version=__version__, help="The telephony backend behind a portal's call button.")
client = App(name="client", help="Programs that may ask: add, list, disable.")
app.command(client)
#: The exit code of a service that another one replaced: whoever restarts services must not restart this one.
TAKEN_OVER = 3
#: Seconds after which a start that waits for the database says so.
NOTICE_S = 3.0
out = Console(highlight=False, soft_wrap=True)


@app.command(name="serve")
def serve_(*, config: Config = None) -> None:
    """Run the service until Ctrl-C. The database is brought up to date first."""
    wanted = settings.load(config)
    logs.configure(wanted.log.format, wanted.log.level)
    asyncio.run(_serve(wanted))


async def _serve(wanted: settings.Settings) -> None:
    await _migrate_aloud(wanted)
    await serve(wanted)


async def _migrate_aloud(wanted: settings.Settings) -> None:
    """Bring the database up to date; whoever looks at a service that does not begin finds the reason in its log."""
    words = "the database is locked or busy: waiting up to a minute for it"
    late = asyncio.get_running_loop().call_later(NOTICE_S, structlog.get_logger(__name__).warning, words)
    try:
        await migrate(wanted.database.url.get_secret_value())
    finally:
        late.cancel()


@app.command
def setup(
    folder: Path = Path(),
    *,
    http_port: int = 8080,
    ari_port: int = 8088,
    ami_port: int = 5038,
) -> None:
    """Write the first configuration with generated secrets into FOLDER. What is there is kept."""
    plan = provision.Plan(http_port=http_port, ari_port=ari_port, ami_port=ami_port)
    config = provision.setup(folder, plan, out.print)
    out.print(f"Next: pbx-bridge doctor --config {config}")


@app.command(name="migrate")
def migrate_(*, config: Config = None) -> None:
    """Bring the database to the form that this release needs. Harmless when repeated."""
    wanted = settings.load(config)
    asyncio.run(migrate(wanted.database.url.get_secret_value(), out.print))
    out.print("The database is up to date.")


@app.command
def doctor(*, config: Config = None) -> int:
    """Check everything the service needs, and say what to do about what is wrong."""
    findings = asyncio.run(examine(config))
    for finding in findings:
        mark = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}[finding.verdict]
        out.print(f"{mark} {finding.part}: ", end="")
        out.print(finding.words, markup=False)
    return 1 if any(finding.verdict == "fail" for finding in findings) else 0


@client.command
def add(
    name: str,
    *,
    scope: Annotated[list[str] | None, Parameter(name="--scope", negative="", help="Repeatable; default: all.")] = None,
    config: Config = None,
) -> int:
    """Register a program NAME. Its secret is printed once, and kept nowhere."""
    scopes = scope or sorted(SCOPES)
    if unknown := unknown_scopes(scopes):
        raise settings.SettingsError(f"Unknown scope {', '.join(unknown)}. Known: {', '.join(sorted(SCOPES))}.")
    wanted = settings.load(config)
    made = new_client(wanted.secrets.pepper.get_secret_value().encode(), now())
    row = Client(made.id, name, frozenset(scopes), now(), wanted.tokens.lifetime_s, (made.key,))
    asyncio.run(_add(wanted, row))
    out.print(f"client_id     {made.id}\nclient_secret {made.secret}\nscopes        {' '.join(scopes)}", markup=False)
    Console(stderr=True).print("Keep the secret now: it is not shown again.")
    return 0


async def _add(wanted: settings.Settings, row: Client) -> None:
    await migrate(wanted.database.url.get_secret_value())
    ledger = await ledger_of(wanted)
    try:
        await ledger.add_client(row)
    finally:
        await ledger.close()


@client.command(name="list")
def list_(*, config: Config = None) -> None:
    """All programs, without their secrets."""

    async def read() -> list[Client]:
        ledger = await ledger_of(settings.load(config))
        try:
            return await ledger.clients()
        finally:
            await ledger.close()

    for each in asyncio.run(read()):
        state = f"disabled {each.disabled_at:%Y-%m-%d}" if each.disabled_at else "active"
        out.print(f"{each.id}  {state:19}  {' '.join(sorted(each.scopes))}  {each.name}", markup=False)


@client.command
def disable(client_id: str, *, config: Config = None) -> int:
    """End a program's rights; a second later its tokens work no more."""

    async def end() -> bool:
        ledger = await ledger_of(settings.load(config))
        try:
            return await ledger.disable_client(client_id, now())
        finally:
            await ledger.close()

    if asyncio.run(end()):
        out.print(f"{client_id} is disabled.")
        return 0
    out.print(f"There is no active client {client_id}; `pbx-bridge client list` shows them.")
    return 1


def main() -> None:
    """The entry point: known troubles become one sentence, without a stack trace."""
    # Commands speak in sentences; only the running service logs its doings.
    logs.configure("auto", "warning")
    try:
        result = app()
    except (CannotStart, settings.SettingsError, LedgerError) as error:
        Console(stderr=True, soft_wrap=True).print(f"pbx-bridge: {error}", markup=False, highlight=False)
        sys.exit(TAKEN_OVER if isinstance(error, TakenOver) else 1)
    except OSError as error:
        Console(stderr=True).print(f"pbx-bridge: {error}", markup=False, highlight=False)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


if __name__ == "__main__":
    main()
