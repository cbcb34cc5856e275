"""A refusal on its way out: a problem document (RFC 9457) made from its row in the catalogue.

`type` is relative, and GET on it explains itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from .catalogue import CATALOGUE as CATALOGUE

MEDIA_TYPE = "application/problem+json"
PREFIX = "/problems/"


#: Why a signature, or the lack of one, is refused (signatures.py).
OF_SIGNATURES = tuple(slug for slug in CATALOGUE if slug.startswith("signature-"))

#: After these the connection is closed: what the peer still sends is the rest of what was refused.
_LAST_WORDS = frozenset({"malformed-request", "too-large", "too-slow"})


class Problem(Exception):
    """A refusal on its way out. `detail` is for the caller's developer: it never repeats what was sent."""

    def __init__(
        self,
        slug: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
        **members: Any,
    ) -> None:
        super().__init__(slug)
        self.slug = slug
        self.row = CATALOGUE[slug]
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)
            self.members["retry_after"] = retry_after_s

    def document(self, request_id: str | None = None) -> dict[str, Any]:
        """The RFC 9457 document."""
        row = self.row
        document = {"type": PREFIX + self.slug, "title": row.title, "status": row.status}
        document["detail"] = self.detail or row.meaning
        if request_id:
            document["request_id"] = request_id
        return document | self.members

    def response(self, request_id: str | None = None) -> web.Response:
        """The document as an answer."""
        body = json.dumps(self.document(request_id), ensure_ascii=True).encode()
        headers = {**self.headers, "Cache-Control": "no-store"}
        response = web.Response(status=self.row.status, body=body, content_type=MEDIA_TYPE, headers=headers)
        if self.slug in _LAST_WORDS:
            response.force_close()
        return response


def explain(slug: str) -> dict[str, Any] | None:
    """What GET /problems/{slug} says; None for a slug that is not in the catalogue."""
    row = CATALOGUE.get(slug)
    if row is None:
        return None
    return {
        "type": PREFIX + slug,
        "status": row.status,
        "title": row.title,
        "meaning": row.meaning,
        "remedy": row.remedy,
        "members": dict(row.members or {}),
    }


def as_markdown() -> str:
    """The catalogue as the page docs/problems.md."""
    lines = ["# What the API refuses, and what to do", "", "Generated from `pbx_bridge/portal/catalogue.py`.", ""]
    lines += ["| type | status | meaning | what to do | members |", "|---|---|---|---|---|"]
    for slug, row in CATALOGUE.items():
        members = "; ".join(f"`{name}`: {text}" for name, text in (row.members or {}).items())
        lines.append(f"| `{PREFIX}{slug}` | {row.status} | {row.meaning} | {row.remedy} | {members} |")
    return "\n".join(lines) + "\n"
