"""What to try next. Every line works as it is printed: tests/workshop/test_run.py pastes them into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from workshop.run.options import TREE
from workshop.run.plant import short
from workshop.run.state import CA, CLIENT_ID, CLIENT_SECRET, CODES, URL

#: Between these two lines is nothing but shell.
BEGIN = "# ── In another terminal; all of it can be pasted ──"
END = "# ── Ctrl-C here stops everything ──"

#: Who answers; numbers of the sandbox that are busy, and that ring for ever (workshop/trunk.py has more).
ANSWERS, BUSY, SILENT = "+79161112233", "+79000000486", "+79000000180"


def shell(credentials: str, commands: Mapping[str, str], secure: bool) -> str:
    """The whole block. `credentials` is a path, `commands` are those of Plant.lines(); `secure`: by https:."""
    # The system does not know our authority, and shall not: whoever pastes a line says whom to believe.
    curl = f'curl -s --cacert "${CA}"' if secure else "curl -s"
    fetch = f'{curl} -u "${CLIENT_ID}:${CLIENT_SECRET}" -d grant_type=client_credentials "${URL}/oauth/token"'
    cut = r"""sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"""
    follow = f"""{curl} -N "${URL}/v1/calls/$CALL/events" -H "$AUTH" -H 'Accept: text/event-stream'"""
    lines = [
        BEGIN,
        f"cd {shlex.quote(str(TREE))} && . {credentials}",
        f'AUTH="Authorization: Bearer $({fetch} | {cut})"  # for 10 minutes',
        "JSON='Content-Type: application/json'",
        "",
        "# Call a citizen. Nothing rings yet: they get a code by SMS, which you see in the first terminal.",
        _call(curl, "u-1", ANSWERS),
        "# Confirm with the code, and follow the call until it ends:",
        _read_code(ANSWERS),
        _confirm(curl, "$CODE"),
        follow,
        "",
        "# A number that is busy. A wrong code is 403 with the tries left; then the right one, and why the call ended:",
        _call(curl, "u-2", BUSY),
        _confirm(curl, "000000"),
        _read_code(BUSY),
        _confirm(curl, "$CODE"),
        follow + """ | grep -o '"words_ru":"[^"]*"'""",
        "",
        "# A phone that rings for ever, given up by an abort:",
        _call(curl, "u-3", SILENT),
        _read_code(SILENT),
        _confirm(curl, "$CODE"),
        f'{curl} -X POST "${URL}/v1/calls/$CALL/abort" -H "$AUTH"; echo',
        "",
        "# Which programs may ask, has anybody changed the audit, who is who, and is all well?",
        commands["clients"],
        commands["audit"],
        commands["doctor"],
        commands["queues"],
        commands["logs"],
        f"# Asterisk's console: {commands['console']}",
        END,
    ]
    return "\n".join(lines)


def _call(curl: str, user: str, number: str) -> str:
    body = f'{{"service": "support", "user": {{"id": "{user}", "phone": "{number}"}}}}'
    cut = r"""sed 's/.*"id": *"\(call_[^"]*\)".*/\1/'"""
    return (
        f'CALL=$({curl} "${URL}/v1/calls" -H "$AUTH" -H "$JSON" -H "Idempotency-Key: $(date +%s%N)" '
        f"-d '{body}' | {cut})"
    )


def _read_code(number: str) -> str:
    """The simulated gateway waits for the message."""
    return f'CODE=$(curl -s "${CODES}/{number}")'


def _confirm(curl: str, code: str) -> str:
    body = f'{{\\"code\\": \\"{code}\\"}}'
    return f'{curl} "${URL}/v1/calls/$CALL/confirm" -H "$AUTH" -H "$JSON" -d "{body}"; echo'


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
