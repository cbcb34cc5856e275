"""Where a receiver's name leads is looked at with every connection, and only what was looked at is connected to."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest

from pbx_bridge.addresses import Reach
from pbx_bridge.webhooks.answer import Verdict

from .desks import answer, desk, post, sends


@dataclass
class Names:
    """A name server that says something else each time; the last for ever."""

    answers: list[list[str]]
    asked: int = 0

    def __call__(self, host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(0, 0, 0, "", (address, port)) for address in found]


PRIVATE = [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "0.0.0.0",  # noqa: S104  to be refused
    "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1",
    "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_inside_is_not_connected_to_even_beside_a_public_address(address: str) -> None:
    names = Names([["93.184.215.14", address]])
    async with post(Reach(), look_up=names) as made:
        heard = await sends(made, "https://portal.example/hook")
    assert heard.words == "its name leads to an address that is not allowed"
    assert names.asked == 1


async def test_what_is_connected_to_is_what_was_looked_at_and_the_name_is_asked_for_once() -> None:
    names = Names([["127.0.0.1"], ["127.0.0.66"]])
    only = Reach((ip_network("127.0.0.1/32"),), plain=True)
    async with desk(answer("200 OK", "Connection: close")) as there, post(only, look_up=names) as made:
        first = await sends(made, there.url("portal.example"))
        assert (first.verdict, names.asked) == (Verdict.TAKEN, 1)
        # The second answer is asked for with the second try, and refused before anybody connects.
        second = await sends(made, there.url("portal.example"))
    assert second.words == "its name leads to an address that is not allowed"
    assert there.connections == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.example/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
        "https://0x7f.1/", "https://localhost/", "https://u:p@portal.example/", "https://portal.example@127.0.0.1/",
        "ftp://portal.example/",
    ],
)  # fmt: skip
async def test_an_address_that_cannot_be_registered_is_not_asked_either(url: str) -> None:
    names = Names([["93.184.215.14"]])
    async with post(Reach(), look_up=names) as made:
        assert (await sends(made, url)).words.startswith("its address must")
    assert names.asked == 0


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(answer("200 OK")) as there, desk(answer("200 OK")) as proxy, post() as made:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        await sends(made, there.url())
    assert (len(there.heard), len(proxy.heard)) == (1, 0)


async def test_a_name_whose_server_is_silent_holds_up_no_other_and_no_end() -> None:
    go_on = threading.Event()

    def silent(host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        if host == "silent.example":
            go_on.wait(30)
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    async with desk(answer("200 OK")) as there, post(look_up=silent, timeout_s=0.3) as made:
        mute = [asyncio.create_task(sends(made, "http://silent.example/")) for _ in range(40)]
        await asyncio.sleep(0)
        assert (await sends(made, there.url("well.example"))).verdict is Verdict.TAKEN
        assert {(await each).words for each in mute} == {"it did not answer within 0.3 s"}
    go_on.set()
