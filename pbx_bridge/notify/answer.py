"""What a gateway's answer means. Pure: the HTTP answer in, a verdict out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from ..retry_after import asked_s
from .template import BadTemplate

#: Later the same request may well be taken: 408 Request Timeout, 425 Too Early (RFC 8470), 429 Too Many Requests.
LATER = (408, 425, 429)
#: The most that we let a gateway ask us to wait, in seconds: a code is not worth more.
LONGEST_PAUSE_S = 30.0

_NOTHING = object()


class Verdict(Enum):
    """What became of the message."""

    TAKEN = auto()
    REFUSED = auto()
    LATER = auto()


class Acceptance:
    """How to read an answer: by its status and, if told so, by one value in its JSON."""

    def __init__(self, pointer: str, value: str) -> None:
        """`pointer` is RFC 6901, empty when the status says it all. With an empty `value` anything but null, false,
        and an empty text fits. Raises BadTemplate."""
        if pointer and not pointer.startswith("/"):
            raise BadTemplate("[sms] accepted_pointer: a JSON pointer begins with a slash, like /status")
        if value and not pointer:
            raise BadTemplate("[sms] accepted_value: say by accepted_pointer where it must stand in the answer")
        self._path = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        self._value = value

    @property
    def reads_the_body(self) -> bool:
        """Whether the verdict needs the answer's body."""
        return bool(self._path)

    def verdict(self, status: int, body: bytes | None) -> Verdict:
        """`body` is None when there was more of it than anybody needs."""
        if status >= 500 or status in LATER:
            return Verdict.LATER
        if not 200 <= status < 300:
            return Verdict.REFUSED
        if not self._path or (body is not None and self._fits(body)):
            return Verdict.TAKEN
        return Verdict.REFUSED

    def _fits(self, body: bytes) -> bool:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return False
        for part in self._path:
            found = _step(found, part)
        if not self._value:
            return found not in (_NOTHING, None, False, "")
        return self._value == (found if isinstance(found, str) else _as_json(found))


def pause_s(headers: Mapping[str, str]) -> float:
    """How long the gateway wants to be left alone, in seconds."""
    return asked_s(headers, LONGEST_PAUSE_S)


def _step(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part, _NOTHING)
    if isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 7 and int(part) < len(value):
        return value[int(part)]
    return _NOTHING


def _as_json(value: Any) -> str | None:
    return json.dumps(value) if isinstance(value, bool | int | float) else None
