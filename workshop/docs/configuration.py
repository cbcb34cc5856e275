"""The page of settings: names, defaults and limits from pbx_bridge/settings.py, meanings from here.

A setting without a meaning, or a meaning without a setting, fails the page: Unexplained.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from pbx_bridge.settings import CONFIG_VARIABLE, PLACES, Settings
from workshop.docs.markdown import code, page, table

MEANINGS = {
    "node": "the name of this process in events (`source`); each process has its own",
    "services": "service of the API → queue of Asterisk; the queue's name is 2 or more of `a-z A-Z 0-9 _ -`",
    "http.host": "address to listen on; any other than loopback needs `tls_certificate` and `tls_key`",
    "http.port": "port to listen on",
    "http.tls_certificate": "PEM file: the server's certificate, then those that lead to its authority; makes it HTTPS",
    "http.tls_key": "PEM file: its private key, without a password; both are read again when they change",
    "http.allowed_origins": "pages (`https://portal.example`) whose scripts may ask; none: no browser may",
    "database.url": "where the ledger is",
    "asterisk.ari_url": "Asterisk's HTTP server (`http.conf`); `https:` for any other machine than this",
    "asterisk.ari_user": "user in `ari.conf`",
    "asterisk.ari_password": "its password there",
    "asterisk.ami_host": "Asterisk's manager (`manager.conf`)",
    "asterisk.ami_port": "its port",
    "asterisk.ami_user": "user in `manager.conf`",
    "asterisk.ami_password": "its secret there",
    "asterisk.ami_tls": "whether AMI is spoken over TLS; a must for any other machine than this",
    "asterisk.ca_file": "PEM file: whose certificates are believed for ARI and AMI; default: those the system knows",
    "asterisk.allow_plain": "lets ARI and AMI go to another machine in the clear, where a tunnel protects them",
    "asterisk.app": "name of our application in ARI",
    "trunks.prefix": "numbers in E.164 that begin so; `+` takes all",
    "trunks.endpoint": "the endpoint in `pjsip.conf`",
    "trunks.plus": "whether the operator wants the plus sign before the number",
    "trunks.caller_id": "what the citizen's phone shows; empty: as the endpoint says",
    "terms.time_limit_s": "the whole call, from the device's answer; a request may ask for another",
    "terms.ring_s": "how long the device rings",
    "terms.queue_s": "how long a citizen waits for an agent",
    "terms.prompt_s": "from the answer to the queue",
    "terms.transfer_s": "how long a transfer may take",
    "terms.grace_s": "how much later than Asterisk we look at the same clock",
    "secrets.sealing_keys": "seal private data at rest",
    "secrets.token_key": "signs access tokens",
    "secrets.pepper": "keys the hashes of client secrets",
    "tokens.issuer": "`iss` of access tokens",
    "tokens.audience": "`aud` of access tokens",
    "tokens.lifetime_s": "how long a token lives, for clients registered from now on",
    "log.format": "`json`, `console`, or `auto`: console where a terminal reads",
    "log.level": "`debug`, `info`, `warning` or `error`",
}

HOW = f"""
One file in TOML, and the environment over it: a value from the environment wins, then the file's, then the default.

- The file is the one named by `--config`, else by `{CONFIG_VARIABLE}`, else the first of
  {code(str(place) for place in PLACES)} that exists. `pbx-bridge setup FOLDER` writes it, with its secrets.
- A variable is `PBX_`, the section, two underscores, the setting: `PBX_HTTP__PORT=9000`. Lists and tables are JSON:
  `PBX_TRUNKS='[{{"prefix": "+7", "endpoint": "operator"}}]'`.
- A name that is not a setting is refused, in the file and in the environment, so a slip is never silent.
- Times are seconds. Changes count from the next start; calls go on meanwhile.
- `pbx-bridge doctor` reads all of it, and says what is wrong and what to do.
"""

EXAMPLE = """
## An example

```toml
node = "pbx-1"

[http]
host = "127.0.0.1"
port = 8080

[database]
url = "postgresql://pbx-bridge:password@db.example/pbx-bridge"

[asterisk]
ari_url = "http://127.0.0.1:8088"
ari_password = "…"
ami_password = "…"

[services]
support = "support"
passports = "documents"

[[trunks]]
prefix = "+7"
endpoint = "operator"
caller_id = "+78001234567"
```
"""


class Unexplained(Exception):
    """Settings and meanings differ. The text names them."""


def configuration() -> str:
    """The whole page."""
    names = [f"{section}.{name}" if section else name for section, fields in _sections() for name in fields]
    if odd := set(names) ^ set(MEANINGS):
        raise Unexplained(f"workshop/docs/configuration.py must explain each setting and no other: {sorted(odd)}")
    blocks = [_block(section, fields) for section, fields in _sections()]
    return page("Configuration", "pbx_bridge/settings.py", HOW, *blocks, EXAMPLE)


def _sections() -> Iterator[tuple[str, dict[str, FieldInfo]]]:
    """("", settings outside any section), then each section with its settings."""
    yield "", {name: field for name, field in Settings.model_fields.items() if _model(field) is None}
    for name, field in Settings.model_fields.items():
        if model := _model(field):
            yield name, model.model_fields


def _model(field: FieldInfo) -> type[BaseModel] | None:
    """The section's model, also that of a list of sections."""
    kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
    return next((kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, BaseModel)), None)


def _block(section: str, fields: dict[str, FieldInfo]) -> str:
    repeated = bool(section) and Settings.model_fields[section].default == ()
    title = f"`[[{section}]]`, as many as needed" if repeated else f"`[{section}]`" if section else "Outside sections"
    model = _model(Settings.model_fields[section]) if section else None
    rows = (
        (f"`{name}`", _default(field), _limits(field), MEANINGS[f"{section}.{name}" if section else name])
        for name, field in fields.items()
    )
    words = [f"## {title}", inspect.cleandoc(model.__doc__ or "") if model else ""]
    return "\n\n".join([*filter(None, words), table(("setting", "default", "allowed", "meaning"), rows)])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    value: Any = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"`{json.dumps(value, ensure_ascii=False)}`" if value not in ("", ()) else "none"


def _limits(field: FieldInfo) -> str:
    """The limits that pydantic checks."""
    said = []
    for each in field.metadata:
        for name, words in (("gt", "above"), ("ge", "from"), ("le", "to"), ("pattern", "matches")):
            limit = getattr(each, name, None)
            if limit is not None:
                said.append(f"{words} `{limit}`")
    return " ".join(said)
