"""Read what was sent, strictly and within bounds, before anything looks at its meaning."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

from aiohttp import hdrs, web
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from . import complaints
from .needs import NEEDS
from .problems import Problem

Model = TypeVar("Model", bound=BaseModel)
MOST_FIELDS = 20


class _Twice(ValueError):
    """A name appears twice in one object: readers disagree which one counts, so none does."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant)


def parse_json(raw: bytes) -> Any:
    """One JSON value (RFC 8259). Raises Problem malformed-json; its words never quote the body."""
    try:
        text = raw.decode("utf-8")
        return _decoder.decode(text)
    except UnicodeDecodeError:
        raise Problem("malformed-json", "the body is not UTF-8") from None
    except _Twice:
        raise Problem("malformed-json", "a name appears twice in one object") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem("malformed-json", f"the body is not JSON: see {where}") from None
    except RecursionError:
        raise Problem("malformed-json", "the body nests too deeply") from None
    except ValueError:
        raise Problem("malformed-json", "the body holds NaN, Infinity or a number that is too long") from None


def media_type(request: web.Request) -> str:
    """The body's media type, lower case; empty when none is given. Raises Problem for codings we do not read."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise Problem("unsupported-media-type", "Content-Encoding is not understood; send the body as it is")
    if request.charset not in (None, "utf-8", "UTF-8", "utf8"):
        raise Problem("unsupported-media-type", "the charset must be utf-8")
    return request.content_type.lower() if hdrs.CONTENT_TYPE in request.headers else ""


async def read(request: web.Request) -> bytes:
    """The body, within the operator's bounds of size and time."""
    settings = request.app[NEEDS].settings
    try:
        async with asyncio.timeout(settings.body_s):
            return await request.read()
    except TimeoutError:
        raise Problem("too-slow") from None
    except web.HTTPRequestEntityTooLarge:
        raise Problem("too-large", max_bytes=settings.body_limit) from None


async def read_json(request: web.Request, adapter: TypeAdapter[Model]) -> tuple[Model, Any]:
    """The checked body, and the value as it was sent. Raises Problem."""
    if media_type(request) != "application/json":
        raise Problem("unsupported-media-type", headers={hdrs.ACCEPT: "application/json"})
    sent = parse_json(await read(request))
    try:
        return adapter.validate_python(sent), sent
    except ValidationError as error:
        raise complaints.from_pydantic(error, "body", sent) from None


async def read_form(request: web.Request) -> dict[str, str] | None:
    """The fields of a form; None when it is not one, or a field appears twice (RFC 6749, 3.2)."""
    if media_type(request) != "application/x-www-form-urlencoded":
        return None
    raw = await read(request)
    try:
        fields = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        return None
    found = dict(fields)
    return found if len(found) == len(fields) else None


def read_query(request: web.Request, model: type[Model]) -> Model:
    """The checked parameters. Raises Problem validation-failed."""
    query = request.query
    sent = dict(query)
    if len(sent) != len(query):
        twice = next(name for name in sent if len(query.getall(name)) > 1)
        if twice in model.model_json_schema()["properties"]:
            raise complaints.problem([complaints.item("query", f"/{twice}", "must not be given twice")])
        raise complaints.problem([complaints.item("query", "", "a parameter is given twice")])
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise complaints.from_pydantic(error, "query", sent) from None


def fingerprint(sent: Any, pepper: bytes) -> str:
    """A digest of a body by its meaning, 64 hex digits. Keyed, so that a copy of the ledger does not let anybody
    try out phone numbers against it."""
    canonical = json.dumps(sent, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(pepper, b"body\0" + canonical.encode(), hashlib.sha256).hexdigest()


def as_json(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer. Nothing of a citizen belongs into a cache."""
    kept = {hdrs.CACHE_CONTROL: "no-store", **(headers or {})}
    return web.Response(
        status=status, body=to_json(value), content_type="application/json", charset="utf-8", headers=kept
    )
