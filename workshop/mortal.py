"""The kernel's promise that a child dies with us, even when we are killed with SIGKILL."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1  # prctl(2)

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """To be called in a child before exec: it shall be killed when its parent (that pid) dies.

    The promise is about the thread that started the child, and it does not reach grandchildren.
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was told
        os._exit(1)
