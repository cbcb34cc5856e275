"""`pbx-bridge webhook …`, and what the doctor says, on a ledger of a service that does not run."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pbx_bridge import __main__ as command_line
from pbx_bridge.ledger import AuditLine, Ledger
from pbx_bridge.ledger.postings import Lane, Owed, Settled
from tests.rooms.ledger_calls import KEY, PEPPER

from .owed import begins, program

pytest_plugins = ("tests.ledger_plugin",)

Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """The command line, on this ledger."""
    config = tmp_path / "pbx-bridge.toml"
    key = base64.b64encode(KEY).decode()
    config.write_text(
        f'[database]\nurl = "{sqlite_url}"\n[secrets]\nsealing_keys = ["{key}"]\npepper = "{PEPPER.decode()}"\n'
        "[webhooks]\ntimeout_s = 1\n"
    )
    monkeypatch.setenv("PBX_CONFIG", str(config))

    def command(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["pbx-bridge", *words])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return command


async def _with_a_dead_letter(url: str) -> str:
    ledger = await Ledger.open(url, [KEY], pepper=PEPPER)
    at = datetime.now(UTC)
    await program(ledger, "kiosk", callback_url="https://nobody.invalid/hook")
    await program(ledger, "bare", keys=())
    await begins(ledger, client="kiosk")
    (posting,) = await ledger.deliver([], [(Lane("kiosk"), 1)], at, owner="me", lease_s=9)
    await ledger.deliver([Settled(posting, Owed.DEAD, 500, "it answered 500")], [], at, owner="me", lease_s=9)
    line = AuditLine(at, "service", "give-up-address", "taken")
    await ledger.give_up_address("bare", "https://portal.example/hook", line)
    await ledger.close()
    return posting.event_id


def test_dead_letters_are_listed_sent_again_and_named_by_the_doctor(say: Say, sqlite_url: str) -> None:
    event_id = asyncio.run(_with_a_dead_letter(sqlite_url))
    code, listed = say("webhook", "list", "--state", "dead")
    assert code == 0
    assert all(words in listed for words in (event_id, "dead", "kiosk", "call.accepted", "tries 1", "it answered 500"))
    _, found = say("doctor")
    for words in (
        "1 events were never taken by kiosk",
        "bare has an address but no secret",
        "bare is told nothing since",
    ):
        assert words in found
    assert say("webhook", "replay", "--dead", "kiosk") == (0, "1 dead letters of kiosk are sent again.\n")
    assert "waiting" in say("webhook", "list", "--client", "kiosk")[1]
    assert say("webhook", "replay", event_id) == (0, f"{event_id} is sent again.\n")
    assert "There is no event evt_x" in say("webhook", "replay", "evt_x")[1]
    assert say("webhook", "replay")[0] == 1


def test_a_test_says_what_is_wrong_and_never_more(say: Say, sqlite_url: str) -> None:
    asyncio.run(_with_a_dead_letter(sqlite_url))
    code, said = say("webhook", "test", "kiosk")
    assert (code, said) == (1, "kiosk did not take it: its name cannot be resolved.\n")
    assert "no webhook secret" in say("webhook", "test", "bare")[1] or "given up" in say("webhook", "test", "bare")[1]
    assert "There is no program nobody" in say("webhook", "test", "nobody")[1]


def test_an_address_and_a_secret_are_given_by_the_operator(say: Say, sqlite_url: str) -> None:
    asyncio.run(_with_a_dead_letter(sqlite_url))
    assert "must not be a private" in say("client", "change", "bare", "--callback-url", "https://10.0.0.1/")[1]
    assert say("client", "change", "bare", "--callback-url", "https://portal.example/new")[0] == 0
    code, made = say("client", "rotate", "bare", "--kind", "webhook")
    assert code == 0
    assert "whsec_" in made
    assert "is told nothing since" not in say("doctor")[1]
