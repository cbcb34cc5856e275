"""An Asterisk with TLS, its authority, and accounts of telephones: `pytest_plugins = ("tests.tls_plugin",)`."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.real.conftest import MakeAsterisk
from workshop.certificates import Authority, Pair, authority
from workshop.server import AsteriskServer

PHONE = """
[{name}]({template})
context = from-test
auth = {name}
aors = {name}
[{name}](login)
username = {name}
password = secret
[{name}](place)
qualify_frequency = 0
"""
OPERATOR = """
[operator](trunk-tls)
aors = operator
[operator](place)
contact = sip:127.0.0.1:{port}\\;transport=tls
qualify_frequency = 0
"""
# No browser, but offered what browsers are: whoever listens there reads the offer.
BROWSER = """
[browser](citizen-browser)
aors = browser
[browser](place)
contact = sip:127.0.0.1:{port}\\;transport=tls
qualify_frequency = 0
"""
DIALPLAN = """
[from-test]
exten => _[a-z].,1,Dial(PJSIP/${EXTEN},5)
exten => _+X.,1,Dial(PJSIP/${EXTEN}@operator,5)
"""
CALLERS = {"ann": "agent-tls", "bob": "citizen-tls", "old": "agent"}


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path / "certificates")


@pytest.fixture
def pair(ours: Authority) -> Pair:
    return ours.pair("asterisk")


@pytest.fixture
def operator_port() -> int:
    """Of an operator that is not there, unless a test opens it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def pbx(make_asterisk: MakeAsterisk, ours: Authority, pair: Pair, operator_port: int) -> AsteriskServer:
    phones = "".join(PHONE.format(name=name, template=template) for name, template in CALLERS.items())
    extra = {
        "pjsip.d/test.conf": phones + OPERATOR.format(port=operator_port) + BROWSER.format(port=operator_port),
        "dialplan/test.conf": DIALPLAN,
    }
    server = make_asterisk(tls=pair, believes=ours.path, extra=extra)
    await server.start()
    assert server.errors() == []
    return server
