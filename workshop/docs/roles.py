"""The page of roles: who may use which operation, and what scopes a program gets."""

from __future__ import annotations

from collections.abc import Iterable

from pbx_bridge.ledger.access import Role
from pbx_bridge.portal.operations import Operation
from pbx_bridge.portal.rights import RIGHTS, SCOPES, SCOPES_OF
from pbx_bridge.portal.site import ALL
from workshop.docs.markdown import code, page, table

HOW = """
Whoever asks does so in one role, and with scopes. An operation needs both: the scope in the token, and the role in its
row. What has no row nobody may do. A program has its role from its registration
([programs and tokens](how-to/programs-and-tokens.md)); a citizen's token has the role `citizen`.

Without the scope the answer is 403 `/problems/insufficient-scope`, in another role 403 `/problems/wrong-role`.
"""

WHOSE = """
Whose calls and citizens: a citizen sees their own, a portal those of its citizens. To both, others' do not exist: 404.
Engineers, supervisors, auditors and admins see all calls, and each look is a line in the [audit](how-to/audit.md).
About a citizen's data they say whose citizen it is, by `?client=`.
"""

GIVEN = """
A new program gets all of its role's scopes, unless `--scope` names fewer. A token has all of its program's, unless the
request for it names fewer. In a citizen's token are those of the citizen that its portal has too.
"""

WHO = {
    Role.CITIZEN: "a citizen, by a token that the portal got in exchange for its own",
    Role.PORTAL: "the backend of a portal",
    Role.ENGINEER: "who looks why a call failed",
    Role.SUPERVISOR: "who leads a desk of agents",
    Role.AUDITOR: "who checks what others did",
    Role.ADMIN: "who registers programs",
}


def roles() -> str:
    """The whole page."""
    guarded = [operation for operation in ALL if RIGHTS[operation.id].scope]
    everybodys = [operation for operation in ALL if not RIGHTS[operation.id].scope]
    given = ((f"`{role}`", WHO[role], code(sorted(SCOPES_OF[role]))) for role in Role)
    return page(
        "Roles and scopes",
        "pbx_bridge/portal/rights.py",
        HOW,
        "## Who may do what",
        table(("operation", "", "scope", *(f"{role}" for role in Role)), map(_row, guarded)),
        WHOSE,
        "Without a token, everybody may use: " + _named(everybodys) + ".",
        "## Roles",
        table(("role", "who", "its scopes"), given),
        GIVEN,
        "## Scopes",
        table(("scope", "lets"), ((f"`{scope}`", words) for scope, words in SCOPES.items())),
    )


def _row(operation: Operation) -> tuple[str, ...]:
    right = RIGHTS[operation.id]
    marks = ("✓" if role in right.roles else "" for role in Role)
    return f"`{operation.method} {operation.path}`", operation.summary, f"`{right.scope}`", *marks


def _named(operations: Iterable[Operation]) -> str:
    return code(f"{operation.method} {operation.path}" for operation in operations)
