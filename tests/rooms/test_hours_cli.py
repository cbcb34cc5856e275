"""`pbx-bridge hours`, `services` and `check` as somebody at a terminal reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pbx_bridge import directory_cli, provision
from pbx_bridge.__main__ import main

from ..directory.files import TREE, text

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")

OPEN = "2026-11-23T12:00+03:00"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return provision.setup(tmp_path / "desk", provision.Plan(), lambda _: None)


class Terminal:
    """Runs commands and reads what they print."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._config, self._capsys, self._monkeypatch = config, capsys, monkeypatch
        self.code: int | str | None = None
        self.complaint = ""

    def type(self, *words: str) -> list[str]:
        self._monkeypatch.setattr("sys.argv", ["pbx-bridge", *words, "--config", str(self._config)])
        with capture_logs(), pytest.raises(SystemExit) as end:
            main()
        self.code = end.value.code
        said = self._capsys.readouterr()
        self.complaint = said.err
        return said.out.splitlines()


@pytest.fixture
def terminal(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    # Consoles remember the output that was there when they were made.
    monkeypatch.setattr(directory_cli, "out", directory_cli.Console(highlight=False, soft_wrap=True))
    return Terminal(config, capsys, monkeypatch)


def test_an_open_desk_says_until_when_and_that_a_callback_rings_at_once(terminal: Terminal) -> None:
    assert terminal.type("hours", "--service", "support", "--at", OPEN) == [
        "support: Служба поддержки",
        "  пн 2026-11-23 12:00 Europe/Moscow: открыто, рабочий день",
        "  до пн 2026-11-23 20:00 Europe/Moscow",
        "  затем откроется вт 2026-11-24 09:00 Europe/Moscow",
        "  обратный звонок: сразу",
    ]
    assert terminal.code == 0


def test_a_callback_obeys_the_night_where_the_citizen_lives(terminal: Terminal) -> None:
    said = terminal.type("hours", "--service", "support", "--at", "2026-12-31 15:00", "--zone", "Asia/Kamchatka")
    assert said[1].startswith("  чт 2026-12-31 15:00 Europe/Moscow = пт 2027-01-01 00:00 Asia/Kamchatka: открыто")
    assert said[-1] == (
        "  обратный звонок: пт 2027-01-01 10:00 Europe/Moscow = пт 2027-01-01 19:00 Asia/Kamchatka "
        "(У вас сейчас ночь, мы перезвоним утром.)"
    )


def test_a_closed_desk_says_why_and_when_next_in_english_too(terminal: Terminal) -> None:
    assert terminal.type("hours", "--service", "support", "--at", "2026-11-23 02:00", "--lang", "en") == [
        "support: Support line",
        "  Mon 2026-11-23 02:00 Europe/Moscow: closed, night",
        "  opens Mon 2026-11-23 09:00 Europe/Moscow",
        "  callback: Mon 2026-11-23 09:00 Europe/Moscow (night)",
    ]


def test_the_days_ahead_are_a_table(terminal: Terminal) -> None:
    said = terminal.type("hours", "--service", "round-the-clock", "--at", OPEN, "--days", "2")
    assert said[-2:] == [
        "  пн 2026-11-23  00:00-24:00              рабочий день",
        "  вт 2026-11-24  00:00-24:00              рабочий день",
    ]


def test_without_a_service_all_of_them_answer(terminal: Terminal) -> None:
    said = terminal.type("hours")
    assert [line.split(":")[0] for line in said if not line.startswith(" ")] == [
        "citizens",
        "reference",
        "round-the-clock",
        "support",
    ]


def test_a_desk_that_never_opens_says_so(terminal: Terminal, config: Path) -> None:
    closed = text("shut", queue="shut").replace('"00:00-24:00"', "")
    (config.parent / "services" / "shut.toml").write_text(closed)
    said = terminal.type("hours", "--service", "shut", "--at", OPEN)
    assert said[-2:] == ["  в обозримое время не откроется", "  обратный звонок: невозможен"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--at", "soon"), "--at: 'soon' is no moment: write 2026-12-31T15:00+03:00"),
        (("--at", "9999-01-01 00:00"), "hours are known for the years"),
        (("--zone", "Mars"), '"Mars" is no zone of the IANA database'),
        (("--service", "x"), "There is no service x. There are: citizens, reference"),
        (("--days", "367"), "--days: give 0 to 366."),
        (("--at", "2999-12-30 00:00", "--days", "5"), "hours are known for the years"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    terminal.type("hours", *words)
    assert terminal.code == 1
    assert terminal.complaint.startswith(f"pbx-bridge: {said}")


def test_services_are_listed(terminal: Terminal) -> None:
    said = terminal.type("services", "--lang", "en")
    assert said[-1].split(maxsplit=3) == ["support", "support", "-", "Support line"]
    assert len(said) == 4


def test_a_broken_folder_is_told_by_each_command(terminal: Terminal, config: Path) -> None:
    (config.parent / "services" / "bb.toml").write_text("queue =")
    terminal.type("services")
    assert terminal.code == 1
    assert "bb.toml: is not TOML" in terminal.complaint
    assert terminal.type("check")[0].startswith("FAIL directory: bb.toml: is not TOML")
    assert terminal.code == 1


def test_check_takes_the_folder_of_the_configuration(terminal: Terminal) -> None:
    places = ("--asterisk-conf", str(TREE / "asterisk-conf"), "--prompts", str(TREE / "prompts"))
    assert [line.split(":")[0] for line in terminal.type("check", *places)] == [
        "ok   directory",
        "ok   calendar",
        "ok   prompts",
        "ok   queues",
    ]
    assert terminal.code == 0


def test_check_names_a_table_of_services_as_something_to_move(terminal: Terminal, config: Path) -> None:
    config.write_text(config.read_text() + '\n[services]\nsupport = "support"\n')
    assert terminal.type("check")[0].startswith("warn directory: services are entries of [services]")
