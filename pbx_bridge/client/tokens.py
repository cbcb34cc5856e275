"""Access tokens: fetched once for all who ask at the same time, renewed before they end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import quote_plus, urlencode

import aiohttp

from .errors import BridgeError, Problem, TokenRefused
from .keys import Key, assertion
from .wire import Request, Wire, patiently

PATH = "/oauth/token"
#: A token is renewed so many seconds before its end, or after half its life when that is later.
AHEAD_S = 30.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Credentials:
    """How the program proves who it is: by a secret (client_secret_basic) or by its key (private_key_jwt)."""

    def __init__(self, client_id: str, secret: str | None, private_key: Key | None) -> None:
        if (secret is None) == (private_key is None):
            raise ValueError("give either secret or private_key")
        self.client_id = client_id
        self._secret = secret
        self._private_key = private_key

    async def request(self, form: Mapping[str, str], wire: Wire) -> Request:
        """A token request. It is made anew for each attempt: an assertion counts once."""
        headers, fields = dict(_FORM), dict(form)
        if self._secret is not None:
            # RFC 6749, 2.3.1: both are form-encoded first.
            basic = aiohttp.encode_basic_auth(quote_plus(self.client_id), quote_plus(self._secret))
            headers["Authorization"] = basic
        else:
            assert self._private_key is not None
            fields["client_assertion_type"] = _ASSERTION
            audience = await wire.issuer()
            fields["client_assertion"] = assertion(self._private_key, self.client_id, audience, int(time.time()))
        return Request("POST", PATH, urlencode(fields).encode(), headers)


class Tokens:
    """One token, kept while it lives. `form` is what is asked for."""

    def __init__(self, wire: Wire, credentials: Credentials, form: Mapping[str, str], patience_s: float) -> None:
        self._wire = wire
        self._credentials = credentials
        self._form = form
        self._patience_s = patience_s
        self._token = ""
        self._renew_at = self._ends_at = 0.0
        self._one = asyncio.Lock()

    async def get(self) -> str:
        """A token that lives. Raises TokenRefused and what Wire.once raises."""
        async with self._one:
            now = asyncio.get_running_loop().time()
            if not self._token or now >= self._renew_at:
                try:
                    await self._fetch(now)
                except TokenRefused:
                    self._token = ""
                    raise
                except BridgeError:
                    if not self._token or now >= self._ends_at:
                        raise
            return self._token

    def drop(self, token: str) -> None:
        """The service takes it no more."""
        if token == self._token:
            self._token = ""

    async def _fetch(self, now: float) -> None:
        async def attempt() -> dict[str, object]:
            try:
                answer = await self._wire.once(await self._credentials.request(self._form, self._wire))
            except Problem as error:
                raise _refused(error) from None
            given = answer.json()
            return given if isinstance(given, dict) else {}

        given = await patiently(attempt, repeat=True, patience_s=self._patience_s)
        lifetime = float(str(given.get("expires_in", 0)))
        self._token = str(given["access_token"])
        self._ends_at = now + lifetime
        self._renew_at = now + max(lifetime - AHEAD_S, lifetime / 2)


def _refused(error: Problem) -> BridgeError:
    """The token page answers in a form of its own (RFC 6749, 5.2). 5xx is no refusal: it is asked again."""
    code = error.document.get("error")
    if isinstance(code, str) and error.status < 500:
        return TokenRefused(error.status, code, str(error.document.get("error_description", "")))
    return error
