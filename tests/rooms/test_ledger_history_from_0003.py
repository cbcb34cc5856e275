"""What revision 0004 does to the history that is there: every filter finds it, and erased calls are known as such."""

from __future__ import annotations

from pbx_bridge.call.states import Outcome
from pbx_bridge.ledger import CallFilter, Ledger, migrate
from pbx_bridge.ledger.seal import Seal

from .ledger_calls import KEY, NOON, PEPPER
from .test_ledger_from_0001 import execute
from .test_ledger_from_0002 import BIRTH
from .test_migrations import bare_url

__all__ = ["bare_url"]

pytest_plugins = ["tests.ledger_plugin"]

#: As the release before wrote a call that has ended, and one whose citizen was erased.
OLD_CALL = (
    "INSERT INTO calls (id, ticket, client, user_id, service, state, outcome, cause_slug, revision, attempt,"
    " accepted_at, state_since, ended_at, progress, sealed_request, queue) VALUES"
    " ('{id}', '{id}', 'portal', '{user}', 'support',"
    " 'ended', 'busy', 'busy', 3, 1, '{noon}', '{noon}', '{noon}',"
    ' \'{{"cause":{{"slug":"busy","source":"network","sip":486,"q850":17}}}}\', {sealed}, \'desk\')'
)


async def store(url: str, id_: str, user: str) -> None:
    sealed = Seal([KEY]).close(id_, "calls.sealed_request", BIRTH).hex()
    literal = f"X'{sealed}'" if url.startswith("sqlite") else f"decode('{sealed}', 'hex')"
    told = OLD_CALL.replace("{id}", id_).replace("{user}", user).replace("{sealed}", literal)
    await execute(url, told.replace("{{", "{").replace("}}", "}"))


async def test_old_calls_are_found_by_new_filters_and_emptied_once(bare_url: str) -> None:
    await migrate(bare_url, to="0003")
    await store(bare_url, "call_1", "u-1")
    await store(bare_url, "call_2", "erased:0a1b")
    await migrate(bare_url)
    ledger = await Ledger.open(bare_url, [KEY], pepper=PEPPER)
    for asked in (CallFilter(outcome=Outcome.BUSY), CallFilter(cause="busy"), CallFilter(queue="desk")):
        assert {call.id for call in (await ledger.calls(asked)).calls} == {"call_1", "call_2"}
    assert await ledger.spendable(NOON.replace(year=2030)) == 1
    assert (await ledger.spend(NOON.replace(year=2030), NOON)).calls == ("call_1",)
    await ledger.close()
    await migrate(bare_url, to="0003")
