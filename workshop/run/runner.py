"""The order of things: what starts when, what ends a run, and that everything stops in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack

from workshop import ports
from workshop.prefix import Prefix, PrefixError, default_root, ensure
from workshop.run import doors, hints, programs
from workshop.run.containers import Containers, kept_ports, require_engine, sweep
from workshop.run.demo import one_call
from workshop.run.errors import RunFailed
from workshop.run.options import TREE, Options
from workshop.run.people import People
from workshop.run.plant import Here, Plant, short
from workshop.run.state import State, hold
from workshop.run.tell import Teller

LOOK_S = 0.25


async def run(options: Options, tell: Teller) -> None:
    """Until cancelled, or, with `once`, until the call is over. Raises RunFailed."""
    if options.docker:
        require_engine()
    with hold(options.folder) as state:
        async with AsyncExitStack() as stack:
            plant, people = await _start(options, state, tell, stack)
            await _while_all_live(_story(options, state, plant, people, tell), plant, people)


async def _start(options: Options, state: State, tell: Teller, stack: AsyncExitStack) -> tuple[Plant, People]:
    claimed = ports.claim()
    stack.callback(claimed.release)
    chosen = doors.choose(options.ports, _kept_ports(options, state), after_a_crash=state.after_a_crash)
    for remark in chosen.remarks:
        tell.warn(remark)
    prefix = _prefix()
    people = People(prefix, state.folder, claimed.spare, tell)
    plant: Plant = (
        Containers(state, chosen, people.settings())
        if options.docker
        else Here(prefix, state, chosen, claimed, people.settings())
    )
    stack.callback(tell.say, f"Stopped; nothing is left running. Kept for the next run: {short(state.folder)}")
    tell.head("Starting")
    with tell.busy("starting …"):
        await _start_all(plant, people, chosen.sip, state, tell, stack)
    return plant, people


def _kept_ports(options: Options, state: State) -> dict[str, int]:
    """Those of the last run."""
    if options.docker:
        sweep(state)
        return kept_ports(state)
    kept = state.kept()
    return kept.ports if kept else {}


def _prefix() -> Prefix:
    try:
        return ensure(default_root())
    except PrefixError as error:
        raise RunFailed(str(error)) from None


async def _start_all(
    plant: Plant, people: People, sip_port: int, state: State, tell: Teller, stack: AsyncExitStack
) -> None:
    began = time.monotonic()

    def done(what: str, words: str) -> None:
        tell.done(what, words, time.monotonic() - began)

    async def memory() -> None:
        done("database", await plant.migrate())

    async def telephones() -> None:
        await people.start_outside()
        done("operator", "the citizen's phone takes any number +7…, the sandbox takes +79000000…")
        done("SMS gateway", f"simulated: text messages are shown here, codes wait at {people.sms.codes_url}/NUMBER")
        done("Asterisk", await plant.start_asterisk(people.configuration()))
        await people.start_agents(sip_port)
        done("agents", f"{' and '.join(people.agents)} have registered their phones")

    done("configuration", plant.prepare())
    stack.push_async_callback(people.stop_outside)
    stack.push_async_callback(plant.stop)
    stack.push_async_callback(people.stop_agents)
    async with asyncio.TaskGroup() as group:
        group.create_task(memory())
        group.create_task(telephones())
    done("service", await plant.start_service())


async def _story(options: Options, state: State, plant: Plant, people: People, tell: Teller) -> None:
    async with await programs.demonstration(state, plant) as bridge, asyncio.TaskGroup() as group:
        group.create_task(programs.shell(state, plant, people.sms.codes_url))
        tell.head("One call, asked for by a portal with signed requests; its states as they arrive over SSE")
        completed = await one_call(bridge, people, tell)
    tell.say(f"\nThe first call {'is over' if completed else 'FAILED'}, {tell.seconds:.1f} s after the start.")
    if options.once:
        return
    tell.head("It stays up. What to try next:")
    tell.say("\n".join(hints.words(plant.url, short(state.folder), plant.believes)) + "\n")
    tell.say(hints.shell(short(state.credentials), plant.lines(), plant.believes is not None) + "\n")
    async with asyncio.TaskGroup() as group:
        group.create_task(people.go_on(tell))
        group.create_task(_load_what_is_saved(plant, tell))


async def _while_all_live(story: Coroutine[None, None, None], plant: Plant, people: People) -> None:
    """Raises RunFailed when somebody dies meanwhile."""
    told = asyncio.create_task(story)
    watch = asyncio.create_task(_watch(plant, people))
    try:
        await asyncio.wait({told, watch}, return_when=asyncio.FIRST_COMPLETED)
        if told.done() and told.exception():
            # Whoever died has spoiled the story first; the watch knows its name.
            await asyncio.wait({watch}, timeout=2 * LOOK_S)
        for each in (watch, told):
            if each.done():
                each.result()
    finally:
        for each in (told, watch):
            each.cancel()
        await asyncio.gather(told, watch, return_exceptions=True)


async def _watch(plant: Plant, people: People) -> None:
    while True:
        for who, log in (*plant.dead(), *people.dead()):
            raise RunFailed(f"{who} has ended by itself, so the run stops. Its last words are in {log}")
        await asyncio.sleep(LOOK_S)


async def _load_what_is_saved(plant: Plant, tell: Teller) -> None:
    """An engineer's file counts as soon as it is saved."""
    before = _saved()
    while True:
        await asyncio.sleep(1)
        now = _saved()
        if changed := {name for name, at in now.items() if before.get(name) != at}:
            for line in await plant.reload(changed):
                tell.fact("Asterisk", line)
        before = now


def _saved() -> dict[str, float]:
    found = {}
    for part in ("asterisk-conf", "dialplan"):
        for path in (TREE / part).glob("*.conf"):
            with contextlib.suppress(FileNotFoundError):  # an editor is replacing it
                found[f"{part}/{path.name}"] = path.stat().st_mtime
    return found
