"""The generated Asterisk files: secrets stay in their lines, and what was measured stays set."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.asterisk.conf import ConfParams, Directories, Tls, render

PARAMS = ConfParams(ari_password="ari-secret", ami_password="ami-secret")


def test_secrets_are_not_in_the_repr() -> None:
    assert "secret" not in repr(PARAMS)


def test_a_system_installation_keeps_its_own_folders() -> None:
    assert "[directories]" not in render(PARAMS)["asterisk.conf"]


def test_folders_are_named_as_asterisk_names_them() -> None:
    names = ("etc", "mod", "varlib", "db", "key", "data", "agi", "spool", "run", "log", "cache", "sbin")
    folders = Directories(**{name: PurePath("/a", name) for name in names})
    text = render(ConfParams(ari_password="x", ami_password="y", directories=folders))["asterisk.conf"]
    for name in names:
        assert f"ast{name}dir = /a/{name}\n" in text


def test_slow_readers_are_not_cut_off_after_a_tenth_of_a_second() -> None:
    files = render(PARAMS)
    assert "websocket_write_timeout = 5000" in files["ari.conf"]
    assert "writetimeout = 5000" in files["manager.conf"]


def test_more_than_a_hundred_sessions_are_let_in() -> None:
    assert "sessionlimit = 1000" in render(PARAMS)["http.conf"]


def test_everything_but_sip_listens_at_home_only() -> None:
    files = render(PARAMS)
    for name in ("http.conf", "manager.conf"):
        assert "bindaddr = 127.0.0.1" in files[name]
    assert "permit = 127.0.0.1/32" in files["manager.conf"]


def test_the_leg_of_a_call_that_came_in_is_told_with_its_channel() -> None:
    files = render(PARAMS)
    assert "channelvars = PB_LEG,PB_DIALLED\n" in files["ari.conf"].partition("[pbx-bridge]")[0]
    # One only: with two, panoramisk makes a list of them.
    assert "channelvars = PB_LEG\n" in files["manager.conf"].partition("[pbx-bridge]")[0]


def test_ami_may_neither_run_commands_nor_load_modules() -> None:
    write = next(line for line in render(PARAMS)["manager.conf"].splitlines() if line.startswith("write ="))
    assert {"command", "system", "all"}.isdisjoint(write.removeprefix("write = ").split(","))


TLS = Tls(certificate=PurePath("/c.pem"), key=PurePath("/k.pem"), port=8443, ami_port=5443, sip_port=5061)
SECURE = ConfParams(ari_password="x", ami_password="y", tls=TLS)


def test_without_a_certificate_nothing_speaks_tls() -> None:
    text = "".join(render(PARAMS).values())
    assert "tlsenable" not in text
    assert "transport-tls" not in text


@pytest.mark.parametrize(("name", "bind"), [("http.conf", "127.0.0.1:8443"), ("manager.conf", "127.0.0.1:5443")])
def test_ari_and_ami_speak_tls_of_today_and_stay_at_home(name: str, bind: str) -> None:
    lines = render(SECURE)[name].splitlines()
    general = lines[: lines.index("")]
    assert f"tlsbindaddr = {bind}" in general
    assert {"tlscertfile = /c.pem", "tlsprivatekey = /k.pem", "tlsenable = yes"} <= set(general)
    assert {"tlsdisablev1 = yes", "tlsdisablev11 = yes"} <= set(general)
    assert "bindaddr = 127.0.0.1" in general


def test_sip_over_tls_believes_only_operators_that_prove_their_name() -> None:
    section = render(SECURE)["pjsip_transports.conf"].partition("[transport-tls]")[2].partition("[")[0]
    assert "protocol = tls\nbind = 0.0.0.0:5061\n" in section
    assert "method = tlsv1_2\n" in section
    assert "verify_server = yes\n" in section
    assert "ca_list_file = /etc/ssl/certs/ca-certificates.crt\n" in section


def test_sip_in_the_clear_can_be_closed_but_not_without_another_way_in() -> None:
    text = render(replace(SECURE, sip_plain=False))["pjsip_transports.conf"]
    assert re.findall(r"\[(transport-\w+)\]", text) == ["transport-tls", "transport-ws", "transport-wss"]
    with pytest.raises(ValueError, match="sip_plain"):
        replace(PARAMS, sip_plain=False)


@pytest.mark.parametrize("field", ["certificate", "key", "authorities"])
@pytest.mark.parametrize("path", ["/a;b", "/a\n[evil]", "/a[b"])
def test_no_path_can_end_its_line(field: str, path: str) -> None:
    with pytest.raises(ValueError, match=field):
        replace(TLS, **{field: PurePath(path)})  # type: ignore[arg-type]


def test_a_server_behind_nat_says_its_outer_address_for_signalling_and_media() -> None:
    params = ConfParams(
        ari_password="x", ami_password="y", external_address="192.0.2.1", local_networks=("10.0.0.0/8",)
    )
    text = render(params)["pjsip_transports.conf"]
    assert text.count("external_media_address = 192.0.2.1") == text.count("[transport-")
    assert "local_net = 10.0.0.0/8" in text


@given(st.text())
def test_no_password_can_end_its_line_or_be_cut_by_a_comment(password: str) -> None:
    try:
        params = ConfParams(ari_password=password, ami_password="y")
    except ValueError:
        return
    lines = render(params)["ari.conf"].splitlines()
    assert f"password = {password}" in lines
    assert ";" not in password


@pytest.mark.parametrize("field", ["ari_user", "ami_user", "ami_password", "http_bind", "external_address"])
def test_every_text_is_looked_at(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        ConfParams(**{"ari_password": "x", "ami_password": "y", field: "a\n[evil]"})  # type: ignore[arg-type]


def test_the_sandbox_is_a_trunk_to_itself_that_nobody_else_may_use() -> None:
    assert "[" not in render(PARAMS)["pjsip_sandbox.conf"]
    text = render(replace(PARAMS, sandbox=True, sip_port=5070))["pjsip_sandbox.conf"]
    assert "contact = sip:127.0.0.1:5070\n" in text
    assert text.count("(trunk)") == text.count("deny = 0.0.0.0/0,::/0\npermit = 127.0.0.1\n") == 2


def test_a_sandbox_without_plain_sip_is_refused() -> None:
    with pytest.raises(ValueError, match="sandbox"):
        replace(SECURE, sip_plain=False, sandbox=True)
