"""The one form in which an event leaves: for the stream, the history and webhooks alike."""

from __future__ import annotations

from typing import Any

from .values import StoredEvent


def envelope(event: StoredEvent, node: str) -> dict[str, Any]:
    """The event with the names of CloudEvents 1.0; `node` is the installation that speaks."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": f"/pbx-bridge/{node}",
        "subject": event.call_id,
        "time": event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "sequence": event.sequence,
        "data": event.data,
    }
