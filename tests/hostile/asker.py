"""Who asks the fort: a program with its secret, a citizen's browser with its token, or anybody with anything."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yarl import URL

from pbx_bridge.portal.exchange import ACCESS_TOKEN, GRANT_TYPE

if TYPE_CHECKING:
    from tests.hostile.fort import Fort

_keys = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """One answer, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def slug(self) -> str:
        """Of a problem document, or the error of a token endpoint; empty when it is neither."""
        if not self.body or "json" not in self.headers.get("Content-Type", "") or not isinstance(self.json, dict):
            return ""
        return str(self.json.get("error") or self.json.get("type", "")).rpartition("/")[2]

    @property
    def retry_after(self) -> int:
        """Seconds; 0 when nothing is said."""
        return int(self.headers.get("Retry-After", 0))

    @property
    def refused(self) -> tuple[int, str]:
        """Status and slug."""
        return self.status, self.slug


@dataclass
class Asker:
    """Somebody with a token, or without one. `user` and `number` are a citizen's own."""

    fort: Fort
    token: str | None = field(default=None, repr=False)
    user: str = ""
    number: str = field(default="", repr=False)

    async def ask(self, method: str, path: str, body: Any = None, *, data: Any = None, **headers: str) -> Answer:
        """One request. Names of headers are written with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        return await self.send(method, path, sent, data)

    async def send(self, method: str, path: str | URL, headers: Mapping[str, str], data: Any = None) -> Answer:
        """The request as it is told."""
        url = path if isinstance(path, URL) else self.fort.url + path
        async with self.fort.session.request(method, url, headers=headers, data=data, allow_redirects=False) as got:
            answer = Answer(got.status, got.headers.copy(), await got.read())
        self.fort.answers.append(answer)
        return answer

    # ── calls ──
    def wish(self, number: str | None = None, *, user: str | None = None, **more: Any) -> dict[str, Any]:
        """The body that asks for a call."""
        told = {"id": user or self.user or "u-1"}
        if number:
            told["phone"] = number
        return {"service": "support", "user": told, **more}

    async def initiates(self, number: str | None = None, *, key: str = "", **more: Any) -> Answer:
        """POST /v1/calls."""
        if number:
            self.fort.treasure.keep("number", number)
        return await self.ask(
            "POST", "/v1/calls", self.wish(number, **more), Idempotency_Key=key or f"key-{next(_keys)}"
        )

    async def wants_call(self, number: str | None = None, **more: Any) -> str:
        """The id of a call that was accepted."""
        answer = await self.initiates(number, **more)
        assert answer.status == 202, answer.body
        return str(answer.json["call"]["id"])

    async def confirms(self, call: str, code: str | None = None) -> Answer:
        """Types a code."""
        return await self.ask("POST", f"/v1/calls/{call}/confirm", {} if code is None else {"code": code})

    async def asks_code(self, call: str, channel: str = "sms") -> Answer:
        """Wants another code."""
        return await self.ask("POST", f"/v1/calls/{call}/code", {"channel": channel})

    async def aborts(self, call: str, **headers: str) -> Answer:
        return await self.ask("POST", f"/v1/calls/{call}/abort", **headers)

    async def sees(self, call: str) -> Answer:
        return await self.ask("GET", f"/v1/calls/{call}")

    async def state(self, call: str) -> str:
        """The state of a call of its own."""
        return str((await self.sees(call)).json["call"]["state"])


@dataclass
class Program(Asker):
    """A registered program."""

    id: str = ""
    secret: str = field(default="", repr=False)

    def __init__(self, fort: Fort, id: str, secret: str) -> None:
        super().__init__(fort)
        self.id, self.secret = id, secret

    async def form(self, path: str, *, secret: str | None = None, **fields: str) -> Answer:
        """A form at one of the token endpoints, with the secret in the header."""
        pair = base64.b64encode(f"{self.id}:{secret or self.secret}".encode()).decode()
        return await Asker(self.fort).ask("POST", path, data=fields, Authorization=f"Basic {pair}")

    async def asks_token(self, **fields: str) -> Answer:
        """A token for itself, unless the fields say otherwise."""
        return await self.form("/oauth/token", **{"grant_type": "client_credentials", **fields})

    async def signed_in(self) -> Program:
        """With a fresh token."""
        answer = await self.asks_token()
        assert answer.status == 200, answer.body
        self.token = answer.json["access_token"]
        self.fort.treasure.keep("access token", self.token)
        return self

    async def exchanges(self, subject: str, **fields: str) -> Answer:
        """A citizen's own token for one of ours."""
        told = {"grant_type": GRANT_TYPE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN}
        return await self.asks_token(**{**told, **fields})

    async def speaks_for(self, user: str, number: str, subject: str) -> Asker:
        """The citizen, with the token that this program got."""
        answer = await self.exchanges(subject)
        assert answer.status == 200, answer.body
        token = answer.json["access_token"]
        self.fort.treasure.keep("citizen token", token)
        return Asker(self.fort, token, user, number)

    async def logs_out(self, user: str) -> Answer:
        """All tokens of its citizen end."""
        return await self.form("/oauth/revoke", sub=user)
