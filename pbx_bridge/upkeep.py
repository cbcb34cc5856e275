"""What an operator does at the machine itself: verify the audit, and give or erase one citizen's data.

The audit says who it was, as it does of those who ask over HTTP.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic_core import to_json

from .conductor.reception import HOTLINE, stranger
from .ledger import AuditLine, Ledger, StillActive
from .ledger.values import Anchor
from .phone import NotAPhone, Phone

Say = Callable[[str], None]
_ANCHOR = re.compile(r"([0-9]{1,18}):([0-9A-Za-z_=-]{1,128})")


async def audit_verify(ledger: Ledger, say: Say, anchors: Sequence[str] = ()) -> bool:
    """Walk along the chain and say what was found; whether all of it holds.

    `anchors` are ends of earlier walks, `id:chain`. It leaves no line, since it shows nobody's data and must work on a
    copy that cannot be written. Raises LedgerUnavailable.
    """
    matches = [_ANCHOR.fullmatch(each) for each in anchors]
    if not all(matches):
        say("An anchor is `id:chain`, as an earlier verification printed it.")
        return False
    kept = [Anchor(int(match[1]), match[2]) for match in matches if match]
    found = await ledger.verify_audit(anchors=kept)
    older = f", the first {found.unchained} of them older than the chain" if found.unchained else ""
    if found.fault is not None:
        say(f"The audit does NOT hold: {found.fault}.")
        say(f"Before that: {_lines(found.lines)} as written{older}.")
        return False
    say(f"The audit holds: {_lines(found.lines)}{older}.")
    if found.anchor.chain:
        say(f"anchor {found.anchor.id}:{found.anchor.chain}")
        say("Keep the anchor in another place: given to a later verification it shows whether the end was cut off.")
    return True


async def citizen_export(ledger: Ledger, client: str, user: str, at: datetime, say: Say) -> bytes | None:
    """All that is kept about a program's citizen, in clear, as JSON; None when there is no such program.

    The line in the audit comes first. Raises LedgerUnavailable, Unreadable.
    """
    if not await _is_program(ledger, client, say):
        return None
    user = _named(ledger, client, user)
    await ledger.note([AuditLine(at, operator(), "export", "taken", citizen=(client, user))])
    return to_json(await ledger.export(client, user), indent=2)


async def citizen_erase(ledger: Ledger, client: str, user: str, at: datetime, say: Say) -> bool:
    """Take a program's citizen out of everything, and say how much that was; whether it was done.

    Raises LedgerUnavailable, Unreadable.
    """
    if not await _is_program(ledger, client, say):
        return False
    user = _named(ledger, client, user)
    line = AuditLine(at, operator(), "erase", "taken", citizen=(client, user))
    await ledger.note([line])
    try:
        gone = await ledger.erase(client, user, at)
    except StillActive as active:
        why = {"why": "a call is active"}
        await ledger.note([AuditLine(at, line.actor, "erase", "refused", why, citizen=line.citizen)])
        say(f"Nothing was erased: call {active.call_id} of this citizen is going on. End it first.")
        return False
    say(f"Erased: {gone.calls} calls and {gone.events} events name nobody any more; {gone.records} records are gone.")
    say("Copies in backups are gone when the backups are.")
    return True


async def reseal(ledger: Ledger, say: Say) -> None:
    """Seal everything anew that is not under the first key. Raises LedgerUnavailable, Unreadable."""
    changed = await ledger.reseal()
    say(f"Sealed anew: {changed} values. All of them open with the first key now; older ones may go.")


def operator() -> str:
    """Who works at the machine, as the audit's actor."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"operator:{os.getuid()}"


def _named(ledger: Ledger, client: str, user: str) -> str:
    """The citizen's user id; of the hotline's callers it may be said as their whole number."""
    if client != HOTLINE:
        return user
    try:
        return stranger(ledger.blind(Phone(user)))
    except NotAPhone:
        return user


async def _is_program(ledger: Ledger, client: str, say: Say) -> bool:
    # Who dials the public number and is nobody's citizen belongs to a program that was never registered.
    if client == HOTLINE or await ledger.client(client) is not None:
        return True
    say(f"There is no program {client}; `pbx-bridge client list` shows them.")
    return False


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
