"""What `pbx-bridge check` finds: each finding shown by a small folder that has just that mistake."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pbx_bridge.asterisk.conf import ConfParams, render
from pbx_bridge.check import MADE, Places, check_folder

from ..directory.files import SHIPPED, TREE, text

TODAY = date(2026, 6, 1)
DESK = """[general]
[desk](!)
strategy = rrmemory
wrapuptime = 5
joinempty = unavailable,invalid,unknown
"""
PHONES = "[ann]\ntype = endpoint\naors = ann\n[bob]\ntype = endpoint\naors = bob\n"
AGENT = '[agents.ann]\nname = "Анна"\nqueues = { aa = 0 }\n'


class Folders:
    """A services folder and Asterisk's, sound until a test spoils them."""

    def __init__(self, tmp_path: Path) -> None:
        self.services, self.asterisk, self.prompts = (tmp_path / name for name in ("services", "conf", "prompts"))
        for each in (self.services, self.asterisk, self.prompts):
            each.mkdir()
        self.service("aa")
        self.queues("[aa](desk)\n")
        (self.asterisk / "pjsip.conf").write_text(PHONES)
        for language in ("ru", "en"):
            (self.prompts / f"{language}.toml").write_text('welcome = "-"\nhours-aa = "-"\n')

    def service(self, name: str, *more: str, numbers: list[str] | None = None) -> None:
        (self.services / f"{name}.toml").write_text(text(name, *more, numbers=numbers))

    def queues(self, lines: str) -> None:
        (self.asterisk / "queues.conf").write_text(DESK + lines)

    def agents(self, lines: str) -> None:
        (self.services / "agents.toml").write_text(lines)

    def found(self, today: date = TODAY) -> list[str]:
        """Everything that is not in order."""
        findings = check_folder(self.services, Places(self.asterisk, self.prompts), today)
        return [f"{each.verdict} {each.part}: {each.words}" for each in findings if each.verdict != "ok"]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def test_what_is_in_order_has_nothing_to_mend(folders: Folders) -> None:
    folders.agents(AGENT)
    assert folders.found() == []


def test_the_shipped_folders_fit_each_other() -> None:
    findings = check_folder(SHIPPED, Places(TREE / "asterisk-conf", TREE / "prompts"), TODAY)
    assert {each.part: each.verdict for each in findings} == dict.fromkeys(
        ("directory", "calendar", "prompts", "queues"), "ok"
    )


def test_files_that_are_made_where_asterisk_runs_are_made_there() -> None:
    assert set(render(ConfParams(ari_password="-", ami_password="-"))) >= MADE


def test_a_broken_file_is_all_that_is_told(folders: Folders) -> None:
    folders.service("bb", "[limits]\nsize = 0")
    assert folders.found() == ["fail directory: bb.toml: limits.size: must be greater than or equal to 1"]


def test_a_service_needs_its_queue(folders: Folders) -> None:
    folders.service("bb")
    assert folders.found() == ["fail queues.conf: bb.toml: queue: bb is not there: write [bb](desk), or correct queue"]


def test_an_overflow_needs_its_queue(folders: Folders) -> None:
    folders.service("aa", '[limits]\nthen = "overflow"\noverflow = "cc"')
    assert folders.found() == [
        "fail queues.conf: aa.toml: limits.overflow: cc is not there: write [cc](desk), or correct limits.overflow"
    ]


def test_a_queue_to_which_nothing_leads_is_told(folders: Folders) -> None:
    folders.queues("[aa](desk)\n[old](desk)\n")
    assert folders.found() == [
        "warn queues.conf: queues.conf:7: no service leads to [old]: write one for it in the services folder, "
        "or remove it"
    ]


def test_a_queue_that_takes_over_needs_no_service(folders: Folders) -> None:
    folders.queues("[aa](desk)\n[spare](desk)\n")
    folders.service("aa", '[limits]\nthen = "overflow"\noverflow = "spare"')
    assert folders.found() == []


def test_agents_need_the_queues_they_may_log_in_to(folders: Folders) -> None:
    folders.agents(AGENT.replace("aa", "gone"))
    assert folders.found() == [
        "fail queues.conf: agents.toml: agents.ann.queues: gone is not there: correct the name, or write the queue"
    ]


# One option each, and what is said of it.
OPTIONS = {
    "strategy = linear": "says strategy linear and rings by rrmemory: Asterisk heeds the first, which its template",
    "joinempty = yes": "lets citizens into a queue without a reachable agent",
    "joinempty = paused,invalid": "lets citizens into a queue without a reachable agent",
    "joinempty = loose": "lets citizens into a queue without a reachable agent",
    "announce-holdtime = once": "has announce-holdtime on: waits are told by pbx-bridge",
    "announce-position = limit": "has announce-position on: waits are told by pbx-bridge",
    "announce-frequency = 30": "has announce-frequency on: waits are told by pbx-bridge",
    "announce-to-first-user = yes": "has announce-to-first-user on: waits are told by pbx-bridge",
    "periodic-announce = x\nperiodic-announce-frequency = 60": "plays periodic-announce x into what pbx-bridge says",
    "wrapuptime = 10": "has wrapuptime 10 and aa.toml wrap_up_s 5: waits would be told wrongly",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_harms_is_a_warning(folders: Folders, option: str) -> None:
    folders.queues(f"[aa](desk)\n{option}\n")
    (said,) = folders.found()
    assert said.startswith(f"warn queues.conf: queues.conf:6: [aa] {OPTIONS[option]}")


@pytest.mark.parametrize("option", ["joinempty = strict", "announce-position = no", "announce-frequency = 0"])
def test_an_option_that_does_not_harm_is_none(folders: Folders, option: str) -> None:
    folders.queues(f"[aa](desk)\n{option}\n")
    assert folders.found() == []


def test_a_queue_that_says_nothing_has_the_defaults_of_asterisk(folders: Folders) -> None:
    folders.queues("[aa]\n")
    assert [line.split("[aa] ")[1].split(" ")[:2] for line in folders.found()] == [
        ["has", "strategy"],
        ["lets", "citizens"],
        ["has", "wrapuptime"],
    ]


def test_a_queue_that_rings_everybody_is_a_warning(folders: Folders) -> None:
    (folders.asterisk / "queues.conf").write_text(DESK.replace("rrmemory", "ringall") + "[aa](desk)\n")
    (said,) = folders.found()
    assert "[aa] has strategy ringall, by which two agents may answer one call (asterisk#176): write rrmemory" in said


def test_a_static_member_needs_an_endpoint(folders: Folders) -> None:
    folders.queues("[aa](desk)\nmember => PJSIP/carl,0,carl\n")
    assert folders.found() == [
        "fail pjsip.conf: queues.conf:6: [aa] member PJSIP/carl: there is no endpoint carl: write one (see [agent]), "
        "or correct the name"
    ]


def test_an_agent_needs_an_endpoint(folders: Folders) -> None:
    folders.agents(AGENT.replace("ann", "carl"))
    assert folders.found() == [
        "fail pjsip.conf: agents.toml: agents.carl: there is no endpoint carl: write one (see [agent]), "
        "or correct the name"
    ]


def test_a_template_and_an_aor_are_no_endpoint(folders: Folders) -> None:
    (folders.asterisk / "pjsip.conf").write_text("[ann](!)\ntype = endpoint\n[ann]\ntype = aor\n")
    folders.agents(AGENT)
    assert len(folders.found()) == 1


def test_an_endpoint_may_come_from_the_wizard(folders: Folders) -> None:
    (folders.asterisk / "pjsip.conf").write_text("")
    (folders.asterisk / "pjsip_wizard.conf").write_text("[ann]\ntype = wizard\n")
    folders.agents(AGENT)
    assert folders.found() == []


def test_two_members_need_two_endpoints(folders: Folders) -> None:
    folders.agents(AGENT)
    folders.queues("[aa](desk)\nmember => PJSIP/ann,0,Anna Petrova\n")
    assert folders.found() == [
        "fail pjsip.conf: Anna Petrova and ann are members on one endpoint, ann, and would share its state: give each "
        "a telephone of their own, or the member the agent's name"
    ]


def test_two_members_need_two_aors(folders: Folders) -> None:
    (folders.asterisk / "pjsip.conf").write_text(PHONES.replace("aors = bob", "aors = ann"))
    folders.queues("[aa](desk)\nmember => PJSIP/ann\nmember => PJSIP/bob\n")
    assert folders.found() == [
        "fail pjsip.conf: ann and bob share the aor ann: one would be rung for the other; write one for each"
    ]


def test_members_behind_other_technologies_are_not_judged(folders: Folders) -> None:
    folders.queues("[aa](desk)\nmember => Local/7@desk,0,seven\n")
    assert folders.found() == []


def test_a_prompt_that_is_named_must_have_a_text_in_each_language(folders: Folders) -> None:
    folders.service("aa", '[prompts]\nwelcome = "hello"')
    assert folders.found() == [
        "fail prompts: aa.toml: prompts.welcome: hello is not in ru.toml: write its text there (`make prompts`), "
        "or name another"
    ]


def test_a_public_number_needs_the_general_prompts(folders: Folders) -> None:
    (folders.prompts / "ru.toml").write_text('welcome = "-"\n')
    assert folders.found() == []
    folders.service("aa", numbers=["+78001000001"])
    (said,) = folders.found()
    assert said.startswith("fail prompts: aa.toml: prompts.hours: hours-aa is not in ru.toml")


def test_a_language_without_texts_is_told(folders: Folders) -> None:
    (folders.prompts / "ru.toml").unlink()
    (said,) = folders.found()
    assert said.startswith(f"fail prompts: {folders.prompts}/ru.toml cannot be read")


def test_a_calendar_that_runs_out_is_a_warning(folders: Folders) -> None:
    (said,) = folders.found(date(2060, 1, 1))
    assert said.startswith("warn calendar: the calendar of moved days off has ended")


def test_an_override_that_is_long_over_is_a_warning(folders: Folders) -> None:
    folders.service("aa", '[[hours.override]]\nfrom = 2024-03-01\nto = 2024-03-02\nwhy = "переезд"')
    assert folders.found() == [
        "warn calendar: aa.toml: hours.override of 2024-03-01 to 2024-03-02 is long over: take it out"
    ]


def test_what_was_not_compared_is_said(folders: Folders) -> None:
    findings = check_folder(folders.services, Places(None, None), TODAY)
    assert [(each.part, each.verdict) for each in findings][-2:] == [("prompts", "warn"), ("queues", "warn")]


@pytest.mark.parametrize("name", ["queues.conf", "pjsip.conf"])
def test_a_file_that_asterisk_could_not_load_is_told(folders: Folders, name: str) -> None:
    (folders.asterisk / name).write_text("[aa](nobody)\n")
    assert folders.found() == [
        f"fail asterisk: {name}:1: no section [nobody] stands above it to take from: write it, or take the name out: "
        "correct it, Asterisk would not load it either"
    ]


def test_an_include_of_nothing_is_told(folders: Folders) -> None:
    folders.queues('[aa](desk)\n#include "gone.conf"\n#tryinclude "may-be-gone.conf"\n')
    assert folders.found() == [
        "fail asterisk: queues.conf:7: #include names gone.conf, which is not there: Asterisk would refuse the file; "
        "correct it"
    ]
