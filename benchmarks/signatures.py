"""What it costs to know who asks: a token taken apart, a signature verified, its nonce kept, the answer signed.

    python -m benchmarks.signatures          # some seconds

In one process, without HTTP, with a ledger on SQLite. CPU is of this process, all threads. The worst case is measured
on purpose: no token was seen before, and each nonce is written alone.
"""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import structlog
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from multidict import CIMultiDict
from yarl import URL

from benchmarks.report import Row, table
from pbx_bridge.client import Key
from pbx_bridge.client.signing import sign as sign_request
from pbx_bridge.directory.service import Directory
from pbx_bridge.ledger import Client, Ledger, migrate, new_key
from pbx_bridge.ledger.access import ClientKey, KeyKind
from pbx_bridge.portal.guard import TOKENS, examine
from pbx_bridge.portal.needs import Conductor, Needs, Settings
from pbx_bridge.portal.serving import Runner
from pbx_bridge.portal.signatures import PROOF, verify
from pbx_bridge.portal.signed_answers import sign as sign_answer
from pbx_bridge.portal.site import create_app

TIMES = 300
GOAL_MS = 2.0
URL_ = URL("http://127.0.0.1/v1/calls")
BODY = b'{"service": "support", "user": {"id": "u-1", "phone": "+79161234567"}}'
ANSWER = b'{"call": {"id": "call_01kes17jh867vgx0tyw22r90pm"}' + b" " * 900 + b"}"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Desk:
    """The application with one program that signs, and requests of it."""

    app: web.Application
    client: Client
    key: Key

    def request(self) -> tuple[web.Request, str]:
        """A signed request that never came before, and its token, which is new as well."""
        token = self.app[TOKENS].issue(self.client.id, self.client.scopes, 600)
        headers = CIMultiDict({"Authorization": f"Bearer {token}", "Idempotency-Key": "k"})
        sign_request(self.key, "POST", URL_, headers, BODY)
        request = make_mocked_request("POST", URL_.path, headers, app=self.app)
        request._read_bytes = BODY
        return request, token

    async def knows(self, request: web.Request, token: str) -> None:
        """All that is done to know who asks."""
        await verify(request, self.client, await examine(self.app, token))

    async def answers(self, request: web.Request) -> None:
        """The signature of an answer of usual size."""
        answer = web.Response(status=202, body=ANSWER, content_type="application/json")
        await sign_answer(answer, request[PROOF], request)


@asynccontextmanager
async def desk(kind: KeyKind) -> AsyncIterator[Desk]:
    """A desk with a fresh ledger and a key of that kind."""
    material: Ed25519PrivateKey | bytes = b"s" * 32 if kind is KeyKind.HMAC else Ed25519PrivateKey.generate()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        await migrate(url)
        ledger = await Ledger.open(url, [new_key()], pepper=b"p" * 32)
        kept = ClientKey("key_bench", kind, _kept(material), now())
        client = Client("bench", "bench", frozenset({"calls:write"}), now(), 600, (kept,), require_signature=True)
        await ledger.add_client(client)
        app = create_app(Needs(cast(Conductor, None), ledger, Settings(pepper=b"p" * 32), now, lambda: Directory({})))
        runner = Runner(app)
        await runner.setup()
        yield Desk(app, client, Key("key_bench", material))
        await runner.cleanup()
        await ledger.close()


def _kept(material: Ed25519PrivateKey | bytes) -> str:
    if isinstance(material, bytes):
        return base64.b64encode(material).decode()
    raw = base64.urlsafe_b64encode(material.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "x": raw})


async def cpu_ms(work: Callable[[], Awaitable[Any]]) -> float:
    """What one piece of work takes of the processor."""
    began = time.process_time()
    await work()
    return (time.process_time() - began) * 1000


async def rows(times: int = TIMES) -> list[Row]:
    """A table's worth."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    found = []
    for kind, name in ((KeyKind.PUBLIC, "Ed25519"), (KeyKind.HMAC, "HMAC")):
        async with desk(kind) as place:
            known, answered = [], []
            for _ in range(times):
                request, token = place.request()
                known.append(await cpu_ms(lambda: place.knows(request, token)))  # noqa: B023  awaited at once
                answered.append(await cpu_ms(lambda: place.answers(request)))  # noqa: B023
            asked = [place.request() for _ in range(50)]
            crowd = await cpu_ms(lambda: asyncio.gather(*(place.knows(*each) for each in asked)))  # noqa: B023
        what = f"CPU to know who asks: new token, {name} signature, nonce on SQLite"
        found.append(_row(what, known, GOAL_MS))
        found.append(Row(f"the same, {len(asked)} requests at once", f"{crowd / len(asked):.2f} ms each"))
        found.append(_row(f"CPU to sign the answer ({name})", answered))
    return found


def _row(what: str, values: list[float], goal: float | None = None) -> Row:
    middle, worst = statistics.median(values), statistics.quantiles(values, n=100)[98]
    met = None if goal is None else middle <= goal
    said = f"p50 {middle:.2f} ms, p99 {worst:.2f} ms"
    return Row(what, said, f"p50 ≤ {goal:g} ms" if goal else "-", met, f"{len(values)} values")


if __name__ == "__main__":
    sys.stdout.write(table(asyncio.run(rows())) + "\n")
