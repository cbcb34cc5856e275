"""Asterisk's configuration files as `check` reads them: what Asterisk 22 makes of the same lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx_bridge.check_asterisk_conf import BadConf, Conf, read_conf


def conf(tmp_path: Path, text: str, **others: str) -> Conf:
    """The file `main.conf` with the text; `others` lie beside it."""
    for name, each in {"main": text, **others}.items():
        (tmp_path / f"{name}.conf").write_text(text if name == "main" else each)
    return read_conf(tmp_path, "main.conf")


def options(tmp_path: Path, text: str, **others: str) -> dict[str, list[tuple[str, str]]]:
    return {each.name: each.options for each in conf(tmp_path, text, **others).alive()}


def test_both_ways_to_write_an_option_are_one(tmp_path: Path) -> None:
    assert options(tmp_path, "[a]\nx=1\n  y =>  2 3 \nZ = a=b\n") == {"a": [("x", "1"), ("y", "2 3"), ("z", "a=b")]}


def test_comments_say_nothing_and_an_escaped_semicolon_is_no_comment(tmp_path: Path) -> None:
    text = "; no\n[a] ; section\nx = 1 ; why\ny = sip:h\\;transport=tls\n;-- x = 2\n[b]\n--;\nz = 3\n;--- x = 4\n"
    assert options(tmp_path, text) == {"a": [("x", "1"), ("y", "sip:h;transport=tls"), ("z", "3")]}


def test_a_section_has_what_its_templates_lend_and_its_own_counts_last(tmp_path: Path) -> None:
    found = conf(tmp_path, "[t](!)\nx = 1\ny = 1\n[u](!,t)\ny = 2\n[a](u)\nx = 3\n")
    (section,) = found.alive()
    assert (section.get("x"), section.get("y"), section.get("z", "none")) == ("3", "2", "none")
    assert section.all("x") == ["1", "3"]


def test_a_section_may_be_gone_on_with(tmp_path: Path) -> None:
    assert options(tmp_path, "[a]\nx = 1\n[b]\n[a](+)\ny = 2\n") == {"a": [("x", "1"), ("y", "2")], "b": []}


def test_sections_of_one_name_stay_apart(tmp_path: Path) -> None:
    assert [each.get("type") for each in conf(tmp_path, "[a]\ntype = aor\n[a]\ntype = auth\n").alive()] == [
        "aor",
        "auth",
    ]


def test_an_included_file_stands_where_it_is_named(tmp_path: Path) -> None:
    found = conf(tmp_path, '[a]\n#include "b.conf"\n#tryinclude <gone.conf>\nz = 3\n', b="y = 2\n[c](a)\n")
    assert [(each.name, each.options) for each in found.alive()] == [
        ("a", [("y", "2")]),
        ("c", [("y", "2"), ("z", "3")]),
    ]
    assert found.missing == []
    assert [each.where for each in found.alive()] == ["main.conf:1", "b.conf:2"]


def test_a_pattern_includes_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    assert list(options(tmp_path, "#include q_*.conf\n[z]\n", q_2="[two]\n", q_1="[one]\n")) == ["one", "two", "z"]


def test_an_absolute_path_is_included(tmp_path: Path) -> None:
    assert list(options(tmp_path, f'#include "{tmp_path}/b.conf"\n', b="[b]\n")) == ["b"]


def test_an_include_of_nothing_is_remembered(tmp_path: Path) -> None:
    assert conf(tmp_path, "[a]\n#include gone.conf\n").missing == ["main.conf:2 gone.conf"]


def test_nothing_is_run(tmp_path: Path) -> None:
    assert options(tmp_path, f"[a]\n#exec touch {tmp_path}/ran\n") == {"a": []}
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1\n", r"main\.conf:1: is neither a section nor"),
        ("[a]\nx\n", r"main\.conf:2: is neither a section nor"),
        ("[a\n", r"main\.conf:1: a section begins with"),
        ("[a](t)\n[t](!)\n", r"main\.conf:1: no section \[t\] stands above it"),
        ("#include main.conf\n", r"main\.conf: files include each other"),
    ],
)
def test_what_asterisk_could_not_load_is_refused_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(BadConf, match=why):
        conf(tmp_path, text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConf, match="is not there"):
        read_conf(tmp_path, "queues.conf")
