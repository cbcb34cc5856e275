"""The services folder as engineers write it: what it comes to, and what they are told when it is wrong."""

from __future__ import annotations

import tomllib

import pytest

from pbx_bridge.call.model import Prove, WhenFull
from pbx_bridge.directory.reading import BadDirectory, read
from pbx_bridge.directory.service import Agent, Callbacks, Limits, Prompts, Service
from pbx_bridge.directory.soundness import Problem
from pbx_bridge.hours.schedule import ALWAYS, DESK
from pbx_bridge.line.pacing import Rules

from .files import SHIPPED, files, refused, text

FULL = """
queue = "documents"
numbers = ["+78001000002", "84951000002"]
languages = ["en", "ru"]
priority = 5
wrap_up_s = 7
handle_s = 300
patience_s = 120.5
names = { ru = "Паспорта", en = "Passports", tt = "Паспортлар" }
synonyms = { ru = ["паспорт"], en = ["passport"] }
hours = { weekdays = ["09:00-20:00"], weekends = ["10:00-18:00"], holidays = ["10:00-16:00"] }
policy = { requires = ["phone", "passport"], second_step = "code", prefixes = ["+79"] }
limits = { size = 3, wait_s = 60, queue_s = 90, time_limit_s = 600, then = "overflow", overflow = "support" }
prompts = { welcome = "hello", hours = "hours-passports" }
[callbacks]
attempts = 2
pauses_s = [60]
starve_s = 30
least = 2
keep_s = 3600
later_s = 600
prove = "always"
"""


def test_everything_that_can_be_written_is_read() -> None:
    assert read(files(passports=FULL)).services["passports"] == Service(
        "passports",
        "documents",
        DESK,
        names={"ru": "Паспорта", "en": "Passports", "tt": "Паспортлар"},
        synonyms={"ru": ("паспорт",), "en": ("passport",)},
        numbers=("+78001000002", "84951000002"),
        languages=("en", "ru"),
        requires=frozenset({"phone", "passport"}),
        prefixes=("+79",),
        second_step="code",
        priority=5,
        limits=Limits(3, 60, 90, 600, WhenFull.OVERFLOW, "support"),
        callbacks=Callbacks(Rules(2, (60,), 30, 2), 3600, 600, Prove.ALWAYS),
        prompts=Prompts("hello", "hours-passports"),
        wrap_up_s=7,
        handle_s=300,
        patience_s=120.5,
    )


def test_what_is_left_out_is_as_the_values_have_it() -> None:
    names = {"ru": "Линия a", "en": "Line a"}
    assert read(files(a=text("a", queue="aa"))).services == {"a": Service("a", "aa", ALWAYS, names=names)}


def test_agents_and_reasons_for_a_pause_have_a_file_of_their_own() -> None:
    agents = '[agents.ann]\nname = "Анна"\nqueues = { aa = 1 }\n[pause_reasons]\n7 = "fire drill"\n'
    directory = read(files(a=text("a", queue="aa"), agents=agents))
    assert directory.agents == {"ann": Agent("ann", "Анна", {"aa": 1})}
    assert directory.pause_reasons == {"7": "fire drill"}


def test_without_that_file_there_are_no_agents_and_the_usual_reasons() -> None:
    directory = read(files(a=text("a", queue="aa")))
    assert directory.agents == {}
    assert directory.pause_reasons["2"] == "lunch"


def test_the_shipped_folder_has_the_four_services_and_their_hours() -> None:
    directory = read({path.name: tomllib.loads(path.read_text()) for path in SHIPPED.glob("*.toml")})
    hours = {id_: each.hours for id_, each in directory.services.items()}
    assert hours == {"citizens": DESK, "reference": DESK, "round-the-clock": ALWAYS, "support": DESK}


def test_the_digest_follows_each_change_and_nothing_else() -> None:
    one, same = read(files(a=text("a", queue="aa"))), read(files(a=text("a", "# a comment", queue="aa")))
    other = read(files(a=text("a", queue="bb")))
    assert one.digest == same.digest != other.digest


# One mistake each, behind a sound beginning; and the one sentence that an engineer reads.
MISTAKES = {
    "que = 1": "a.toml: hours.que: is not known here",
    '[limits]\nsiz = 1': "a.toml: limits.siz: is not known here; known are size, wait_s, queue_s",
    "[limits]\nsize = 0": "a.toml: limits.size: must be greater than or equal to 1",
    '[limits]\nsize = "5"': "a.toml: limits.size: must be a whole number",
    '[limits]\nthen = "wait"': "a.toml: limits.then: must be 'callback', 'overflow' or 'end'",
    '[limits]\nthen = "overflow"': "a.toml: limits: name the queue that takes over in `overflow`",
    '[limits]\noverflow = "other"': "a.toml: limits: name the queue that takes over in `overflow`",
    '[policy]\nrequires = ["shoe"]': "a.toml: policy.requires[1]: must be 'phone', 'email'",
    '[policy]\nprefixes = ["8916"]': "a.toml: policy.prefixes[1]: must be the beginning of a number in E.164",
    '[policy]\nprefixes = []': "a.toml: policy.prefixes: ",
    "[callbacks]\npauses_s = [600, 60]": "a.toml: callbacks: pauses_s must rise",
    "[callbacks]\nattempts = 0": "a.toml: callbacks.attempts: must be greater than or equal to 1",
    '[prompts]\nwelcome = "../x"': "a.toml: prompts.welcome: must be a prompt's name",
    '[synonyms]\nfr = ["aide"]': "a.toml: synonyms.fr: must be 'ru' or 'en'",
    '[synonyms]\nru = [""]': "a.toml: synonyms.ru[1]: must be a line of text",
    '[[hours.override]]\nfrom = "soon"\nwhy = "x"': 'a.toml: hours.override[1].from: must be a date such as 2026-12-31',
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_has_its_sentence(mistake: str) -> None:
    said = refused(a=text("a", mistake, queue="aa"))
    assert len(said) == 1, said
    assert said[0].startswith(MISTAKES[mistake])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('queue = "a"', "a.toml: queue: must be a queue's name of 2 to 64 characters"),
        ('queue = "a b"', "a.toml: queue: must be a queue's name of 2 to 64 characters"),
        ("queue = 12", "a.toml: queue: must be text in quotes"),
        ('queue = "aa"\nnumbers = ["8 800"]', "a.toml: numbers[1]: must be a number as the trunk sends it"),
        ('queue = "aa"\nlanguages = []', "a.toml: languages: "),
        ('queue = "aa"\nlanguages = ["fr"]', "a.toml: languages[1]: must be 'ru' or 'en'"),
        ('queue = "aa"\nlanguages = ["ru", "ru"]', "a.toml: languages: names a language twice"),
    ],
)
def test_each_mistake_outside_tables_has_its_sentence(line: str, said: str) -> None:
    body = f'{line}\nnames = {{ ru = "А", en = "A" }}\nhours = {{ every_day = [] }}'
    found = refused(a=body)
    assert len(found) == 1, found
    assert found[0].startswith(said)


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    agents = '[agents."a b"]\nname = "A"\nqueues = {}\n[agents.bob]\nname = ""\nqueues = { support = -1 }\n'
    said = refused(a='queue = "x"', B=text("B", queue="bb"), agents=agents)
    assert [line.split(" must")[0].split(" is")[0].split(" its")[0].rstrip(":") for line in said] == [
        "agents.toml: agents.a b",
        "agents.toml: agents.bob.name",
        "agents.toml: agents.bob.queues.support",
        "B.toml",
        "a.toml: queue",
        "a.toml: names",
        "a.toml: hours",
    ]


def test_a_name_is_wanted_in_both_languages() -> None:
    assert refused(a='queue = "aa"\nnames = { ru = "А" }\nhours = { every_day = [] }') == [
        "a.toml: names.en: is missing: write it"
    ]


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        ("[pause_reasons]\na = 'x'", "agents.toml: pause_reasons.a: must be 1 to 4 digits"),
        ("[pause_reasons]\n1 = 'a|${x}'", "agents.toml: pause_reasons.1: must be one word or a few"),
        ("[agents.ann]\nname = 'Ann'", "agents.toml: agents.ann.queues: is missing"),
        ("[agent.ann]\nname = 'Ann'", "agents.toml: agent: is not known here; known are agents, pause_reasons"),
        ("agents = 5", "agents.toml: agents: must be a table"),
    ],
)
def test_each_mistake_about_agents_has_its_sentence(agents: str, said: str) -> None:
    found = refused(a=text("a", queue="aa"), agents=agents)
    assert len(found) == 1, found
    assert found[0].startswith(said)


def test_a_file_that_could_not_be_parsed_is_told_beside_the_others_and_alone_counts_as_a_mistake() -> None:
    broken = Problem("b.toml", "", "is not TOML")
    with pytest.raises(BadDirectory) as refusal:
        read(files(a=text("a", queue="aa")), [broken])
    assert refusal.value.problems == (broken,)
