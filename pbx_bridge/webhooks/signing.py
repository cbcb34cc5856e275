"""A webhook's headers (Standard Webhooks 1.0). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook


def headers(event_id: str, body: str, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """Signed with every secret that counts at `at`, the time of this try: while one replaces another the receiver may
    have either."""
    # In UTC: the library reads the figures of any other zone as if they were UTC's.
    moment = at.astimezone(UTC)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, moment, body) for secret in secrets),
    }
