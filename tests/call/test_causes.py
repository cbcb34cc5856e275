"""The catalogue of causes: every cause that the service can give has a row, and every row is for a person to read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import pbx_bridge
from pbx_bridge.call import attempts, causes, moves
from pbx_bridge.call.causes import REASONS, Cause, Source, reason
from pbx_bridge.call.states import Outcome
from tests.call.reach import calls, slug

TREE = Path(pbx_bridge.__file__).parent
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


def slugs_given() -> set[str]:
    """The first argument of every Cause(…) in the source, as far as it is written there."""
    found: set[str] = set()
    for path in TREE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Cause" and node.args:
                inner = ast.walk(node.args[0])
                found |= {
                    each.value for each in inner if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    return found


def test_every_cause_that_the_source_gives_has_its_row() -> None:
    assert slugs_given() <= set(REASONS)


def test_no_row_is_there_for_nobody() -> None:
    reached = {call.cause.slug for call in calls() if call.cause} | {slug(call) for call in calls()}
    by_code = {*causes.BY_SIP.values(), *causes.BY_Q850.values(), *moves.QUEUE_STATUS.values()}
    assert set(REASONS) <= reached | by_code | slugs_given()


@pytest.mark.parametrize("table", [causes.BY_SIP, causes.BY_Q850, moves.QUEUE_STATUS], ids=["sip", "q850", "queue"])
def test_every_code_leads_to_a_row(table: dict[int | str, str]) -> None:
    assert set(table.values()) <= set(REASONS)


def test_every_verdict_that_rings_on_and_every_last_word_has_its_row() -> None:
    assert set(REASONS) >= attempts.TRIES_AGAIN | attempts.LAST_WORDS | attempts.NOT_NOW
    assert not attempts.TRIES_AGAIN & (attempts.LAST_WORDS | attempts.NOT_NOW)


@pytest.mark.parametrize("name", REASONS)
def test_a_row_speaks_to_engineers_in_english_and_to_citizens_in_russian(name: str) -> None:
    row = REASONS[name]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert row.en, name
    assert not CYRILLIC.search(row.en)
    assert CYRILLIC.search(row.ru)
    assert row.ru.endswith(".")
    assert not row.en.endswith(".")
    assert row.next_ru == "" or (CYRILLIC.search(row.next_ru) and row.next_ru.endswith("."))


@pytest.mark.parametrize("slug", [slug for slug, row in REASONS.items() if row.outcome is not Outcome.COMPLETED])
def test_whoever_was_not_served_is_told_what_to_do_next(slug: str) -> None:
    assert REASONS[slug].next_ru or slug == "aborted"


#: A slug and its outcome are a promise: portals branch on them. Change this only together with the API's version.
PROMISED = {
    Outcome.COMPLETED: "agent_hung_up citizen_hung_up",
    Outcome.NO_ANSWER: "no_answer ended_unseen",
    Outcome.BUSY: "busy",
    Outcome.REJECTED: "rejected refused_by_network",
    Outcome.UNREACHABLE: "unavailable silent_device no_endpoint",
    Outcome.INVALID_NUMBER: "unknown_number incomplete_number",
    Outcome.MACHINE: "machine",
    Outcome.CANCELLED: "callback_merged callback_cancelled aborted",
    Outcome.ABANDONED: "callback_chosen later_chosen hung_up_waiting",
    Outcome.QUEUE_TIMEOUT: "queue_timeout queue_empty desk_closed",
    Outcome.TIME_LIMIT: "time_limit",
    Outcome.EXPIRED: "code_expired not_started callback_expired",
    Outcome.DENIED: "code_refused",
    Outcome.CONGESTION: "trunk_down congestion queue_full",
    Outcome.FAILED: "no_common_codec network_failure queue_unknown no_device dial_refused exchange_down stuck",
    Outcome.LOST: "asterisk_restarted",
}


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_the_causes_that_were_promised(outcome: Outcome) -> None:
    assert " ".join(name for name, row in REASONS.items() if row.outcome is outcome) == PROMISED[outcome]


#: Final SIP statuses and Q.850 causes beside the measured ones (test_stories_device), by their standards' meaning.
BY_THE_BOOK = {
    "busy": ([600], []),
    "refused_by_network": ([401, 407], []),
    "unknown_number": ([410, 604], [2, 3]),
    "unavailable": ([], [20, 27]),
    "silent_device": ([504], []),
    "no_common_codec": ([606], []),
    "network_failure": ([500, 502], [38]),
    "congestion": ([], [42]),
}


@pytest.mark.parametrize("name", BY_THE_BOOK)
def test_codes_that_were_not_measured_mean_what_their_standard_says(name: str) -> None:
    sip, q850 = BY_THE_BOOK[name]
    assert {causes.from_codes(code, 127, rang=False, timed_out=False).slug for code in sip} <= {name}
    assert {causes.from_codes(None, code, rang=False, timed_out=False).slug for code in q850} <= {name}
    assert {code for code in sip if code not in causes.BY_SIP} == set()
    assert {code for code in q850 if code not in causes.BY_Q850} == set()


def test_a_cause_without_a_row_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        reason(Cause("no_such_slug", Source.SERVICE))
