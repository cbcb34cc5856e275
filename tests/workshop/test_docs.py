"""The generated pages: they say what the code says, and tell when they do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pbx_bridge.call.causes import REASONS
from pbx_bridge.call.commands import COMMANDS
from pbx_bridge.call.events import EVENTS
from pbx_bridge.call.model import DeviceKind
from pbx_bridge.call.states import PHASE_LABEL, Outcome, Phase, State
from pbx_bridge.call.table import TABLE
from pbx_bridge.ledger.access import Role
from pbx_bridge.portal.operations import Operation
from pbx_bridge.portal.rights import RIGHTS
from pbx_bridge.portal.site import ALL
from workshop.docs.__main__ import TREE, main
from workshop.docs.call_machine import call_machine
from workshop.docs.causes import causes
from workshop.docs.markdown import table
from workshop.docs.pages import PAGES, stale, write
from workshop.docs.roles import roles

GLOSSARY = (TREE / "docs" / "glossary.md").read_text(encoding="utf-8")


def test_the_committed_pages_say_what_the_code_says_now() -> None:
    assert stale(TREE, PAGES) == [], "run `make docs` and commit the pages"


def test_pages_are_written_once_and_then_left_alone(tmp_path: Path) -> None:
    assert write(tmp_path, PAGES) == list(PAGES)
    assert write(tmp_path, PAGES) == []
    assert stale(tmp_path, PAGES) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_changed_or_missing_page_is_found(page: str, tmp_path: Path) -> None:
    write(tmp_path, PAGES)
    (tmp_path / page).write_text((tmp_path / page).read_text() + "\n")
    assert stale(tmp_path, PAGES) == [page]
    (tmp_path / page).unlink()
    assert stale(tmp_path, PAGES) == [page]


def test_the_check_says_how_to_repair(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("workshop.docs.__main__.TREE", tmp_path)
    assert main(["--check"]) == 1
    assert "docs/causes.md is not what the code says now: run `make docs`" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
    assert main(["--what"]) == 2


def test_the_diagram_has_every_change_of_state_and_no_other() -> None:
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)", call_machine(), re.MULTILINE))
    changes = {(state, to) for state, row in TABLE.items() for move in row.values() for to in move.to if to != state}
    assert drawn == changes


def test_the_diagram_names_every_fact_that_leads_on() -> None:
    for state, row in TABLE.items():
        for event, move in row.items():
            for to in move.to - {state, State.ENDED}:
                assert re.search(rf"^ +{state} --> {to}: .*\b{event.__name__}\b", call_machine(), re.MULTILINE)


def test_every_state_names_its_deadline() -> None:
    for state in set(State) - {State.ENDED}:
        row = next(line for line in call_machine().splitlines() if line.startswith(f"| `{state}` | `"))
        assert re.search(r"`(\w+_at|\w+_since|scheduled_for)`", row), row
    assert "| `awaiting_code` | `accepted` | принято | `sent_at` | `code_s` (300 s) |" in call_machine()


def test_every_cause_is_on_its_page_in_both_languages() -> None:
    page = causes()
    for slug, row in REASONS.items():
        line = next(line for line in page.splitlines() if line.startswith(f"| `{slug}` |"))
        assert f"`{row.outcome}`" in line
        assert row.en in line
        assert row.ru in line
        assert row.next_ru in line
    assert "| 486, 600 | 17 |" in page


@pytest.mark.parametrize("operation", ALL, ids=[operation.id for operation in ALL])
def test_the_page_of_roles_says_of_every_operation_who_may_use_it(operation: Operation) -> None:
    right = RIGHTS[operation.id]
    if right.scope is None:
        assert f"`{operation.method} {operation.path}`" in next(
            line for line in roles().splitlines() if "every" in line
        )
        return
    cells = next(line for line in roles().splitlines() if line.startswith(f"| `{operation.method} {operation.path}` |"))
    scope, *marks = [cell.strip() for cell in cells.split("|")[3:-1]]
    assert scope == f"`{right.scope}`"
    assert {role for role, mark in zip(Role, marks, strict=True) if mark} == right.roles


def test_a_bar_in_a_cell_does_not_break_the_table() -> None:
    assert table(("a", "b"), [("x|y", None)]) == "| a | b |\n| --- | --- |\n| x\\|y |  |"


LINK = re.compile(r"\]\(([^)\s:]+)\)")
READ = [TREE / "README.md", *sorted((TREE / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", READ, ids=[str(page.relative_to(TREE)) for page in READ])
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        heads = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        slugs = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
        assert not anchor or anchor in slugs, (link, slugs)


# ── the glossary ─────────────────────────────────────────────────────────────────────────────────────────
NAMES = [
    *State,
    *Phase,
    *PHASE_LABEL.values(),
    *Outcome,
    *DeviceKind,
    *(each.__name__ for each in EVENTS),
    *(each.__name__ for each in COMMANDS),
]


@pytest.mark.parametrize("name", [str(name) for name in NAMES])
def test_every_name_of_the_call_machine_is_explained_somewhere(name: str) -> None:
    assert re.search(rf"\b{name}\b", GLOSSARY + call_machine() + causes())


def test_every_term_of_the_glossary_has_one_line_and_they_are_in_order() -> None:
    terms = re.findall(r"^- \*\*(.+?)\*\* ", GLOSSARY, re.MULTILINE)
    assert len(terms) > 40
    assert len(terms) == len(set(terms))
    for section in GLOSSARY.split("\n## ")[1:]:
        words = re.findall(r"^- \*\*(.+?)\*\* ", section, re.MULTILINE)
        assert words, section


def test_every_code_name_in_the_glossary_exists() -> None:
    """A name in code style that looks like Python must be found in the source."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (TREE / "pbx_bridge").rglob("*.py"))
    source += "\n".join(path.read_text(encoding="utf-8") for path in (TREE / "dialplan").glob("*.conf"))
    for name in re.findall(r"`([A-Za-z_][\w.]*)`", GLOSSARY):
        last = name.split(".")[-1]
        assert re.search(rf"\b{last}\b", source) or (TREE / "pbx_bridge" / name.split(".")[0]).exists(), name
