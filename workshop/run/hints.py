"""What to try next. Every line works as it is printed: tests/workshop/test_run.py pastes them into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from workshop.run.demo import NUMBER
from workshop.run.options import TREE
from workshop.run.plant import short
from workshop.run.state import CA, CLIENT_ID, CLIENT_SECRET, URL

#: Between these two lines is nothing but shell.
BEGIN = "# ── In another terminal; all of it can be pasted ──"
END = "# ── Ctrl-C here stops everything ──"

_HEADERS = '-H "$AUTH"'
_ID = r"""sed 's/.*"id": *"\(call_[^"]*\)".*/\1/'"""


def shell(credentials: str, commands: Mapping[str, str], secure: bool) -> str:
    """The whole block. `credentials` is a path, `commands` are those of Plant.lines(); `secure`: by https:."""
    fetch = f'curl -su "${CLIENT_ID}:${CLIENT_SECRET}" -d grant_type=client_credentials "${URL}/oauth/token"'
    cut = r"""sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"""
    lines = [
        BEGIN,
        f"cd {shlex.quote(str(TREE))} && . {credentials}",
        f'AUTH="Authorization: Bearer $({fetch} | {cut})"  # for 10 minutes',
        "",
        "# Call a citizen who answers, and follow the call until it ends:",
        *_call("u-1", NUMBER),
        f"curl -sN \"${URL}/v1/calls/$CALL/events\" {_HEADERS} -H 'Accept: text/event-stream'",
        "",
        "# A number that is busy (workshop/trunk.py has one for every ending), and why its call ended:",
        *_call("u-2", "+79000000486"),
        f"curl -sN \"${URL}/v1/calls/$CALL/events\" {_HEADERS} -H 'Accept: text/event-stream'"
        """ | grep -o '"words_ru":"[^"]*"'""",
        "",
        "# A phone that rings for ever, given up by an abort:",
        *_call("u-3", "+79000000180"),
        f'curl -s -X POST "${URL}/v1/calls/$CALL/abort" {_HEADERS}; echo',
        "",
        "# Who is who, and is all well?",
        commands["doctor"],
        commands["queues"],
        commands["logs"],
        f"# Asterisk's console: {commands['console']}",
        END,
    ]
    block = "\n".join(lines)
    # The system does not know our authority, and shall not: whoever pastes a line says whom to believe.
    return block.replace("curl ", f'curl --cacert "${CA}" ') if secure else block


def _call(user: str, number: str) -> list[str]:
    body = f'{{"service": "support", "user": {{"id": "{user}", "phone": "{number}"}}}}'
    return [
        f'CALL=$(curl -s "${URL}/v1/calls" {_HEADERS} -H "Idempotency-Key: $(date +%s%N)" '
        f"-H 'Content-Type: application/json' -d '{body}' | {_ID})"
    ]


def words(url: str, folder: str, believes: Path | None) -> list[str]:
    """What is not a command. `believes` is the authority behind an https: url."""
    trust = (
        [
            f"Its certificate is by an authority of that folder: curl --cacert {short(believes)} …, or let your "
            "browser import this file."
        ]
        if believes
        else []
    )
    return [
        f"The API to read and try:  {url}/docs",
        *trust,
        "Queues, trunks, dialplan: edit asterisk-conf/ and dialplan/; a saved file is loaded at once.",
        f"What is kept from run to run (configuration, secrets, database): {folder}",
    ]
