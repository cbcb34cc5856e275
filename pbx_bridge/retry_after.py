"""`Retry-After` of somebody else's answer (RFC 9110, 10.2.3). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime


def asked_s(headers: Mapping[str, str], longest_s: float, at: datetime | None = None) -> float:
    """How long the answer asks to be left alone, in seconds, at most `longest_s`: as seconds, or as a date, held
    against the answer's own clock, or `at` where it shows none. 0 where it asks for nothing that can be read."""
    said = headers.get("Retry-After", "").strip()
    if not said:
        return 0.0
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), longest_s)
    try:
        shown = headers.get("Date")
        until, now = parsedate_to_datetime(said), at if at and not shown else parsedate_to_datetime(shown or "")
        return min(max((until - now).total_seconds(), 0.0), longest_s)
    except (TypeError, ValueError, OverflowError):
        return 0.0
