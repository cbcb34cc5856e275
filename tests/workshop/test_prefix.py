"""The private Asterisk: damage is seen, errors say what to do, nothing of the host leaks in. No network."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from workshop.prefix import Prefix, PrefixError, apt, ensure, install
from workshop.prefix.place import wanted_modules


@pytest.fixture
def copy(prefix: Prefix, tmp_path: Path) -> Path:
    """A prefix that may be broken: folders are its own, files are shared by hard links where that is possible."""
    root = tmp_path / "prefix"
    shutil.copytree(prefix.root, root, symlinks=True, copy_function=share)
    return root


def share(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """An install would need the network: it says so instead of trying."""

    def refuse(*_: object) -> None:
        raise PrefixError("an install was begun")

    monkeypatch.setattr(install, "_install", refuse)


@pytest.mark.usefixtures("offline")
def test_a_whole_prefix_is_used_as_it_is_and_quickly(copy: Path) -> None:
    ensure(copy)
    started = time.perf_counter()
    ensure(copy)
    assert time.perf_counter() - started < 0.5  # 0.02 s on an idle machine


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("victim", ["usr/sbin/asterisk", "usr/share/asterisk/sounds/ru", "manifest.json"])
def test_a_missing_file_begins_a_new_install(copy: Path, victim: str) -> None:
    (copy / victim).unlink()
    with pytest.raises(PrefixError, match="begun"):
        ensure(copy)


@pytest.mark.usefixtures("offline")
def test_a_truncated_file_begins_a_new_install(copy: Path) -> None:
    victim = copy / "usr/bin/sipp"
    victim.unlink()
    victim.write_bytes(b"")
    with pytest.raises(PrefixError, match="begun"):
        ensure(copy)


@pytest.mark.usefixtures("offline")
def test_an_older_recipe_begins_a_new_install(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").unlink()
    (copy / "manifest.json").write_text(json.dumps(manifest | {"recipe": 0}))
    with pytest.raises(PrefixError, match="begun"):
        ensure(copy)


def test_a_module_that_does_not_exist_is_named(prefix: Prefix, tmp_path: Path) -> None:
    conf = tmp_path / "modules.conf"
    conf.write_text("[modules]\nload = app_no_such.so\n")
    with pytest.raises(PrefixError, match=r"app_no_such\.so, which this Asterisk does not have"):
        ensure(prefix.root, modules_conf=conf)


def test_a_module_whose_library_was_left_out_is_named(prefix: Prefix, tmp_path: Path) -> None:
    conf = tmp_path / "modules.conf"
    conf.write_text("[modules]\nload = res_snmp.so\n")
    with pytest.raises(PrefixError, match=r"res_snmp\.so needs libnetsnmp\S*, which the prefix leaves out"):
        ensure(prefix.root, modules_conf=conf)


def test_modules_are_read_in_order_without_comments_and_noload(tmp_path: Path) -> None:
    conf = tmp_path / "modules.conf"
    conf.write_text("[modules]\nload = b.so ; why\nnoload = x.so\n;load = y.so\npreload=>a.so\nload=b.so\n")
    assert wanted_modules(conf) == ["b.so", "a.so"]


def test_a_named_mirror_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTERISK_MIRROR", "file:/mirror/debian/")
    assert apt.find_mirror() == "file:/mirror/debian"


@pytest.mark.parametrize(
    ("listing", "mirror"),
    [
        ("Debian|trixie|file:/m/debian/\n", "file:/m/debian"),
        ("Other|stable|file:/other/\nDebian|bookworm|file:/m/debian/\n", "file:/m/debian"),
        ("Debian|bookworm-security|file:/m/debian-security/\nDebian|bookworm|file:/m/\n", "file:/m"),
        ("Debian|trixie|cdrom:[disc]/\nDebian|trixie|file:/m/\n", "file:/m"),
        ("|trixie|file:/before-the-first-update/\n", "file:/before-the-first-update"),
    ],
)
def test_the_mirror_is_the_one_that_apt_uses(monkeypatch: pytest.MonkeyPatch, listing: str, mirror: str) -> None:
    monkeypatch.delenv("ASTERISK_MIRROR", raising=False)
    monkeypatch.setattr(apt, "_output", lambda _: listing)
    monkeypatch.setattr(apt, "_host_is_debian", lambda: True)
    assert apt.find_mirror() == mirror


def test_elsewhere_than_on_debian_a_mirror_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASTERISK_MIRROR", raising=False)
    monkeypatch.setattr(apt, "_output", lambda _: "Ubuntu|noble|file:/ubuntu/\n|noble|file:/ppa/\n")
    monkeypatch.setattr(apt, "_host_is_debian", lambda: False)
    with pytest.raises(PrefixError, match="ASTERISK_MIRROR"):
        apt.find_mirror()


def test_without_a_keyring_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "KEYRINGS", (Path("/nowhere"),))
    with pytest.raises(PrefixError, match="debian-archive-keyring"):
        apt.find_keyring()


def test_an_unsigned_mirror_is_refused(tmp_path: Path) -> None:
    release = tmp_path / "mirror/dists/forky"
    release.mkdir(parents=True)
    (release / "Release").write_text("Origin: Debian\nSuite: testing\nCodename: forky\nComponents: main\n")
    source = apt.PrivateApt(tmp_path / "apt", f"file:{tmp_path}/mirror", "forky", apt.find_keyring())
    with pytest.raises(PrefixError, match=r"not signed|Failed to fetch"):
        source.update()


def test_a_mirror_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    source = apt.PrivateApt(tmp_path / "apt", f"file:{tmp_path}/none", "forky", apt.find_keyring())
    with pytest.raises(PrefixError, match="check this machine's network"):
        source.update()


def test_no_command_carries_the_library_path_to_its_children(prefix: Prefix) -> None:
    command = prefix.sipp("-v")
    assert command[0] == str(prefix.linker)
    assert command[-2:] == [str(prefix.root / "usr/bin/sipp"), "-v"]
