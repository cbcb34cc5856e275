"""What an operation is: one value that routes, guards, checks and describes it, so none of them can disagree."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from .queries import NoQuery, Query
from .rights import RIGHTS, Right

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: The form of a call's id in a path: `call_` and a ULID in small letters.
CALL_ID_PATTERN = "^call_[0-9a-hjkmnp-tv-z]{26}$"
#: The form of an event's id in a path.
EVENT_ID_PATTERN = "^evt_[0-9A-HJKMNP-TV-Z]{26}$"
_CALL_ID = re.compile(CALL_ID_PATTERN.removesuffix("$") + r"\Z")


@dataclass(frozen=True, slots=True)
class Header:
    """A header of a request or an answer."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One way to succeed. `content` maps media types to a model, or to a JSON Schema for what has none."""

    status: int
    description: str
    content: Mapping[str, type[BaseModel] | Mapping[str, Any]] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()
    example: Any = None


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent. `examples` are complete and work."""

    model: type[BaseModel]
    examples: Mapping[str, Any]
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. Who may use it stands in rights.py. `problems` are slugs beyond those that follow from
    the rest (see openapi.problems_of)."""

    id: str
    method: str
    path: str
    summary: str
    handler: Handler
    answers: tuple[Answer, ...]
    description: str = ""
    query: type[Query] = NoQuery
    headers: tuple[Header, ...] = ()
    body: Body | None = None
    problems: tuple[str, ...] = ()

    @property
    def right(self) -> Right | None:
        """Who may; None: nobody, as the table does not know it."""
        return RIGHTS.get(self.id)


OPERATIONS: web.AppKey[tuple[Operation, ...]] = web.AppKey("operations", tuple)
OPERATION_OF: web.AppKey[dict[web.AbstractRoute, Operation]] = web.AppKey("operation_of", dict)


def call_id_of(request: web.Request) -> str | None:
    """The call id in the path; None for text that cannot be one, which may be anything."""
    text = request.match_info.get("call_id", "")
    return text if _CALL_ID.match(text) else None
