"""Child processes that never outlive us.

Each child leads a session of its own, so Ctrl-C in a terminal reaches only the parent, which decides the
order; and the kernel kills it when the parent dies, even by SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workshop.mortal import die_with_parent

CLONE_NEWUTS = 0x04000000  # unshare(2)
CLONE_NEWUSER = 0x10000000
NUMERIC_NAME = b"127.0.0.1"

_libc = ctypes.CDLL(None, use_errno=True)


class Child:
    """One running program: its name for people, its process, where its output goes."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    async def wait(self) -> int:
        """Its exit code, negative for a signal, when it ends."""
        return await self.process.wait()

    def kill(self) -> None:
        """SIGKILL to the child and whatever it started; no waiting."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self, grace: float = 5.0) -> int:
        """SIGTERM, `grace` seconds, SIGKILL; returns the exit code. Harmless when it is already gone."""
        if self.running:
            self.process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), grace)
        self.kill()
        return await self.process.wait()

    def tail(self, lines: int = 20) -> str:
        """The end of its output."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


async def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    numeric_host_name: bool = False,
) -> Child:
    """Start `command`; its output is appended to `log`.

    Call it from a thread that lives as long as the child should: the kernel's promise is about the thread.
    `numeric_host_name` gives the child a host name that needs no resolver, see host_name_resolves().
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_before_exec(numeric_host_name),
        )
    return Child(name, process, log)


def host_name_resolves() -> bool:
    """Whether /etc/hosts knows this machine's name.

    If not, Asterisk asks DNS for each INVITE with SDP, and a resolver that does not answer costs 5 s a call.
    """
    try:
        lines = Path("/etc/hosts").read_text(errors="replace").splitlines()
    except OSError:
        return False
    return any(socket.gethostname() in line.partition("#")[0].split()[1:] for line in lines)


def _before_exec(numeric_host_name: bool) -> Callable[[], None]:
    parent = os.getpid()
    uid, gid = os.getuid(), os.getgid()

    def prepare() -> None:
        if numeric_host_name:
            _take_numeric_name(uid, gid)
        die_with_parent(parent)

    return prepare


def _take_numeric_name(uid: int, gid: int) -> None:
    """A host name of our own: root may, others need user namespaces; where both fail nothing changes."""
    if _libc.unshare(CLONE_NEWUTS) != 0:
        if _libc.unshare(CLONE_NEWUSER | CLONE_NEWUTS) != 0:
            return
        with contextlib.suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _libc.sethostname(NUMERIC_NAME, len(NUMERIC_NAME))
