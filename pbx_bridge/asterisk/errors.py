"""Every way in which Asterisk cannot be asked or says no, in words of our own.

The two connections (ari, ami) translate foreign exceptions into these, once, at the border; nothing behind
them ever sees an aiohttp or panoramisk error. No text here holds a phone number, an endpoint or a secret:
channel ids and names of operations are enough to find the call.
"""

from __future__ import annotations


class AsteriskError(Exception):
    """Asterisk was not reached, or refused. The text says what happened and what to do."""


class AriError(AsteriskError):
    """Over ARI. `status` is the HTTP status, when there was an answer at all."""

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class Unreachable(AriError):
    """No answer: refused, reset, timed out, no such host, or the dead silence of a peer that is gone.

    `maybe_done`: the request may have reached Asterisk and been carried out; look before you assume either.
    """

    def __init__(self, text: str, *, maybe_done: bool = True) -> None:
        super().__init__(text)
        self.maybe_done = maybe_done


class Unauthorized(AriError):
    """Wrong user or password, or a user that may only read. Repeating will not help."""


class NotFound(AriError):
    """The channel, bridge, endpoint or application is not there (any more). Normal after a hang-up."""


class Conflict(AriError):
    """A channel with this id lives already, or is in no state for this. Normal after a repeat."""


class Unprocessable(AriError):
    """Asterisk understood and will never do it: a wrong parameter or a request too large. Our mistake."""


class Refused(AriError):
    """Asterisk tried and failed; of an originate: no channel came to be (unknown or absent endpoint)."""


class Replaced(AriError):
    """Another connection took our application over. Stop: two owners would ring twice."""


class AmiError(AsteriskError):
    """Over AMI."""


class AmiUnreachable(AmiError):
    """No connection: refused, no such host, no greeting in time, or a peer that stopped answering."""


class AmiUnauthorized(AmiError):
    """Wrong user or secret, or a right that manager.conf does not grant. Repeating will not help."""


class AmiRefused(AmiError):
    """Asterisk answered "Error"; `message` holds its own words."""

    def __init__(self, text: str, *, message: str = "") -> None:
        super().__init__(text)
        self.message = message


class AmiTimeout(AmiError):
    """Connected, but no complete answer in time. Whether it was done is not known."""


class AmiDisconnected(AmiError):
    """There is no connection, or it ended before the answer. Nothing is ever sent again by itself."""


class UnsafeValue(AmiError, ValueError):
    """A value that would change the meaning of the action it is put into. It was not sent."""
