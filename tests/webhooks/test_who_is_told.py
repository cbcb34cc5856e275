"""Who is told where, signed with what: as it stands at the moment of the try."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pbx_bridge.ledger import Ledger
from tests.rooms.ledger_calls import NOON
from tests.virtual_time import VirtualTime

from .owed import NEW, OLD, URL, begins, happens, program, secret
from .receivers import Receivers
from .test_courier import running, states

pytest_plugins = ("tests.virtual_time_plugin", "tests.ledger_plugin")


async def test_secrets_are_all_that_count_now_and_rotation_needs_no_restart(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    until = NOON + timedelta(seconds=100)
    await program(sqlite_ledger, keys=(secret(OLD, expires_at=until), secret(NEW)))
    receivers = Receivers()
    async with running(sqlite_ledger, receivers, virtual_time):
        call = await begins(sqlite_ledger)
        await virtual_time.advance(20)
        assert set(receivers.messages[0].secrets) == {NEW, OLD}
        await virtual_time.advance(100)
        await happens(sqlite_ledger, call, at=virtual_time())
        await virtual_time.advance(20)
    assert receivers.messages[1].secrets == (NEW,)


async def test_without_a_secret_nothing_is_owed_and_without_it_later_what_is_owed_waits(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    await program(sqlite_ledger, "bare", keys=())
    await begins(sqlite_ledger, client="bare")
    assert await states(sqlite_ledger) == []
    await program(sqlite_ledger)
    await begins(sqlite_ledger)
    await sqlite_ledger.drop_key("portal", secret().id, NOON)
    receivers = Receivers()
    async with running(sqlite_ledger, receivers, virtual_time):
        await virtual_time.advance(60)
        assert receivers.messages == []
        await sqlite_ledger.add_key("portal", secret(OLD))
        await virtual_time.advance(60)
    assert [each.secrets for each in receivers.taken] == [(OLD,)]


@pytest.mark.parametrize("how", ["disabled", "no address"])
async def test_a_program_that_is_not_to_be_told_any_more_is_sent_nothing(
    how: str, sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    client = await program(sqlite_ledger)
    await begins(sqlite_ledger)
    if how == "disabled":
        await sqlite_ledger.disable_client("portal", NOON)
    else:
        await sqlite_ledger.change_client(replace(client, callback_url=None))
    receivers = Receivers()
    async with running(sqlite_ledger, receivers, virtual_time):
        await virtual_time.advance(60)
    assert receivers.messages == []
    assert await states(sqlite_ledger) == ["dropped"]


async def test_a_calls_own_address_is_told_of_that_call_alone(sqlite_ledger: Ledger, virtual_time: VirtualTime) -> None:
    await program(sqlite_ledger, callback_hosts=frozenset({"calls.portal.example"}))
    own = "https://calls.portal.example/17"
    receivers = Receivers({own: lambda message: 410 if message.sequence == 2 else 204})
    async with running(sqlite_ledger, receivers, virtual_time):
        with_own, _ = await happens(sqlite_ledger, await begins(sqlite_ledger, "anna", callback_url=own), 2)
        other = await begins(sqlite_ledger, "boris")
        await virtual_time.advance(30)
    assert [each.url for each in receivers.taken if each.call_id == with_own.id] == [own, own]
    assert [each.url for each in receivers.taken if each.call_id == other.id] == [URL]
    # 410 ends that message; the program's own address is another matter.
    assert sorted(await states(sqlite_ledger)) == ["dead", "delivered", "delivered", "delivered"]
    assert (await sqlite_ledger.client("portal")).callback_disabled_at is None  # type: ignore[union-attr]


async def test_a_host_that_was_taken_back_is_told_nothing_more(
    sqlite_ledger: Ledger, virtual_time: VirtualTime
) -> None:
    client = await program(sqlite_ledger, callback_hosts=frozenset({"calls.portal.example"}))
    await begins(sqlite_ledger, callback_url="https://calls.portal.example/17")
    await sqlite_ledger.change_client(replace(client, callback_hosts=frozenset()))
    receivers = Receivers()
    async with running(sqlite_ledger, receivers, virtual_time):
        await virtual_time.advance(30)
    assert receivers.messages == []
    assert await states(sqlite_ledger) == ["dropped"]
