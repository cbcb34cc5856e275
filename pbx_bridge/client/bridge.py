"""The way in: one program at one service."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import aiohttp

from .asker import Asker
from .keys import Key
from .tokens import Credentials, Tokens
from .wire import Wire

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
#: What the citizen's token is called (RFC 8693, 3).
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a name


class Citizen(Asker):
    """Asks for one citizen, by a token that is theirs. Made by Bridge.exchange; lives as long as its Bridge."""


class Bridge(Asker):
    """One registered program. Use it as an async context manager; one for the whole life of a process is best.

    `url` is the service's, https but on this machine. It proves itself by `secret`, or by `private_key` (an Ed25519
    key). With `signing_key` (Ed25519 or shared) every request is signed, and no answer is believed that is not.
    `ca_file` (PEM) names whom to trust for TLS instead of the system's list. `scopes` are asked for in the token;
    default: all that the program may have. `timeout_s` is for one attempt, `patience_s` for all of one request.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        *,
        secret: str | None = None,
        private_key: Key | None = None,
        signing_key: Key | None = None,
        scopes: frozenset[str] = frozenset(),
        ca_file: Path | str | None = None,
        timeout_s: float = 30,
        patience_s: float = 30,
    ) -> None:
        self.client_id = client_id
        wire = Wire(
            url, signing_key=signing_key, ca_file=None if ca_file is None else str(ca_file), timeout_s=timeout_s
        )
        self._credentials = Credentials(client_id, secret, private_key)
        form = {"grant_type": "client_credentials"} | ({"scope": " ".join(sorted(scopes))} if scopes else {})
        super().__init__(wire, Tokens(wire, self._credentials, form, patience_s), patience_s)

    async def __aenter__(self) -> Self:
        await self.wire.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.wire.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections, for requests of your own."""
        return self.wire.session

    async def exchange(
        self, subject_token: str, *, token_type: str = ACCESS_TOKEN, scopes: frozenset[str] = frozenset()
    ) -> Citizen:
        """Ask in the name of the citizen whose portal token this is (RFC 8693). Raises TokenRefused when it is not
        believed. It is exchanged again when the short one ends, so it must live as long as it is used."""
        form: Mapping[str, str] = {
            "grant_type": _EXCHANGE,
            "subject_token": subject_token,
            "subject_token_type": token_type,
        } | ({"scope": " ".join(sorted(scopes))} if scopes else {})
        citizen = Citizen(self.wire, Tokens(self.wire, self._credentials, form, self._patience_s), self._patience_s)
        await citizen.bearer()
        return citizen
