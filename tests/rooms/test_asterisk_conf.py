"""The generated Asterisk files: secrets stay in their lines, and what was measured stays set."""

from __future__ import annotations

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


def test_ami_may_neither_run_commands_nor_load_modules() -> None:
    write = next(line for line in render(PARAMS)["manager.conf"].splitlines() if line.startswith("write ="))
    assert {"command", "system", "all"}.isdisjoint(write.removeprefix("write = ").split(","))


def test_https_comes_with_a_certificate() -> None:
    tls = Tls(certificate=PurePath("/c.pem"), key=PurePath("/k.pem"), port=8443)
    text = render(ConfParams(ari_password="x", ami_password="y", tls=tls))["http.conf"]
    assert "tlsbindaddr = 127.0.0.1:8443" in text
    assert "tlsenable" not in render(PARAMS)["http.conf"]


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
