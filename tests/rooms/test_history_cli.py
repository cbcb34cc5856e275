"""`pbx-bridge call` and `pbx-bridge history` as somebody at a terminal reads them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pbx_bridge import history_cli, provision, settings
from pbx_bridge.__main__ import main
from pbx_bridge.call import events as e
from pbx_bridge.call.machine import advance
from pbx_bridge.ledger import AuditFilter, Ledger, migrate
from pbx_bridge.wiring import ledger_of

from .ledger_calls import OPEN, birth, change, newborn, put

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")

LONG_AGO = datetime(2024, 3, 1, 9, tzinfo=UTC)


class Terminal:
    """Runs commands on a desk with two calls of Anna's: one was busy, one was answered and is old."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.config, self._capsys, self._monkeypatch = config, capsys, monkeypatch
        self.complaint = ""

    def type(self, *words: str) -> list[str]:
        self._monkeypatch.setattr("sys.argv", ["pbx-bridge", *words, "--config", str(self.config)])
        with capture_logs(), pytest.raises(SystemExit):
            main()
        said = self._capsys.readouterr()
        self.complaint = said.err
        return said.out.splitlines()

    async def ledger(self) -> Ledger:
        return await ledger_of(settings.load(self.config))

    def noted(self) -> list[tuple[str, str | None]]:
        async def read() -> list[tuple[str, str | None]]:
            ledger = await self.ledger()
            found = await ledger.audit_page(AuditFilter())
            await ledger.close()
            return [(each.line.action, each.line.call_id) for each in found if each.line.actor.startswith("operator:")]

        return asyncio.run(read())


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    config = provision.setup(tmp_path / "desk", provision.Plan(), lambda _: None)
    monkeypatch.setattr(history_cli, "out", history_cli.Console(highlight=False, soft_wrap=True, width=200))
    found = Terminal(config, capsys, monkeypatch)
    asyncio.run(_live(found))
    return found


async def _live(terminal: Terminal) -> None:
    await migrate(settings.load(terminal.config).database.url.get_secret_value())
    ledger = await terminal.ledger()
    for begin, facts in ((LONG_AGO, ("answered",)), (LONG_AGO + timedelta(days=300), ())):
        call = newborn("u-1", begin, devices=newborn().request.devices[:1])
        await put(ledger, birth(call))
        legs = [e.Admitted(OPEN), e.DeviceRang(f"pb.{call.id}.1")]
        legs += [e.DeviceAnswered(f"pb.{call.id}.1"), e.QueueJoined(f"pb.{call.id}.1", "support", 1)] if facts else []
        for second, fact in enumerate([*legs, e.DeviceGone(f"pb.{call.id}.1", None if facts else 486, 17)], start=1):
            at = begin + timedelta(seconds=second)
            step = advance(call, fact, at)
            await put(ledger, change(call, step, at))
            call = step.call
    await ledger.close()


def calls(terminal: Terminal, *words: str) -> list[list[str]]:
    """The rows of the table, without its head."""
    return [line.split() for line in terminal.type("call", "list", *words)[1:]]


def test_calls_are_listed_newest_first_and_each_leaves_a_line(terminal: Terminal) -> None:
    newer, older = calls(terminal)
    assert newer[:2] == ["2024-12-26", "12:00:00"]
    assert newer[-2:] == ["busy", "busy"]
    assert older[-2:] == ["abandoned", "hung_up_waiting"]
    assert terminal.noted() == [("list-calls", newer[3]), ("list-calls", older[3])]


def test_options_narrow_the_choice(terminal: Terminal) -> None:
    busy, other = calls(terminal)
    assert calls(terminal, "--outcome", "busy") == calls(terminal, "--from", "2024-06-01") == [busy]
    assert calls(terminal, "--ticket", other[2]) == calls(terminal, "--to", "2024-06-01") == [other]
    assert calls(terminal, "--phone", "+79161234567", "--limit", "1") == [busy]
    assert terminal.type("call", "list", "--queue", "night") == ["No call is like that."]


def test_a_table_for_spreadsheets_is_the_same_as_over_http(terminal: Terminal) -> None:
    head, *rows = terminal.type("call", "list", "--csv")
    assert head.startswith("call_id,ticket,client,")
    assert [row.split(",")[10] for row in rows] == ["busy", "abandoned"]


def test_a_call_is_shown_as_its_ladder_by_id_and_by_ticket(terminal: Terminal) -> None:
    busy = calls(terminal)[0]
    shown = terminal.type("call", "show", busy[2])
    assert shown[0] == f"call {busy[3]}, ticket {busy[2]}: busy"
    assert shown[1] == "the device is busy"
    assert shown[2].startswith("ring 1 s, wait 0 s, talk 0 s")
    assert "│◀──────────│    busy: the device is busy" in shown[-1]
    assert terminal.type("call", "show", busy[3]) == shown
    assert terminal.noted()[-1] == ("read-timeline", busy[3])


def test_where_nothing_else_can_be_written_it_is_drawn_with_ascii(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_cli.Console, "encoding", "ascii")
    ticket = calls(terminal)[0][2]
    assert all(line.isascii() for line in terminal.type("call", "show", ticket))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("call", "show", "call_none"), "There is no call with the id or ticket call_none"),
        (("call", "list", "--cause", "none"), "--cause: there is no none"),
        (("call", "list", "--limit", "0"), "--limit: give 1 to 100000"),
        (("call", "list", "--from", "yesterday"), "--from: 'yesterday' is no moment"),
        (("call", "list", "--phone", "79161234567"), "--phone: a phone number must be E.164"),
        (("call", "list", "--zone", "Mars"), "--zone:"),
        (("history", "purge", "--before", "2999-01-01"), "--before: give a moment that has passed"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_sentence(
    terminal: Terminal, words: tuple[str, ...], complaint: str
) -> None:
    terminal.type(*words)
    assert complaint in terminal.complaint
    assert "Traceback" not in terminal.complaint


def test_old_calls_are_counted_first_then_emptied_then_deleted(terminal: Terminal) -> None:
    before = ("--before", "2024-06-01")
    assert terminal.type("history", "purge", *before, "--dry-run") == ["1 calls would be emptied."]
    assert terminal.type("history", "purge", *before) == ["Emptied: 1 calls name nobody any more."]
    assert terminal.type("history", "purge", *before) == ["Emptied: 0 calls name nobody any more."]
    assert calls(terminal)[1][5].startswith("erased:")
    assert terminal.type("history", "purge", *before, "--delete", "--dry-run") == ["1 calls would be deleted."]
    assert terminal.type("history", "purge", *before, "--delete")[0].startswith("Deleted: 1 calls")
    assert len(calls(terminal)) == 1
    assert [action for action, _ in terminal.noted() if "purge" in action] == ["purge-history", "purged-history"] * 2
