"""`make run` as a person meets it: read what it prints, paste what it offers, press Ctrl-C, pull the plug."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from pbx_bridge.client import Bridge, BridgeError, Key
from workshop import ports
from workshop.certificates import Pair
from workshop.run import doors, hints, state
from workshop.run.errors import RunFailed
from workshop.run.options import USUAL_PORTS

from .running import PATIENCE_S, MakeRun, Run, nothing_is_left, pasted


async def test_it_shows_a_call_and_its_printed_lines_work(make_run: MakeRun) -> None:
    run = make_run()
    await run.start()
    await run.says(hints.END)

    states = re.findall(r"(принято|вызов|соединение|завершено) +([a-z_]+) ", run.output)
    assert [state for _, state in states] == ["requested", "awaiting_code", "dialing", "ringing", *TALK, "ended"]
    assert [phase for phase, _ in states] == ["принято", "принято", "вызов", "вызов", *["соединение"] * 4, "завершено"]
    assert re.search(r"SMS: to \+7916\*\*\*4567: Код \d{6} для звонка", run.output)
    assert "the portal: asks for a call; the request is signed" in run.output
    assert "the citizen: reads the text message" in run.output
    assert "код подтверждён" in run.output
    assert re.search(r"the citizen: hears ann: (499|500|501) Hz", run.output)
    assert re.search(r"ann: hears the citizen: (609|610|611) Hz", run.output)
    assert "completed: the agent hung up («Специалист завершил разговор.»)" in run.output

    said = await pasted(run.output.split(hints.BEGIN)[1].split(hints.END)[0])
    assert said.count("event: call.ended") == 1
    assert '"outcome":"completed"' in said
    assert re.search(r'"type": ?"/problems/code-mismatch".*"attempts_left": ?2', said)
    assert '"words_ru":"Ваш телефон занят."' in said
    assert '"won":true' in said
    assert re.search(r"^client_\w+ +active +portal .* demonstration$", said, re.MULTILINE)
    assert re.search(r"^client_\w+ +active +portal .* shell$", said, re.MULTILINE)
    assert re.search(r"^The audit holds: \d+ lines", said, re.MULTILINE)
    assert "FAIL" not in said
    assert "ann (PJSIP/ann)" in said

    signer = json.loads((run.folder / "demonstration.json").read_text())
    key = Key.from_pem(signer["key_id"], signer["pem"])
    url, authority = f"https://127.0.0.1:{run._environment['HTTP_PORT']}", run.folder / "certificates" / "ca.pem"
    async with Bridge(url, signer["client_id"], private_key=key, ca_file=authority) as unsigned:
        with pytest.raises(BridgeError, match="signature"):
            await unsigned.bearer()

    run.process.send_signal(signal.SIGINT)
    assert await run.ends() == 0
    assert "Stopped" in run.output
    assert "Traceback" not in run.output
    await nothing_is_left(run.folder)
    assert all(doors.is_free(int(run._environment[name])) for name in USUAL_PORTS)
    assert not (run.folder / "tmp").exists()


TALK = ("answered", "queued", "offered", "talking")


def crowd() -> float:
    """How many programs want each processor, at least one: ten seconds are meant for a machine that has time."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


async def test_the_second_run_is_quick_and_keeps_what_the_first_made(make_run: MakeRun) -> None:
    first, second = make_run(), make_run()
    await first.start("--once")
    assert await first.ends() == 0, first.output
    assert "with new secrets" in first.output
    credentials = first.folder / "shell.env"
    before = programs(first.folder)
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    for name in ("pbx-bridge.toml", "demonstration.json"):
        assert stat.S_IMODE((first.folder / name).stat().st_mode) == 0o600

    began = time.monotonic()
    await second.start()
    await second.says("service")
    assert time.monotonic() - began < 10 * crowd()
    await second.says(hints.END)
    assert "kept" in second.output
    assert "up to date" in second.output
    assert programs(second.folder) == before

    second.process.kill()
    await second.process.wait()
    await nothing_is_left(second.folder)


def programs(folder: Path) -> tuple[set[str], str]:
    """Who the run calls as. Where its service and gateway are may change."""
    lines = (folder / "shell.env").read_text().splitlines()
    kept = {line for line in lines if line.startswith(("BRIDGE_CLIENT=", "BRIDGE_SECRET="))}
    assert len(kept) == 2
    return kept, (folder / "demonstration.json").read_text()


async def test_a_start_can_be_stopped_and_a_run_after_a_killed_one_keeps_its_ports(make_run: MakeRun) -> None:
    killed, stopped = make_run(), make_run()
    killed._environment = {}
    await killed.start(*_arguments(stopped))
    await killed.says("Asterisk")
    killed.process.kill()
    # At once: the kernel is still taking the children of the killed one along.
    await stopped.start(*_arguments(stopped))
    await stopped.says("Asterisk")
    stopped.process.send_signal(signal.SIGTERM)
    assert await stopped.ends() == 0
    assert "taken" not in stopped.output
    await nothing_is_left(stopped.folder)


def _arguments(run: Run) -> list[str]:
    return [f"--{name.lower().replace('_', '-')}={port}" for name, port in run._environment.items()]


async def test_a_run_whose_terminal_is_closed_stops(make_run: MakeRun) -> None:
    run = make_run()
    await run.start()
    await run.says("agents")
    run.output_pipe.close()
    assert await asyncio.wait_for(run.process.wait(), PATIENCE_S) == 0
    await nothing_is_left(run.folder)


@pytest.mark.parametrize(("victim", "name"), [("sbin/asterisk -C", "Asterisk"), ("pbx_bridge serve", "the service")])
async def test_a_dead_child_stops_the_run_with_its_name(make_run: MakeRun, victim: str, name: str) -> None:
    run = make_run()
    await run.start()
    await run.says("requested")
    os.kill(run.pid_of(victim), signal.SIGKILL)
    assert await run.ends() == 1
    assert f"{name} has ended by itself, so the run stops. Its last words are in {run.folder}" in run.output
    await nothing_is_left(run.folder)


async def test_a_taken_port_that_was_named_is_one_sentence(make_run: MakeRun) -> None:
    run = make_run()
    with socket.create_server((doors.HOST, int(run._environment["AMI_PORT"]))):
        await run.start()
        assert await run.ends() == 1
    assert re.search(r"Port \d+, which AMI_PORT names for Asterisk's AMI, is taken", run.output)
    assert "Traceback" not in run.output


def test_a_taken_port_that_nobody_named_is_moved_and_told() -> None:
    claimed = ports.claim()
    kept = dict(zip(USUAL_PORTS, claimed.spare[::10], strict=False))
    with socket.create_server((doors.HOST, kept["HTTP_PORT"])):
        chosen = doors.choose({}, kept)
    claimed.release()
    assert chosen.http == kept["HTTP_PORT"] + 1
    assert (chosen.ari, chosen.ami, chosen.sip) == (kept["ARI_PORT"], kept["AMI_PORT"], kept["SIP_PORT"])
    assert chosen.remarks == (
        f"Port {kept['HTTP_PORT']} is taken by another program, so the service's HTTP API is on {chosen.http}; "
        "`make run HTTP_PORT=…` chooses another.",
    )


def test_one_run_at_a_time_uses_a_folder(tmp_path: Path) -> None:
    with state.hold(tmp_path) as held:
        assert not held.after_a_crash
        with pytest.raises(RunFailed, match=f"process {os.getpid()}"), state.hold(tmp_path):
            pass
    with state.hold(tmp_path) as held:
        assert not held.after_a_crash


def test_ports_move_in_the_configuration_and_nothing_else_does(tmp_path: Path) -> None:
    text = (
        '[database]\nport = 5432\n[http]\nhost = "127.0.0.1"\nport = 8080\n\n[asterisk]\n'
        'ari_url = "http://127.0.0.1:8088"\nari_password = "a"\nami_port = 5038\nami_password = "b"\n'
    )
    with state.hold(tmp_path) as held:
        held.config.write_text(text)
        held.move(doors.Doors(http=1, ari=2, ami=3, sip=4))
        moved = text.replace("port = 8080", "port = 1").replace(":8088", ":2").replace("5038", "3")
        assert held.config.read_text() == moved
        held.config.write_text("[http]\n[x]\nport = 8080\n")
        with pytest.raises(RunFailed, match="mend it, or remove it"):
            held.move(doors.Doors(http=1, ari=2, ami=3, sip=4))


def test_a_folder_from_before_gets_its_certificate_and_nothing_else_changes(tmp_path: Path) -> None:
    text = '[database]\nurl = "x"\n[http]\nhost = "127.0.0.1"\nport = 8080\n\n[asterisk]\nari_password = "a"\n'
    pair = Pair(tmp_path / "service.pem", tmp_path / "service.key")
    lines = f'tls_certificate = "{pair.certificate}"\ntls_key = "{pair.key}"\n'
    with state.hold(tmp_path) as held:
        held.config.write_text(text)
        for _ in range(2):
            held.secure(pair)
            assert held.config.read_text() == text.replace("[http]\n", f"[http]\n{lines}")
        held.config.write_text("[database]\n")
        with pytest.raises(RunFailed, match="mend it, or remove it"):
            held.secure(pair)
