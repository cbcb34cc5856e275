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
    "directory": "the folder of services, agents and hours; default: `services` beside this file, else the one shipped",
    "http.host": "address to listen on; any other than loopback needs `tls_certificate` and `tls_key`",
    "http.port": "port to listen on",
    "http.tls_certificate": "PEM file: the server's certificate, then those that lead to its authority; makes it HTTPS",
    "http.tls_key": "PEM file: its private key, without a password; both are read again when they change",
    "http.allowed_origins": "pages (`https://portal.example`) whose scripts may ask; none: no browser may",
    "http.trusted_proxies": "networks (`10.0.0.0/8`) of proxies; others' word for an address is not taken",
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
    "services.queue": "the queue of Asterisk: 2 or more of `a-z A-Z 0-9 _ -`",
    "services.requires": "what a portal must have verified: `phone`, `email`, `snils`, `inn`, `passport`",
    "services.prefixes": "numbers that may be rung for it begin so; none: as `[destinations]` says",
    "hotline.listen_host": "where Asterisk asks about people who dial the public numbers; loopback or a private wire",
    "hotline.listen_port": "the port; 0: the system chooses one, and Asterisk is told",
    "hotline.address": "`host:port` by which Asterisk reaches it, where that is another",
    "destinations.prefixes": "numbers that may be rung at all begin so, in E.164",
    "destinations.allow_premium": "whether numbers that cost their caller more may be rung (premium, shared cost)",
    "sandbox.enabled": "whether the numbers of the sandbox may be called; leave it off where citizens call",
    "limits.requests_per_minute": "requests of one program",
    "limits.requests_per_minute_of_address": "requests from one network address",
    "limits.tokens_refused_per_minute_of_address": "tokens and secrets that were wrong, from one network address",
    "limits.calls_per_hour": "calls of one program",
    "limits.streams_per_program": "event streams that one program and its citizens have open at one time",
    "limits.streams_per_citizen": "event streams that one citizen has open at one time",
    "limits.calls_per_hour_of_citizen": "calls for one citizen",
    "limits.calls_per_hour_of_number": "calls to one number, whoever the citizen is",
    "limits.codes_per_hour_of_citizen": "codes sent to one citizen",
    "limits.codes_per_hour_of_number": "codes sent to one number, whoever the citizen is",
    "limits.codes_per_call": "codes for one call, the first included",
    "limits.code_pause_s": "between two codes to one citizen or number",
    "limits.wrong_codes": "wrong codes of one citizen or number, in all of their calls, before they are locked out",
    "limits.lock_s": "how long a wrong code counts for that",
    "codes.channel": "`sms`, `voice` (read aloud by telephone) or `totp` (an authenticator app)",
    "codes.lifetime_s": "how long a call waits for its code, from the last one sent",
    "codes.tries": "how often a code may be typed for one call; then the call is over",
    "codes.voice_caller_id": "what the telephone shows that is called to hear a code; empty: as the trunk says",
    "sms.url": "where messages go, `https:` but for this machine; empty: no text messages are sent",
    "sms.method": "`POST`, `PUT`, or `GET`, which sends no body",
    "sms.headers": "such as `Authorization`; their values are secret",
    "sms.body": "the fields of the body; of nested ones every text is a template",
    "sms.form": "whether the body is a form (`application/x-www-form-urlencoded`) and not JSON",
    "sms.accepted_pointer": "where its JSON answer says whether it took the message; empty: status 2xx is enough",
    "sms.accepted_value": "what must stand there",
    "sms.timeout_s": "how long its answer is waited for; then the message is sent again, with the same `{key}`",
    "sms.texts": "what the citizen reads, by language; `ru` is for all others too, and `{code}` must be in each",
    "issuers.issuer": "`iss` of its tokens; programs name it to be allowed to exchange them",
    "issuers.audience": "what their `aud` must be or have",
    "issuers.algorithms": "how they may be signed: `RS256` and the like, never `none` and never a shared secret",
    "issuers.jwks_url": "its key set (RFC 7517), `https:` but for this machine",
    "issuers.introspection_url": "where it is asked about a token (RFC 7662), `https:` but for this machine",
    "issuers.introspection_client": "who we are there",
    "issuers.introspection_secret": "our secret there",
    "issuers.introspection_cache_s": "how long its answer counts",
    "issuers.leeway_s": "how far its clock may be from ours",
    "issuers.subject_claim": "the claim that names the citizen as calls do (`user.id`)",
    "issuers.phone_claim": "the claim with the citizen's number; believed when `…_verified` beside it is true",
    "issuers.ca_file": "PEM file: whose certificates are believed for its URLs; default: those the system knows",
    "webhooks.allow_networks": "networks of your own (`10.0.0.0/8`) where programs may be told; loopback too, if named",
    "webhooks.allow_http": "whether addresses may be plain `http:`; for tests and intranets",
    "webhooks.ca_file": "PEM file: authorities that are believed for them beside those the system knows",
    "webhooks.timeout_s": "how long a program may take to answer",
    "recordings.spool": "where Asterisk leaves recordings in clear: `monitor/pbx-bridge` in its spool folder; a tmpfs",
    "recordings.store": "where they are kept sealed, a folder for each day",
    "signatures.skew_s": "how far a signature's `created` may be from our clock",
    "terms.time_limit_s": "the whole call, from the device's answer; a request may ask for another",
    "terms.ring_s": "how long the device rings",
    "terms.queue_s": "how long a citizen waits for an agent",
    "terms.prompt_s": "from the answer to the queue",
    "terms.transfer_s": "how long a transfer may take",
    "terms.grace_s": "how much later than Asterisk we look at the same clock",
    "secrets.sealing_keys": "seal private data at rest",
    "secrets.token_key": "of earlier releases",
    "secrets.pepper": "keys all hashes: client secrets, codes, blind marks, the audit's chain; keep it for ever",
    "tokens.issuer": "`iss` of access tokens",
    "tokens.audience": "`aud` of access tokens",
    "tokens.lifetime_s": "how long a token lives, for programs registered from now on",
    "tokens.citizen_lifetime_s": "how long a citizen's token lives at most",
    "tokens.rotate_s": "how long a key signs; it is published as long as its tokens live",
    "history.keep_days": "after so many days an ended call does not tell any more who the citizen was; none: for ever",
    "history.delete_days": "after so many days an ended call is deleted whole; the audit keeps its lines; none: never",
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
- Times are seconds; `…_per_hour` and `…_per_minute` count back from now, not from the hour.
- Each part has its page: [codes](how-to/second-factor.md), [programs and issuers](how-to/programs-and-tokens.md),
  [signatures](how-to/sign-requests.md), [citizens' data](how-to/personal-data.md), [TLS](how-to/tls.md).
- Changes count from the next start; calls go on meanwhile. The [services folder](how-to/directory.md) is read again by
  itself.
- `pbx-bridge doctor` reads all of it, and says what is wrong and what to do.
"""

EXAMPLE = """
## An example

```toml
node = "pbx-1"
directory = "/etc/pbx-bridge/services"

[http]
host = "127.0.0.1"
port = 8080

[database]
url = "postgresql://pbx-bridge:password@db.example/pbx-bridge"

[asterisk]
ari_url = "http://127.0.0.1:8088"
ari_password = "…"
ami_password = "…"

[sms]
url = "https://sms.example/v1/messages"
headers = { Authorization = "Bearer …" }

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
    title = _title(section)
    model = _model(Settings.model_fields[section]) if section else None
    rows = (
        (f"`{name}`", _default(field), _limits(field), MEANINGS[f"{section}.{name}" if section else name])
        for name, field in fields.items()
    )
    words = [f"## {title}", inspect.cleandoc(model.__doc__ or "") if model else ""]
    return "\n\n".join([*filter(None, words), table(("setting", "default", "allowed", "meaning"), rows)])


def _title(section: str) -> str:
    if not section:
        return "Outside sections"
    default = Settings.model_fields[section].default
    if isinstance(default, tuple):
        return f"`[[{section}]]`, as many as needed"
    return f"`[{section}.NAME]`, one for each" if isinstance(default, dict) else f"`[{section}]`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    value: Any = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"`{json.dumps(value, ensure_ascii=False)}`" if value or value is False or value == 0 else "none"


def _limits(field: FieldInfo) -> str:
    """The limits that pydantic checks."""
    said = []
    for each in field.metadata:
        for name, words in (("gt", "above"), ("ge", "from"), ("le", "to"), ("pattern", "matches")):
            limit = getattr(each, name, None)
            if limit is not None:
                said.append(f"{words} `{limit}`")
    return " ".join(said)
