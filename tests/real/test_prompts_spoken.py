"""A telephone hears our prompts from a real Asterisk to their end, each in the language of its call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from pbx_bridge.asterisk.ari import Ari
from pbx_bridge.speech import place, ticket
from workshop.desk import desk
from workshop.digits import said_in
from workshop.phone import Phone
from workshop.prefix import Prefix
from workshop.prompts import build, default_folder
from workshop.server import AsteriskServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALPLAN = """
[say]
exten => s,1,Wait(1)
 same => n,Playback(${SAY})
 same => n,Wait(0.5) ; a telephone that is hung up forgets what it has not played yet
 same => n,Set(DB(said/${CHANNEL(uniqueid)})=${PLAYBACKSTATUS})
 same => n,Hangup()
"""
LISTEN_S = 30.0


class Line:
    """A citizen's telephone behind an Asterisk that says what it is told to."""

    def __init__(self, server: AsteriskServer, ari: Ari, phone: Phone, folder: Path) -> None:
        self._server, self._ari, self._phone, self._folder = server, ari, phone, folder

    async def says(self, names: Sequence[str], language: str) -> tuple[str, Path]:
        """What Playback answered, and what the telephone heard."""
        channel = f"say-{language}-{names[0]}"
        recording = self._folder / f"{channel}.wav"
        await self._ari.originate(
            channel,
            f"PJSIP/{self._phone.name}@line",
            context="say",
            extension="s",
            timeout_s=10,
            variables={"SAY": "&".join(f"pbx-bridge/{name}" for name in names), "CHANNEL(language)": language},
        )
        await self._phone.talks()
        await self._phone.records(recording, LISTEN_S)
        await self._phone.ended()
        answer = await self._server.cli(f"database get said {channel}")
        return answer.strip().removeprefix("Value: "), recording


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line(prefix: Prefix, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    """With the tree's own prompts, made first if nobody has."""
    await asyncio.to_thread(build, default_folder())
    folder = tmp_path_factory.mktemp("spoken")
    async with Phone("citizen", catchall=True) as phone:
        server = AsteriskServer(prefix, folder / "asterisk")
        server.extra = {**desk(trunks={"line": phone.port}), "dialplan/say.conf": DIALPLAN}
        ari = Ari(f"http://127.0.0.1:{server.ports.http}", server.ari_user, server.ari_password, "pbx-bridge")
        try:
            await server.start()
            yield Line(server, ari, phone, folder)
        finally:
            await ari.close()
            server.kill()
            await server.stop()
            server.close()


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_a_sentence_made_of_prompts_is_heard_to_its_end_and_in_order(line: Line, language: str) -> None:
    names = place(3, (2, 5), language)
    answer, recording = await line.says(names, language)
    assert answer == "SUCCESS"
    heard = [said_in(recording, default_folder() / language / f"{name}.wav") for name in names]
    assert [len(times) for times in heard] == [1] * len(names), heard
    assert heard == sorted(heard)


async def test_another_language_is_not_heard(line: Line) -> None:
    _, recording = await line.says(["goodbye"], "ru")
    assert said_in(recording, default_folder() / "ru" / "goodbye.wav")
    assert not said_in(recording, default_folder() / "en" / "goodbye.wav")


async def test_a_ticket_is_heard_digit_by_digit(line: Line) -> None:
    names = ticket("120453", "ru")
    answer, recording = await line.says(names, "ru")
    assert answer == "SUCCESS"
    heard = {name: said_in(recording, default_folder() / "ru" / f"{name}.wav") for name in names[1:]}
    assert [name for name in sorted(heard, key=lambda name: heard[name][:1])] == list(names[1:])


async def test_a_language_without_prompts_hears_russian(line: Line) -> None:
    answer, recording = await line.says(["connecting"], "kk")
    assert answer == "SUCCESS"
    assert said_in(recording, default_folder() / "ru" / "connecting.wav")


async def test_a_prompt_that_is_missing_is_told_by_playback(line: Line) -> None:
    answer, _ = await line.says(["nobody-wrote-this"], "ru")
    assert answer == "FAILED"


@pytest.mark.asyncio(loop_scope="function")
async def test_a_folder_of_an_older_run_gets_the_prompts_and_the_prefix_stays_as_it_was(
    prefix: Prefix, tmp_path: Path
) -> None:
    sounds = tmp_path / "data" / "sounds"
    sounds.mkdir(parents=True)
    (sounds / "ru").symlink_to(prefix.data / "sounds" / "ru")
    (sounds / "pbx-bridge").symlink_to(tmp_path / "nowhere")
    server = AsteriskServer(prefix, tmp_path)
    try:
        for _ in range(2):
            await server.start()
            await server.stop()
    finally:
        server.close()
    assert (sounds / "ru" / "pbx-bridge" / "welcome.wav").exists()
    assert (sounds / "ru" / "digits" / "1.wav").exists()
    assert (sounds / "pbx-bridge" / "welcome.wav").exists()
    assert not (prefix.data / "sounds" / "ru" / "pbx-bridge").exists()
