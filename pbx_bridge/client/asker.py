"""What a program can ask for, in its own name or in a citizen's."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode

from .answer import Answer
from .errors import Problem
from .stream import Event, Follower, LogFollower
from .tokens import Tokens
from .wire import Request, Wire, patiently

Call = dict[str, Any]
"""A call as the service shows it: `id`, `state`, `phase`, `outcome`, `revision`, `ticket` and more."""

Channel = Literal["sms", "voice", "totp"]


class Asker:
    """Asks with one kind of token. Every method may raise Problem, TokenRefused, Unreachable and Untrusted.

    A request is repeated, with the same idempotency key, while that can do no harm: when no answer came, on 429 and
    503 after the time that the service names, and while an earlier copy of it is still being answered. It ends after
    `patience_s` seconds.
    """

    def __init__(self, wire: Wire, tokens: Tokens, patience_s: float) -> None:
        self.wire = wire
        self._tokens = tokens
        self._patience_s = patience_s

    # ── calls ──
    async def start_call(
        self,
        user: Mapping[str, Any],
        *,
        service: str = "support",
        devices: Sequence[Mapping[str, Any]] | None = None,
        key: str | None = None,
        **more: Any,
    ) -> Call:
        """Ask for a call; it is accepted, and what comes of it is told by its events.

        `user` has `id` and `phone` (E.164); `more` are the other members of the request (`time_limit_s`, `subject`,
        `consent`, …). One press of the button is one intent: a key is drawn for it here. Give your own `key` when the
        intent outlives this process.
        """
        body = {"service": service, "user": dict(user), **more}
        if devices is not None:
            body["devices"] = [dict(device) for device in devices]
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        answer = await self.request("POST", "/v1/calls", body, headers=headers, repeat=True)
        return _call(answer)

    async def confirm(self, call_id: str, code: str | None = None) -> Call:
        """The second step, after which the telephone may ring: with the code that the citizen typed, or without
        where none is needed. A wrong one is Problem `code-mismatch` with `attempts_left`.

        A code is never sent twice by itself, as a wrong one costs a try each time: after Unreachable read the call.
        """
        body = {} if code is None else {"code": code}
        return _call(await self.request("POST", f"{_path(call_id)}/confirm", body, repeat=code is None))

    async def send_code(self, call_id: str, channel: Channel) -> Call:
        """Send the citizen another code."""
        return _call(await self.request("POST", f"{_path(call_id)}/code", {"channel": channel}, repeat=False))

    async def abort(self, call_id: str, if_match: int | None = None) -> Call:
        """End it; a call that has ended stays as it is. `if_match` is the revision that was decided on: when the call
        has moved on, Problem `revision-passed`."""
        headers = {} if if_match is None else {"If-Match": f'"{if_match}"'}
        return _call(await self.request("POST", f"{_path(call_id)}/abort", headers=headers, repeat=True))

    async def move(self, call_id: str, to: datetime) -> Call:
        """Call back at another time. It is the next one that the service's hours and the citizen's night allow: see
        `scheduled_for` and `scheduled_because`. Problem `not-movable` when it does not wait for a callback. ValueError
        for a time without a zone."""
        body = {"to": _moment(to)}
        return _call(await self.request("POST", f"{_path(call_id)}/move", body, repeat=True))

    async def keep_place(self, call_id: str) -> Call:
        """Hang up on a citizen who waits, and call them back in their turn. Problem `not-movable` when they do not
        wait."""
        return _call(await self.request("POST", f"{_path(call_id)}/keep", repeat=True))

    async def redirect(
        self, call_id: str, *, service: str = "", queue: str = "", number: str = "", if_match: int | None = None
    ) -> Call:
        """Send the citizen to somebody else: exactly one of the three. Problem `desk-closed` (with `next_open_at`),
        `not-steerable` when the state does not allow it; the citizen then stays where they are. `if_match` as in
        `abort`."""
        named = {"service": service, "queue": queue, "number": number}
        body = {name: value for name, value in named.items() if value}
        return await self._steer(call_id, "redirect", body, if_match)

    async def limit(self, call_id: str, time_limit_s: int, if_match: int | None = None) -> Call:
        """Let the call last so long from the device's answer; Asterisk keeps it. Problem `not-steerable` when it is
        over. `if_match` as in `abort`."""
        return await self._steer(call_id, "limit", {"time_limit_s": time_limit_s}, if_match)

    async def _steer(self, call_id: str, how: str, body: Mapping[str, Any], if_match: int | None) -> Call:
        headers = {} if if_match is None else {"If-Match": f'"{if_match}"'}
        return _call(await self.request("POST", f"{_path(call_id)}/{how}", body, headers=headers, repeat=True))

    async def call(self, call_id: str) -> Call:
        """It as it stands."""
        return _call(await self.request("GET", _path(call_id)))

    async def calls(self, **wanted: str | int) -> AsyncGenerator[Call]:
        """All that fit, newest first, page by page. `wanted` are `user`, `state`, `from_`, `to` and so on."""
        query: dict[str, str | int] = {name.rstrip("_"): value for name, value in wanted.items()}
        while True:
            page = (await self.request("GET", f"/v1/calls?{urlencode(query)}")).json()
            for call in page["calls"]:
                yield call
            if not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]

    async def events(self, call_id: str, after: int = 0) -> list[Event]:
        """The events with a sequence above `after`, in order; signed as any answer."""
        found: list[Event] = []
        while True:
            page = (await self.request("GET", f"{_path(call_id)}/events?after={after}")).json()
            found += page["events"]
            if not page["more"]:
                return found
            after = page["last"]

    async def follow(self, call_id: str, after: int = 0, *, patience_s: float = 300) -> AsyncGenerator[Event]:
        """Events as they happen, each once and in order, until `call.ended`.

        A broken stream is opened again where it was. After `patience_s` seconds in which nothing was heard it raises
        Unreachable or Problem; StreamEnded when the token was revoked or the program disabled. The stream itself
        carries no signatures; `events` does.
        """
        async with aclosing(Follower(self, call_id, after, patience_s).events()) as events:
            async for event in events:
                yield event

    async def follow_all(
        self, after: str = "", *, types: Collection[str] = (), patience_s: float = 300
    ) -> AsyncGenerator[Event]:
        """The events of all calls as they happen, each once and in order, without an end: behind the event with the
        id `after`; from now on with `now`; without it from the oldest that is kept. Of these `types`, if any.

        Keep the `id` of each event that you are done with: it is where to go on. Raises as `follow`.
        """
        async with aclosing(LogFollower(self, after, types, patience_s).events()) as events:
            async for event in events:
                yield event

    # ── services ──
    async def services(self) -> list[dict[str, Any]]:
        """What may be called: `id`, `names` and `synonyms` by language, `numbers`, `hours` and more."""
        found: list[dict[str, Any]] = (await self.request("GET", "/v1/services")).json()["services"]
        return found

    async def availability(
        self, service: str, *, at: datetime | None = None, time_zone: str | None = None
    ) -> dict[str, Any]:
        """What would happen now, or at that moment: `open`, `why`, `until`, `next_open_at`, `would_call_at`, and for
        now how long the citizen would wait. `time_zone` is the citizen's. ValueError for a time without a zone."""
        asked = {"at": _moment(at) if at else None, "time_zone": time_zone}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        found: dict[str, Any] = (
            await self.request("GET", f"/v1/services/{quote(service, safe='')}/availability?{query}")
        ).json()
        return found

    # ── anything else ──
    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
    ) -> Answer:
        """Ask for what has no method of its own yet. `body` becomes JSON. `repeat`: sending it twice does no more
        than sending it once; default: true for GET and HEAD."""
        content = b"" if body is None else json.dumps(body).encode()
        kept = dict(headers or {}) | ({"Content-Type": "application/json"} if content else {})
        again = method in ("GET", "HEAD") if repeat is None else repeat

        async def attempt() -> Answer:
            return await self._attempt(method, path, content, kept, again)

        return await patiently(attempt, repeat=again, patience_s=self._patience_s)

    async def _attempt(
        self, method: str, path: str, content: bytes, headers: Mapping[str, str], repeat: bool
    ) -> Answer:
        for first in (True, False):
            token = await self._tokens.get()
            sent = Request(method, path, content, {**headers, "Authorization": f"Bearer {token}"}, repeat)
            try:
                return await self.wire.once(sent)
            except Problem as error:
                if error.slug != "invalid-token" or not first:
                    raise
                self._tokens.drop(token)  # it ended early: nothing was done, so a new one may ask again
        raise AssertionError("unreachable")

    async def bearer(self) -> str:
        """An access token that lives, such as for a page of the citizen's browser."""
        return await self._tokens.get()

    def drop_token(self, token: str) -> None:
        """Fetch another one next time."""
        self._tokens.drop(token)


def _path(call_id: str) -> str:
    return f"/v1/calls/{quote(call_id, safe='')}"


def _moment(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a time must have a zone: datetime.now(UTC), or datetime(…, tzinfo=ZoneInfo('Europe/Moscow'))")
    return at.isoformat(timespec="seconds")


def _call(answer: Answer) -> Call:
    document = answer.json()
    call: Call = document["call"]
    return call
