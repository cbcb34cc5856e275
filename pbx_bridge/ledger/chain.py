"""The chain of the audit: every line is bound to all lines before it, under a key that is not in the database.

A line's link is an HMAC over the proof of the line before it and over everything the line says. The proof of a line
is an HMAC over its id and link; it stands nowhere but in `audit_head`, for the last line. So who can write the
database but has no key can neither change, remove, insert nor swap lines unnoticed, nor cut off the end and make
an earlier line the last one: the next link would be wrong. Bringing back a whole older copy of the end is the one
thing that only an Anchor shows, kept elsewhere.

Ids are counted here, without gaps. Writers wait for each other at the head's row from here to their commit, so this
comes last in a transaction.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, bindparam, func, insert, select, update

from .errors import LedgerUnavailable
from .forms import write_json
from .marks import Marks, derived
from .tables import audit, audit_head
from .values import Anchor, AuditLine

HEAD = select(audit_head.c.id, audit_head.c.chain, audit_head.c.proof)
_LOCKED_HEAD = HEAD.with_for_update()
_MOVE_HEAD = (
    update(audit_head)
    .where(
        audit_head.c.id == bindparam("before"),
        func.coalesce(audit_head.c.proof, "") == func.coalesce(bindparam("proof_before", type_=Text), ""),
    )
    .values(id=bindparam("last"), chain=bindparam("link"), proof=bindparam("sign"))
)
_NEW_LINES = insert(audit)

_read = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal).decode
_write = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


class Said(NamedTuple):
    """What a line says, as it is stored; `detail` is JSON text."""

    id: int
    at: datetime
    actor: str
    action: str
    call_id: str | None
    verdict: str
    detail: str
    mark: str | None


class _End(NamedTuple):
    """What `audit_head` says."""

    id: int
    chain: str
    proof: str | None


#: The columns of a Said, in its order.
SAID_COLUMNS = tuple(audit.c[name] for name in Said._fields)


class Chain:
    """Makes the links and proofs of one installation."""

    def __init__(self, pepper: bytes) -> None:
        """Raises BadKey when `pepper` is too short (marks.py)."""
        self._key = derived(pepper, "audit chain")
        self._end: _End | None = None
        #: How often another writer's lines were found at the end. While it stays the same, nobody else has written.
        self.met = 0

    def link(self, proof_before: str, said: Said) -> str:
        """Binds a line to the one whose proof is given; "" for the first."""
        return self._sign("line", proof_before, canonical(said))

    def proof(self, end: Anchor) -> str:
        """That this line was once the last one."""
        return self._sign("head", str(end.id), end.chain) if end.chain else ""

    def append(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Store lines (see `line_row`) at the end of the chain."""
        # Where this process wrote last. If nobody else has written since, one statement finds the end and moves it.
        here = self._end
        if here is None or not self._move(connection, here, rows):
            head = connection.execute(_LOCKED_HEAD).one_or_none()
            self.met += 1  # under the lock: whoever compares it under the lock misses nobody
            if head is None or not self._move(connection, _End(head.id, head.chain, head.proof), rows):
                raise LedgerUnavailable(
                    "audit_head has lost its row; bring back a backup: nothing is done without audit"
                )

    def _move(self, connection: Connection, here: _End, rows: Sequence[dict[str, Any]]) -> bool:
        """Store lines after `here`. False, and nothing is stored, when the chain ends elsewhere."""
        end, linked = here, []
        for row in rows:
            end = self._next(end, Said(id=end.id + 1, **row))
            linked.append(row | {"id": end.id, "chain": end.chain})
        there = {"last": end.id, "link": end.chain, "sign": end.proof, "before": here.id, "proof_before": here.proof}
        if connection.execute(_MOVE_HEAD, there).rowcount == 0:
            return False
        connection.execute(_NEW_LINES, linked)
        self._end = end
        return True

    def _next(self, before: _End, said: Said) -> _End:
        link = self.link(before.proof or "", said)
        return _End(said.id, link, self.proof(Anchor(said.id, link)))

    def _sign(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256").hex()


def line_row(line: AuditLine, marks: Marks, call_id: str | None = None) -> dict[str, Any]:
    """The row of a line, but for what the chain adds. `call_id` is for a line that names none."""
    return {
        "at": line.at,
        "actor": line.actor,
        "action": line.action,
        "call_id": line.call_id or call_id,
        "verdict": line.verdict,
        "detail": write_json(line.detail),
        "mark": marks.citizen(*line.citizen) if line.citizen else None,
    }


def canonical(said: Said) -> str:
    """One text for one meaning, whatever the database has made of it: PostgreSQL keeps JSON without its order and
    numbers as decimals (1e2 comes back as 100), and times come back in other zones."""
    at = said.at.astimezone(UTC).isoformat(timespec="microseconds")
    return _write(
        [said.id, at, said.actor, said.action, said.call_id, said.verdict, _plain(_read(said.detail)), said.mark]
    )


def _plain(value: Any) -> Any:
    """Numbers as their shortest digits, told from texts by a sign in front of both."""
    match value:
        case str():
            return f"'{value}"
        case Decimal():
            return f"#{_digits(value)}"
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def _digits(number: Decimal) -> str:
    # Not Decimal.normalize(): that rounds to 28 digits.
    digits = f"{number:f}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits
