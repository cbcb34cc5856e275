"""Turn pydantic's errors into the `errors` of a problem document, without repeating what was sent.

pydantic quotes input in some of its sentences, and the names of unknown members are input as well; a citizen's
number in the wrong place must not come back in an answer that a proxy may log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from .problems import Problem

#: A longer list helps nobody, and a hostile body could hold thousands.
MOST = 20
#: Names that programmers give; anything else may be data in the place of a name.
_A_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,39}\Z")

#: Our words where pydantic's quote the input or speak of Python.
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "union_tag_invalid": "must be one of: {expected_tags}",
    "union_tag_not_found": "needs the member that says which kind it is",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "string_type": "must be a string",
    "string_unicode": "must be text: a half of a surrogate pair is not a character",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} items",
    "int_type": "must be a whole number",
    "int_parsing_size": "is too large",
    "bool_type": "must be true or false",
    "none_required": "must be null",
    "literal_error": "must be {expected}",
    "enum": "must be one of: {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def item(where: str, pointer: str, detail: str) -> dict[str, str]:
    """One complaint: `where` is body, query, header or path; `pointer` is RFC 6901 within it."""
    return {"in": where, "pointer": pointer, "detail": detail}


def problem(items: Sequence[Mapping[str, str]]) -> Problem:
    """All complaints as one problem."""
    shown = list(items[:MOST])
    rest = len(items) - len(shown)
    detail = f"{rest} more are not shown" if rest > 0 else None
    return Problem("validation-failed", detail, errors=shown)


def from_pydantic(error: ValidationError, where: str, sent: Any) -> Problem:
    """`sent` is the value that was checked; it is only used to find the places in it."""
    raw = error.errors(include_url=False, include_input=False)
    return problem([_complaint(entry, where, sent) for entry in raw])


def _complaint(entry: Any, where: str, sent: Any) -> dict[str, str]:
    kind, context = entry["type"], entry.get("ctx") or {}
    words = entry["msg"] if kind == "rule" else _WORDS.get(kind, "is not valid").format_map(context)
    steps = _steps(entry["loc"], sent)
    if kind == "extra_forbidden" and not _A_NAME.match(steps[-1]):
        steps, words = steps[:-1], "holds a member that is not known here"
    return item(where, "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps), words)


def _steps(loc: Sequence[int | str], sent: Any) -> list[str]:
    """The way to the place in the document as it was sent: pydantic's own way also names the kinds of unions."""
    steps: list[str] = []
    for number, step in enumerate(loc):
        if _leads_on(sent, step):
            sent = sent[step]
        elif number < len(loc) - 1:
            continue
        steps.append(str(step))
    return steps


def _leads_on(sent: Any, step: int | str) -> bool:
    if isinstance(step, int):
        return isinstance(sent, list) and step < len(sent)
    return isinstance(sent, Mapping) and step in sent
