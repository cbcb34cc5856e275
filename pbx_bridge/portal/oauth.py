"""The token endpoints' own manners: they refuse in the form of RFC 6749, 5.2, which client libraries expect there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps

from aiohttp import hdrs, web

from .bodies import as_json, read_form
from .limits import LIMITS
from .operations import Handler

FORM = "application/x-www-form-urlencoded"
NO_STORE: Mapping[str, str] = {hdrs.CACHE_CONTROL: "no-store", hdrs.PRAGMA: "no-cache"}
_CHALLENGE = 'Basic realm="pbx-bridge", charset="UTF-8"'


class Refusal(Exception):
    """An error of RFC 6749, 5.2. `description` never repeats what was sent."""

    def __init__(self, error: str, description: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.retry_after_s = retry_after_s

    def response(self) -> web.Response:
        """The refusal as an answer."""
        answer = {"error": self.error, "error_description": self.description}
        if self.error == "invalid_client":
            return as_json(answer, status=401, headers={**NO_STORE, hdrs.WWW_AUTHENTICATE: _CHALLENGE})
        if self.retry_after_s is not None:
            headers = {**NO_STORE, hdrs.RETRY_AFTER: str(self.retry_after_s)}
            return as_json(answer, status=503, headers=headers)
        return as_json(answer, status=400, headers=NO_STORE)


def of_form(handle: Callable[[web.Request, dict[str, str]], Awaitable[web.Response]]) -> Handler:
    """A handler of a form. Every refusal of a token endpoint leaves here."""

    @wraps(handle)
    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            form = await read_form(request)
            if form is None:
                raise Refusal("invalid_request", f"the body must be {FORM}, each field once")
            return await handle(request, form)
        except Refusal as refusal:
            if refusal.error == "invalid_client":
                await request.app[LIMITS].refused(request)
            return refusal.response()

    return handler
