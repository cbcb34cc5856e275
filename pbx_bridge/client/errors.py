"""What can go wrong between a program and the service. All of it is a BridgeError."""

from __future__ import annotations

from typing import Any

from .answer import Answer


class BridgeError(Exception):
    """Any failure that this package knows."""


class Unreachable(BridgeError):
    """No answer came. The cause is in `__cause__`.

    `sent`: the request may have reached the service, so what became of it is not known; the same request with the same
    idempotency key finds out.
    """

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


class Problem(BridgeError):
    """The service refused, in a problem document (RFC 9457).

    Branch on `slug`; the service's docs/problems.md lists them all. `members` are the document's own extra members,
    such as `next_open_at`, `call_id` or `attempts_left`. `signed`: the refusal's signature was checked and is good.
    """

    def __init__(self, answer: Answer) -> None:
        document = _document(answer)
        self.answer = answer
        self.status = answer.status
        self.slug = str(document.get("type", "about:blank")).rpartition("/")[2]
        self.title = str(document.get("title", ""))
        self.detail = str(document.get("detail", ""))
        self.members = {name: value for name, value in document.items() if name not in _STANDARD}
        self.document = document
        self.retry_after_s = answer.retry_after_s
        self.signed = answer.signed
        super().__init__(f"{self.status} {self.slug}: {self.detail or self.title}")


_STANDARD = frozenset({"type", "title", "status", "detail", "instance"})


def _document(answer: Answer) -> dict[str, Any]:
    """The refusal's document; a stand-in when something between us and the service has made it."""
    try:
        document = answer.json()
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {"detail": "the answer is not a problem document"}


class TokenRefused(BridgeError):
    """The service gave no token (RFC 6749, 5.2). `error` is the RFC's code, such as `invalid_client`."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description


class Untrusted(BridgeError):
    """The answer is not signed as it must be: it may not come from the service, or not be for this request."""


class StreamEnded(BridgeError):
    """The service ended a stream and will not take this program back: `reason` is `token_revoked` or
    `client_disabled`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the service ended the stream: {reason}")
        self.reason = reason


class NotAWebhook(BridgeError):
    """The message was not sent by the service, or not now. Answer it with 400 and do nothing else."""
