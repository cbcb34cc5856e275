"""One try over real HTTP: whatever the receiver sends back."""

from __future__ import annotations

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pbx_bridge.client import verify_webhook
from pbx_bridge.webhooks.answer import Verdict

from .desks import BODY, EVENT, answer, desk, headers_of, post, sends
from .owed import NEW, OLD


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_a_receiver_verifies_with_the_first_secret_and_with_the_second(secret: str) -> None:
    async with desk(answer("200 OK")) as there, post() as made:
        assert (await sends(made, there.url(), (OLD, NEW))).verdict is Verdict.TAKEN
    head, _, body = there.heard[0].partition(b"\r\n\r\n")
    headers = dict(headers_of(head))
    assert verify_webhook(headers, body, secret) == EVENT
    assert (headers["webhook-id"], headers["content-type"]) == ("evt_1", "application/json")
    assert headers["webhook-signature"].count("v1,") == 2


async def test_the_time_is_that_of_the_try_in_any_zone() -> None:
    async with desk(answer("204 No Content")) as there, post() as made:
        await made.send(there.url(), "evt_1", BODY, (NEW,), datetime.now(ZoneInfo("Asia/Kamchatka")))
    head, _, body = there.heard[0].partition(b"\r\n\r\n")
    assert verify_webhook(dict(headers_of(head)), body, NEW) == EVENT


ANSWERS = {
    "200": (answer("200 OK", body=b"thanks"), Verdict.TAKEN),
    "299": (answer("299 Odd"), Verdict.TAKEN),
    "301": (answer("301 Moved", "Location: http://127.0.0.1:1/"), Verdict.FAILED),
    "302": (answer("302 Found", "Location: http://169.254.169.254/"), Verdict.FAILED),
    "308": (answer("308 Moved", "Location: /other"), Verdict.FAILED),
    "400": (answer("400 Bad"), Verdict.FAILED),
    "410": (answer("410 Gone"), Verdict.GONE),
    "500": (answer("500 Oh"), Verdict.FAILED),
    "a body that is longer than anybody reads": (answer("200 OK", body=b"x" * 200_000), Verdict.TAKEN),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", Verdict.FAILED),
    "noise": (bytes(range(256)) * 40, Verdict.FAILED),
    "a header without an end": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, Verdict.FAILED),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", Verdict.FAILED),
}


@pytest.mark.parametrize(("sent", "verdict"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_only_2xx_is_a_receipt_and_nothing_is_followed(sent: bytes, verdict: Verdict) -> None:
    async with desk(sent) as there, post(timeout_s=5) as made:
        heard = await sends(made, there.url())
    assert heard.verdict is verdict
    assert len(there.heard) == 1, "it was asked once"
    assert "127.0.0.1" not in heard.words, "words are for logs and answers"


@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        (["Retry-After: 120"], 120),
        (["Retry-After: 99999999999"], 86400),
        (["Retry-After: Mon, 12 Jan 2026 06:10:00 GMT", "Date: Mon, 12 Jan 2026 06:00:00 GMT"], 600),
        (["Retry-After: Mon, 12 Jan 2026 05:00:00 GMT", "Date: Mon, 12 Jan 2026 06:00:00 GMT"], 0),
        (["Retry-After: soon"], 0),
        (["Retry-After: -5"], 0),
    ],
)
async def test_a_receiver_may_ask_for_time_in_both_forms(headers: list[str], asked_s: float) -> None:
    async with desk(answer("429 Too Many", *headers)) as there, post() as made:
        assert (await sends(made, there.url())).asked_s == asked_s


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nx")
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_who_does_not_answer_is_given_up_and_who_only_trickles_has_answered() -> None:
    async with desk(silence) as mute, desk(trickle) as slow, desk(hang_up) as rude, post(timeout_s=1.5) as made:
        heard = await asyncio.gather(*(sends(made, each.url()) for each in (mute, slow, rude)))
    assert [each.verdict for each in heard] == [Verdict.FAILED, Verdict.TAKEN, Verdict.FAILED]
    assert [each.words for each in heard[::2]] == ["it did not answer within 1.5 s", "it hung up without an answer"]


async def test_a_connection_is_used_again_and_one_that_was_closed_meanwhile_costs_no_try() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with desk(answer("200 OK"), answer("200 OK"), once, answer("200 OK")) as there, post() as made:
        verdicts = [(await sends(made, there.url())).verdict for _ in range(3)]
    assert verdicts == [Verdict.TAKEN] * 3
    assert there.connections == 2
    assert len(there.heard) == 4
