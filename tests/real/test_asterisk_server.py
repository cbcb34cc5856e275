"""The workshop's Asterisk: it starts, says no error, answers, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.real.conftest import MakeAsterisk
from workshop import children
from workshop.prefix.place import wanted_modules
from workshop.server import TREE, AsteriskServer, ServerFailed


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_it_is_asterisk_22_and_logs_no_error(asterisk: AsteriskServer) -> None:
    assert "Asterisk 22." in await asterisk.cli("core show version")
    assert asterisk.errors() == []
    assert "Asterisk 22." in asterisk.log_path.read_text()


async def test_every_module_of_the_list_runs(asterisk: AsteriskServer) -> None:
    listing = await asterisk.cli("module show")
    running = {line.split()[0] for line in listing.splitlines() if " Running " in line}
    assert set(wanted_modules()) - running == set()


async def test_ari_and_metrics_answer_with_the_password_and_not_without(asterisk: AsteriskServer) -> None:
    auth = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
    base = f"http://127.0.0.1:{asterisk.ports.http}"
    async with aiohttp.ClientSession() as session:
        for path in ("/ari/asterisk/info", "/metrics"):
            async with session.get(base + path, headers=auth) as answer:
                assert answer.status == 200
            async with session.get(base + path) as answer:
                assert answer.status == 401


async def test_ami_lets_us_look_and_redirect_but_not_run_commands(asterisk: AsteriskServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.ports.ami)

    async def ask(action: str, **fields: str) -> str:
        lines = [f"Action: {action}", *(f"{key}: {value}" for key, value in fields.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        while True:
            block = (await reader.readuntil(b"\r\n\r\n")).decode()
            if "Response:" in block:
                return block

    login = await ask("Login", Username=asterisk.ami_user, Secret=asterisk.ami_password)
    assert "Success" in login
    assert "Success" in await ask("QueueStatus")
    assert "Success" in await ask("DBGetTree", Family="none")
    assert "Channel does not exist" in await ask("Redirect", Channel="none", Exten="s", Context="x", Priority="1")
    assert "Permission denied" in await ask("Command", Command="core show version")
    writer.close()


async def test_stop_leaves_no_process_and_no_open_port(asterisk: AsteriskServer) -> None:
    pid, port = asterisk.pid, asterisk.ports.http
    await asterisk.stop()
    assert not alive(pid)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert asterisk.log_path.exists()


async def test_a_kill_is_noticed_and_it_starts_again_on_the_same_ports(asterisk: AsteriskServer) -> None:
    asterisk.kill()
    assert await asterisk.wait() == -signal.SIGKILL
    assert not asterisk.running
    with pytest.raises(ServerFailed):
        await asterisk.cli("core show version")
    await asterisk.start()
    assert "Asterisk 22." in await asterisk.cli("core show version")


async def test_two_servers_at_once_share_nothing(make_asterisk: MakeAsterisk) -> None:
    one, two = make_asterisk(), make_asterisk()
    await asyncio.gather(one.start(), two.start())
    mine = {one.ports.http, one.ports.ami, one.ports.sip, *one.ports.spare, *range(*one.ports.rtp)}
    yours = {two.ports.http, two.ports.ami, two.ports.sip, *two.ports.spare, *range(*two.ports.rtp)}
    assert mine.isdisjoint(yours)
    assert one.errors() == two.errors() == []


async def test_a_wrong_configuration_is_told_with_its_last_words(make_asterisk: MakeAsterisk) -> None:
    server = make_asterisk(extra={"modules.conf": "[modules]\nautoload = no\nrequire = no_such_module.so\n"})
    with pytest.raises(ServerFailed, match="no_such_module"):
        await server.start()
    assert not server.running


async def test_a_very_long_folder_does_not_break_the_control_socket(make_asterisk: MakeAsterisk) -> None:
    server = make_asterisk()
    server.folder = server.folder / ("long" * 30)
    await server.start()
    assert "Asterisk 22." in await server.cli("core show version")


async def test_an_unresolvable_host_name_is_replaced_by_a_number(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = await children.start("hostname", ["uname", "-n"], log=log, numeric_host_name=True)
    assert await child.wait() == 0
    if child.tail() == socket.gethostname():
        pytest.skip("this machine forbids namespaces")
    assert child.tail() == "127.0.0.1"


def test_asterisk_dies_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed with SIGKILL, so nothing of Python can clean up: only the kernel."""
    script = f"""
import asyncio, signal
from pathlib import Path
from workshop.prefix import default_root, ensure
from workshop.server import AsteriskServer

async def main():
    server = AsteriskServer(ensure(default_root()), Path({str(tmp_path)!r}))
    await server.start()
    print(server.pid, flush=True)
    signal.pause()

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=TREE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        handle = os.pidfd_open(pid)
        parent.kill()
    # A pidfd becomes readable when its process has ended.
    assert select.select([handle], [], [], 5)[0]
    os.close(handle)
