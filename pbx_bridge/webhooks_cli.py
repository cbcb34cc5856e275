"""`pbx-bridge webhook …`: what programs were told, and what they are still owed, on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import App, Parameter
from rich.console import Console

from . import settings
from .ledger import AuditLine, Client, Ledger
from .ledger.postings import Delivery, DeliveryFilter, Owed
from .upkeep import operator
from .webhooks.answer import Heard, Verdict
from .webhooks.proof import Prover
from .wiring import ledger_of, now, post_of

Config = Annotated[Path | None, Parameter(name=["--config", "-c"], help="Configuration file; default PBX_CONFIG.")]
Result = TypeVar("Result")

app = App(name="webhook", help="What programs are told: list it, send it again, test a receiver.")
out = Console(highlight=False, soft_wrap=True)


class Refused(Exception):
    """What was asked for cannot be done. The text says why and what to do."""


@app.command(name="list")
def list_(
    *,
    client: str | None = None,
    call: str | None = None,
    state: Owed | None = None,
    limit: Annotated[int, Parameter(help="So many of the newest.")] = 50,
    config: Config = None,
) -> None:
    """Deliveries, newest event first: of one program, of one call, or in one state (dead: never taken)."""
    filter_ = DeliveryFilter(client, call, state)
    page = _with_ledger(settings.load(config), lambda ledger: ledger.deliveries(filter_, limit=max(1, limit)))
    for each in page.deliveries:
        out.print(_line(each), markup=False)
    if not page.deliveries:
        out.print("There is none. Only programs with a callback_url and a key of the kind webhook are told.")
    if page.next_cursor:
        out.print(f"There are more: --limit shows more than {limit}.")


@app.command
def replay(
    event_id: str | None = None,
    *,
    dead: Annotated[str | None, Parameter(help="All dead letters of this program.")] = None,
    config: Config = None,
) -> int:
    """Send an event again (EVENT_ID), or all dead letters of a program, with the same webhook-id."""
    if (event_id is None) == (dead is None):
        raise Refused("Name one event, or a program by --dead.")
    wanted = settings.load(config)
    if dead is not None:
        count = _with_ledger(wanted, lambda ledger: _replay_dead(ledger, dead))
        out.print(f"{count} dead letters of {dead} are sent again.", markup=False)
        return 0
    assert event_id is not None
    if _with_ledger(wanted, lambda ledger: _replay(ledger, event_id)):
        out.print(f"{event_id} is sent again.", markup=False)
        return 0
    out.print("It is being sent now, or its program has no address that works, or no webhook secret.")
    return 1


@app.command(name="test")
def prove(client_id: str, *, config: Config = None) -> int:
    """Send a signed test (`webhook.test`) to a program's address, and say what it answers."""
    wanted = settings.load(config)

    async def ask(ledger: Ledger) -> Heard:
        client = await _program(ledger, client_id)
        await _note(ledger, "test-webhook", client_id)
        post = post_of(wanted)
        try:
            return await Prover(post, now, wanted.node).prove(client)
        finally:
            await post.close()

    heard = _with_ledger(wanted, ask)
    if heard.verdict is Verdict.TAKEN:
        out.print(f"{client_id} took it: it answered {heard.status}.", markup=False)
        return 0
    out.print(f"{client_id} did not take it: {heard.words}.", markup=False)
    return 1


def _line(delivery: Delivery) -> str:
    why = f"  {delivery.last_error}" if delivery.last_error else ""
    when = delivery.settled_at or delivery.not_before
    due = "" if delivery.settled_at else "due "
    words = f"{delivery.event_id}  {delivery.state.value:9}  {delivery.client}  {delivery.call_id}#{delivery.sequence}"
    return f"{words}  {delivery.type}  tries {delivery.tries}  {due}{when:%Y-%m-%d %H:%M:%S} UTC{why}"


async def _replay(ledger: Ledger, event_id: str) -> bool:
    event = await ledger.event(event_id)
    if event is None:
        raise Refused(f"There is no event {event_id}; `pbx-bridge webhook list` shows them.")
    await _note(ledger, "replay-webhook", event.client, event=event_id)
    return await ledger.replay(event, now())


async def _replay_dead(ledger: Ledger, client_id: str) -> int:
    await _program(ledger, client_id)
    await _note(ledger, "replay-dead-letters", client_id)
    return await ledger.replay_dead(client_id, now())


async def _program(ledger: Ledger, client_id: str) -> Client:
    client = await ledger.client(client_id)
    if client is None:
        raise Refused(f"There is no program {client_id}; `pbx-bridge client list` shows them.")
    return client


async def _note(ledger: Ledger, action: str, client_id: str, **detail: str) -> None:
    await ledger.note([AuditLine(now(), operator(), action, "taken", {"client": client_id, **detail})])


def _with_ledger(wanted: settings.Settings, work: Callable[[Ledger], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        ledger = await ledger_of(wanted)
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return asyncio.run(run())
