"""Ask an issuer's server, within bounds of time and size, and never anywhere else than where it was said to be."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from ..subject import IssuerAway

#: Seconds for one question, with everything.
PATIENCE_S = 5.0
#: Bytes. A set of keys has some thousands.
LONGEST_ANSWER = 256 * 1024
#: Questions that may be open at one issuer: a slow one must not use up our sockets.
MOST_AT_ONCE = 20


class Fetch:
    """Connections to one issuer. Close it in the end."""

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> dict[str, Any]:
        """A JSON object. Raises IssuerAway."""
        return await self._ask("GET", url, None, {})

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object that answers a form. Raises IssuerAway."""
        return await self._ask("POST", url, form, headers)

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            trust: ssl.SSLContext | bool = ssl.create_default_context(cafile=self._ca_file) if self._ca_file else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MOST_AT_ONCE, ssl=trust),
                timeout=aiohttp.ClientTimeout(total=PATIENCE_S),
                auto_decompress=False,  # a small answer must not become a large one
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        asked = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        try:
            session = self._open()
            async with session.request(method, url, data=form, headers=asked, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise IssuerAway(f"the issuer answers {answer.status}")
                return _object(await _read(answer.content))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise IssuerAway(f"the issuer cannot be asked ({type(error).__name__})") from None


async def _read(content: aiohttp.StreamReader) -> bytes:
    read = bytearray()
    async for chunk in content.iter_any():
        read += chunk
        if len(read) > LONGEST_ANSWER:
            raise IssuerAway("the issuer's answer is too long")
    return bytes(read)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise IssuerAway("the issuer's answer is not JSON") from None
    if not isinstance(found, dict):
        raise IssuerAway("the issuer's answer is not a JSON object")
    return found
