"""A program that revokes, and a second process of the same service."""

from __future__ import annotations

from typing import Any

from .portal_house import Reply, Site


async def revoke(site: Site, *, secret: str | None = None, **form: Any) -> Reply:
    data = {"client_id": site.client.id, "client_secret": secret or site.secret, **form}
    return await site.post("/oauth/revoke", data=data, headers={"Authorization": None})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
