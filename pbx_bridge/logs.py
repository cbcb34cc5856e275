"""Logging: structlog to standard error, and a last line of defence against numbers and secrets in it.

Private values mask themselves (`Phone`, `SecretStr`); this file only catches what somebody forgot.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

#: A plus and at least nine digits: whatever it is, it is not for a log.
_NUMBER = re.compile(r"\+\d{5,11}(?=\d{4})")
#: Header and query values that carry credentials.
_CREDENTIAL = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}|(api_key|secret|password|code)=[^&\s]+")


def configure(format: str, level: str) -> None:
    """`format`: json, console, or auto (console when a terminal reads)."""
    numeric = getattr(logging, level.upper())
    people = format == "console" or (format == "auto" and sys.stderr.isatty())
    # Never with local variables: they hold what the types above would have masked.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = plain if people else structlog.processors.JSONRenderer(ensure_ascii=False)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask,
    ]
    without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    errors: list[Any] = [] if people else [structlog.processors.ExceptionRenderer(without_locals)]
    structlog.configure(
        processors=[*shared, *errors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard library's logging: the same form, warnings and worse only.
    handler = logging.StreamHandler(sys.stderr)
    forms = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask, renderer]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=forms))
    logging.basicConfig(handlers=[handler], level=max(numeric, logging.WARNING), force=True)


def mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blacken what looks like a telephone number or a credential in any text of a log line."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _CREDENTIAL.sub("[masked]", _NUMBER.sub("+***", value))
    return event
