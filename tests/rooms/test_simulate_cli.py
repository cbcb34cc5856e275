"""`pbx-bridge simulate` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbx_bridge import __main__ as command_line

EXAMPLE = Path(__file__).parents[2] / "docs" / "how-to" / "simulate.toml"
SMALL = 'shifts = [{agents = 3, hours = "09:00-20:00"}]\ncallers = {per_hour = 30}\nruns = 2\n'


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> object:
    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pbx-bridge", "simulate", *words])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return command


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_the_example_runs_and_tells_what_it_is_asked_for(say) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = say(str(EXAMPLE), "--runs", "1")
    assert code == 0
    for words in (
        "Erlang C",
        "Erlang A",
        "answered within 20 s",
        "most phones that rang at once",
        "backlog",
        "app_queue",
    ):
        assert words in out


def test_the_same_seed_prints_the_same_figures(say, small: Path) -> None:  # type: ignore[no-untyped-def]
    one, same, other = (json.loads(say(str(small), "--json", "--seed", seed)[1]) for seed in ("5", "5", "9"))
    assert one == same
    assert one["figures"] != other["figures"]
    assert one["seeds"] == [5, 6]


def test_the_day_and_the_service_decide_about_the_hours(say, small: Path) -> None:  # type: ignore[no-untyped-def]
    workday = json.loads(say(str(small), "--json", "--day", "2026-11-23")[1])
    sunday = json.loads(say(str(small), "--json", "--day", "2026-11-22")[1])
    always = json.loads(say(str(small), "--json", "--service", "round-the-clock")[1])
    live = [each["figures"]["live"]["mean"] for each in (sunday, workday, always)]
    assert live == sorted(live)
    assert len(set(live)) == 3


@pytest.mark.parametrize(
    ("text", "words", "sentence"),
    [
        ("shifts = [", (), "is not TOML"),
        ("runs = 1", (), "shifts: field required"),
        (SMALL, ("--service", "nobody"), "There is no service nobody"),
        (SMALL, ("--services", "/nowhere/at/all"), "The services in /nowhere/at/all cannot be used"),
        (SMALL, ("--day", "yesterday"), "day: input should be a valid date"),
        (SMALL, ("--day", "1066-10-14"), "No calendar tells of 1066-10-14"),
    ],
    ids=["no TOML", "no shifts", "no such service", "no such folder", "no date", "no calendar"],
)
def test_what_cannot_be_simulated_is_said_in_a_sentence(  # type: ignore[no-untyped-def]
    say, tmp_path: Path, text: str, words: tuple[str, ...], sentence: str
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    code, _, err = say(str(path), *words)
    assert code == 1
    assert sentence in err
    assert "Traceback" not in err


def test_a_file_that_is_not_there_is_said_in_a_sentence(say, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, err = say(str(tmp_path / "gone.toml"))
    assert code == 1
    assert "cannot be read" in err
