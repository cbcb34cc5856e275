"""Which certificate is shown to those who connect."""

from __future__ import annotations

import asyncio
import ssl


async def serial(port: int) -> bytes:
    """What tells one certificate from another: all of it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return found
