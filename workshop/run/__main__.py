"""`python -m workshop.run`: the command behind `make run`."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from workshop.mortal import PR_SET_PDEATHSIG
from workshop.run.errors import sentence
from workshop.run.options import STATE, STATE_OF_CONTAINERS, Options
from workshop.run.runner import run
from workshop.run.tell import Teller

LOOK_S = 0.5

app = App(name="make run", help="Start everything, place one call, stay up until Ctrl-C.", version_flags=[])


def _port(name: str, what: str) -> Parameter:
    return Parameter(env_var=name, validator=Number(gte=1, lte=65_535), help=what)


@app.default
def make_run(
    *,
    folder: Annotated[
        Path | None, Parameter(env_var="RUN_FOLDER", help="Keeps what the next run needs; default var/run.")
    ] = None,
    http_port: Annotated[int | None, _port("HTTP_PORT", "The service's HTTP API.")] = None,
    ari_port: Annotated[int | None, _port("ARI_PORT", "Asterisk's ARI.")] = None,
    ami_port: Annotated[int | None, _port("AMI_PORT", "Asterisk's AMI.")] = None,
    sip_port: Annotated[int | None, _port("SIP_PORT", "Asterisk's SIP.")] = None,
    docker: Annotated[
        bool, Parameter(env_var="DOCKER", negative="", help="Asterisk and the service in containers.")
    ] = False,
    once: Annotated[bool, Parameter(negative="", help="Stop when the call is over.")] = False,
    with_parent: Annotated[bool, Parameter(negative="", show=False)] = False,
) -> int:
    """Exit code: 0 after Ctrl-C or a whole call, 1 with a sentence otherwise."""
    if with_parent:
        _stop_with_parent()
    named = {"HTTP_PORT": http_port, "ARI_PORT": ari_port, "AMI_PORT": ami_port, "SIP_PORT": sip_port}
    ports = {name: port for name, port in named.items() if port}
    usual = STATE_OF_CONTAINERS if docker else STATE
    options = Options(folder or usual, ports, docker=docker, once=once)
    tell = Teller()
    try:
        asyncio.run(_until_told(run(options, tell), tell))
    except Exception as error:
        if not (words := sentence(error)):
            raise
        tell.wrong(words)
        return 1
    return 0


async def _until_told(work: Coroutine[None, None, None], tell: Teller) -> None:
    """Run it; Ctrl-C, SIGTERM and a closed terminal stop it in order, a second Ctrl-C at once."""
    task = asyncio.create_task(work)
    told = False

    def stop(again: bool = False) -> None:
        nonlocal told
        if told and again:
            os._exit(1)  # the kernel takes the children along
        if told:
            return
        told = True
        tell.say("\nStopping …")
        task.cancel()

    loop = asyncio.get_running_loop()

    def look() -> None:
        # Where make leads the session, a closed terminal tells make, and make tells nobody.
        if tell.unread:
            stop()
        loop.call_later(LOOK_S, look)

    look()
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(each, stop, each == signal.SIGINT)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise


def _stop_with_parent() -> None:
    """When make is killed, nobody could press Ctrl-C any more."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(app())
