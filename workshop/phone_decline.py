"""Refusing a call with a SIP code of our choice.

baresip-python 0.5 says 486 to every refused call; baresip itself can say any code, and exports the function.
It must be called on the thread that runs the SIP stack. That thread enters Python in one place only: to
deliver an event. So the call rides on the answer to a PING, the one command that touches nothing else.

This leans on the inside of the pinned version; tests/real/test_phones.py watches it (603 arrives as 603).
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from typing import Any

from baresip import Runtime, _events, _native
from baresip._native import lib

REASONS = {
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
}
_set_sink: Any = _events.set_sink
# Two refusals at once would restore each other's sinks.
_turn = asyncio.Lock()


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(_native.__file__)  # already loaded: this gives the same copy
    library.uag_call_find.argtypes = [ctypes.c_char_p]
    library.uag_call_find.restype = ctypes.c_void_p
    library.call_get_ua.argtypes = [ctypes.c_void_p]
    library.call_get_ua.restype = ctypes.c_void_p
    library.ua_hangup.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint16, ctypes.c_char_p]
    library.ua_hangup.restype = None
    return library


async def decline(runtime: Runtime, call_id: str, code: int) -> bool:
    """Answer the ringing call with `code` (400-699); False when the call is gone already."""
    if not 400 <= code <= 699:
        raise ValueError(f"a call is refused with a code from 400 to 699, not {code}")
    library = _library()
    found = False

    def refuse() -> None:
        nonlocal found
        call = library.uag_call_find(call_id.encode())
        found = bool(call)
        if found:
            reason = REASONS.get(code, "Refused").encode()
            library.ua_hangup(library.call_get_ua(call), call, code, reason)

    await _on_sip_thread(runtime, refuse)
    return found


async def _on_sip_thread(runtime: Runtime, job: Callable[[], None]) -> None:
    jobs = [job]

    def sink(event: int, handle: int, payload: bytes | None) -> None:
        if event == lib.BP_EV_PONG and jobs:
            jobs.pop()()
        usual(event, handle, payload)

    async with _turn:
        usual = _set_sink(sink)
        try:
            await runtime.cmd(lib.BP_CMD_PING)
        finally:
            _set_sink(usual)
