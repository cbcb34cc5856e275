"""The command line. Every command prints sentences, exits 0 when all is well and 1 with a reason when not.

`serve` exits 3 when another service took its place at Asterisk.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import structlog
from cyclopts import App, Parameter
from rich.console import Console

from . import (
    __version__,
    directory_cli,
    history_cli,
    logs,
    provision,
    recordings_cli,
    registrar,
    rehearse,
    settings,
    staffing,
    upkeep,
    webhooks_cli,
)
from .app import TakenOver, serve
from .doctor import examine
from .ledger import Ledger, LedgerError, migrate
from .wiring import CannotStart, ledger_of, now

Config = Annotated[Path | None, Parameter(name=["--config", "-c"], help="Configuration file; default PBX_CONFIG.")]

app = App(name="pbx-bridge", version=__version__, help="The telephony backend behind a portal's call button.")
audit = App(name="audit", help="Who did what: verify that nobody changed it.")
citizen = App(name="citizen", help="What is kept about one citizen: export, erase.")
for each in (
    registrar.app,
    recordings_cli.app,
    staffing.app,
    webhooks_cli.app,
    history_cli.app,
    history_cli.history,
    audit,
    citizen,
    rehearse.app,
):
    app.command(each)
directory_cli.register(app)
Result = TypeVar("Result")
#: The exit code of a service that another one replaced: whoever restarts services must not restart this one.
TAKEN_OVER = 3
#: Seconds after which a start that waits for the database says so.
NOTICE_S = 3.0
out = Console(highlight=False, soft_wrap=True)
complain = Console(stderr=True, highlight=False, soft_wrap=True)


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
    tls_certificate: Annotated[Path | None, Parameter(help="PEM; for HTTPS, SIP over TLS and WSS.")] = None,
    tls_key: Annotated[Path | None, Parameter(help="PEM; its private key.")] = None,
    sandbox: Annotated[bool, Parameter(help="Numbers for portal developers; not for production.")] = False,
) -> None:
    """Write the first configuration with generated secrets into FOLDER. What is there is kept."""
    if (tls_certificate is None) != (tls_key is None):
        raise settings.SettingsError("--tls-certificate and --tls-key belong together: give both or none.")
    tls = (tls_certificate.absolute(), tls_key.absolute()) if tls_certificate and tls_key else None
    plan = provision.Plan(http_port=http_port, ari_port=ari_port, ami_port=ami_port, tls=tls, sandbox=sandbox)
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
    return directory_cli.tell(findings, out)


@audit.command
def verify(
    *,
    anchor: Annotated[list[str] | None, Parameter(negative="", help="The end of an earlier walk, id:chain.")] = None,
    config: Config = None,
) -> int:
    """Walk along the audit's chain and say whether every line is as it was written."""
    wanted = settings.load(config)
    holds = asyncio.run(_with_ledger(wanted, lambda ledger: upkeep.audit_verify(ledger, out.print, anchor or ())))
    return 0 if holds else 1


@citizen.command
def export(client_id: str, user: str, *, config: Config = None) -> int:
    """Print all that is kept about a citizen of a program, in clear, as JSON. Who dialled the public number and is
    nobody's citizen is found by `hotline` and the whole number."""
    wanted = settings.load(config)
    told = asyncio.run(
        _with_ledger(wanted, lambda ledger: upkeep.citizen_export(ledger, client_id, user, now(), complain.print))
    )
    if told is None:
        return 1
    sys.stdout.buffer.write(told + b"\n")
    return 0


@citizen.command
def erase(client_id: str, user: str, *, config: Config = None) -> int:
    """Take a citizen of a program out of everything that is kept. What is erased does not come back."""
    wanted = settings.load(config)
    done = asyncio.run(
        _with_ledger(wanted, lambda ledger: upkeep.citizen_erase(ledger, client_id, user, now(), out.print))
    )
    return 0 if done else 1


@app.command
def reseal(*, config: Config = None) -> None:
    """Seal private data anew with the first of secrets.sealing_keys, so that older keys may go."""
    asyncio.run(_with_ledger(settings.load(config), lambda ledger: upkeep.reseal(ledger, out.print)))


async def _with_ledger(wanted: settings.Settings, work: Callable[[Ledger], Awaitable[Result]]) -> Result:
    ledger = await ledger_of(wanted)
    try:
        return await work(ledger)
    finally:
        await ledger.close()


def main() -> None:
    """The entry point: known troubles become one sentence, without a stack trace."""
    # Commands speak in sentences; only the running service logs its doings.
    logs.configure("auto", "warning")
    try:
        result = app()
    except (
        CannotStart,
        settings.SettingsError,
        LedgerError,
        registrar.Refused,
        directory_cli.Refused,
        recordings_cli.Refused,
        webhooks_cli.Refused,
        history_cli.Refused,
        rehearse.CannotSimulate,
    ) as error:
        Console(stderr=True, soft_wrap=True).print(f"pbx-bridge: {error}", markup=False, highlight=False)
        sys.exit(TAKEN_OVER if isinstance(error, TakenOver) else 1)
    except OSError as error:
        Console(stderr=True).print(f"pbx-bridge: {error}", markup=False, highlight=False)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)


if __name__ == "__main__":
    main()
