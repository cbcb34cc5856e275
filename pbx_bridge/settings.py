"""The only reader of configuration: one TOML file, then the environment (`PBX_HTTP__PORT=9000`), then defaults.

Times are seconds. Secrets are `SecretStr`: they print as stars.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

from .asterisk.tls import is_loopback

CONFIG_VARIABLE = "PBX_CONFIG"
#: Looked for in this order when neither the command line nor PBX_CONFIG names a file.
PLACES = (Path("pbx-bridge.toml"), Path("/etc/pbx-bridge/pbx-bridge.toml"))
#: PBX_ variables that are not settings of the service: they belong to the workshop.
FOREIGN = frozenset({CONFIG_VARIABLE, "PBX_ASTERISK_PREFIX"})

Seconds = Annotated[int, Field(gt=0, le=30 * 86400)]
Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[int, Field(gt=0)]
Prefix = Annotated[str, Field(pattern=r"^\+\d{0,15}$")]


class SettingsError(Exception):
    """The configuration cannot be used. The text names the setting and says what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Http(_Part):
    """Where the portal's requests come in. With `tls_certificate` and `tls_key` (PEM files) it is HTTPS; the files are
    read again when they change. `trusted_proxies` are networks whose `X-Forwarded-For` is believed."""

    host: str = "127.0.0.1"
    port: Port = 8080
    allowed_origins: tuple[str, ...] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: set both or none")
        return self


class Database(_Part):
    """`sqlite:///path` (default, needs no set-up) or `postgresql://user:password@host/name`."""

    url: SecretStr = SecretStr("sqlite:///pbx-bridge.db")


class Asterisk(_Part):
    """Where Asterisk's ARI and AMI listen, and who we are there.

    Passwords and numbers go over both: to another machine only by TLS, unless `allow_plain` says that a tunnel or a
    private wire protects them.
    """

    ari_url: str = "http://127.0.0.1:8088"
    ari_user: str = "pbx-bridge"
    ari_password: SecretStr = SecretStr("")
    ami_host: str = "127.0.0.1"
    ami_port: Port = 5038
    ami_user: str = "pbx-bridge"
    ami_password: SecretStr = SecretStr("")
    ami_tls: bool = False
    ca_file: Path | None = None
    """Whose certificates are believed for `https:` and `ami_tls`; default: the system's."""
    allow_plain: bool = False
    app: str = "pbx-bridge"

    @field_validator("ari_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be like https://asterisk.example:8089")
        return parts.scheme + url[len(parts.scheme) :]

    @model_validator(mode="after")
    def _secret_stays_secret(self) -> Self:
        if not self.allow_plain and (open_ := self.plain_ways()):
            raise ValueError(
                f"{' and '.join(open_)} would carry passwords and numbers in the clear to another machine: let ari_url "
                "say https: and ami_tls = true (docs/how-to/tls.md), or allow_plain = true where a tunnel protects them"
            )
        return self

    def plain_ways(self) -> list[str]:
        """Which of the two connections go to another machine without TLS."""
        ari = urlsplit(self.ari_url)
        plain = {
            "ari_url": ari.scheme == "http" and not is_loopback(ari.hostname or ""),
            "ami_host": not self.ami_tls and not is_loopback(self.ami_host),
        }
        return [name for name, is_plain in plain.items() if is_plain]


class TrunkRoute(_Part):
    """Numbers that begin with `prefix` go out by the PJSIP endpoint `endpoint`; the longest prefix wins."""

    prefix: Annotated[str, Field(pattern=r"^\+\d{0,15}$")]
    endpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    plus: bool = True
    caller_id: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{0,80}$")] = ""


class CallTerms(_Part):
    """How long each kind of waiting may last; see docs/call-machine.md."""

    time_limit_s: Seconds = 1800
    ring_s: Seconds = 45
    queue_s: Seconds = 900
    prompt_s: Seconds = 60
    transfer_s: Seconds = 60
    grace_s: Seconds = 10


class ServiceEntry(_Part):
    """One entry of the directory of services: the queue it leads to, what a portal must have supplied and verified
    about the citizen before a call, and the number prefixes that may be rung for it (default: [destinations])."""

    queue: str
    requires: frozenset[Literal["phone", "email", "snils", "inn", "passport"]] = frozenset()
    prefixes: tuple[Prefix, ...] | None = None


class Destinations(_Part):
    """Which numbers may be rung at all: those that begin with one of `prefixes` (default: Russia; +76 and +77 are
    Kazakhstan's). Numbers of premium rate and the like are refused unless `allow_premium`."""

    prefixes: tuple[Prefix, ...] = ("+73", "+74", "+78", "+79")
    allow_premium: bool = False


class Limits(_Part):
    """How much may be asked, before the asker is told to wait. Windows slide.

    Requests are counted for each program and each network address; calls, codes and wrong codes for each citizen and
    each number. After `wrong_codes` in `lock_s` seconds no code is sent to or taken from that citizen until they are
    older than that.
    """

    requests_per_minute: Positive = 6000
    requests_per_minute_of_address: Positive = 6000
    tokens_refused_per_minute_of_address: Positive = 30
    calls_per_hour: Positive = 20000
    calls_per_hour_of_citizen: Positive = 20
    calls_per_hour_of_number: Positive = 20
    codes_per_hour_of_citizen: Positive = 6
    codes_per_hour_of_number: Positive = 6
    codes_per_call: Positive = 3
    code_pause_s: Annotated[int, Field(ge=0, le=3600)] = 30
    wrong_codes: Positive = 6
    lock_s: Seconds = 3600


class Codes(_Part):
    """The one-time code: how it is sent when the portal does not say, how long it lives, how many tries there are."""

    channel: Literal["sms", "voice", "totp"] = "sms"
    lifetime_s: Seconds = 300
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    voice_caller_id: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{0,80}$")] = ""


class Sms(_Part):
    """The gateway that sends text messages: one HTTP request, made from templates.

    In `url`, `headers` and `body` the names {number}, {digits} (the number without its plus sign), {text}, {code} and
    {key} (the same for a repeated request) are replaced; in a JSON body every text value is a template, in a form body
    every value. It was taken when the status is 2xx and, where `accepted_pointer` (RFC 6901) is given, the JSON answer
    has `accepted_value` there.
    """

    url: str = ""
    method: Literal["POST", "PUT", "GET"] = "POST"
    headers: Mapping[str, SecretStr] = {}
    body: Mapping[str, Any] = {"to": "{number}", "text": "{text}", "idempotency_key": "{key}"}
    form: bool = False
    accepted_pointer: str = ""
    accepted_value: str = ""
    timeout_s: Seconds = 10
    texts: Mapping[str, str] = {
        "ru": "Код {code} для звонка в службу поддержки. Никому его не сообщайте.",
        "en": "Code {code} to confirm your call to the support line. Do not share it.",
    }


class Issuer(_Part):
    """A portal's own issuer of tokens, whose citizens' tokens may be exchanged for ours.

    Its tokens are checked by the keys at `jwks_url`, or asked about at `introspection_url`, or both. `audience` is what
    they must be for. `phone_claim` names the claim with the verified number.
    """

    issuer: Annotated[str, Field(min_length=1)]
    audience: Annotated[str, Field(min_length=1)]
    algorithms: tuple[Annotated[str, Field(pattern="^(RS|PS|ES)(256|384|512)$|^EdDSA$|^Ed25519$")], ...] = ("RS256",)
    jwks_url: str = ""
    introspection_url: str = ""
    introspection_client: str = ""
    introspection_secret: SecretStr = SecretStr("")
    introspection_cache_s: Annotated[int, Field(ge=0, le=60)] = 30
    leeway_s: Annotated[int, Field(ge=0, le=120)] = 30
    subject_claim: str = "sub"
    phone_claim: str = "phone_number"
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if not self.jwks_url and not self.introspection_url:
            raise ValueError("an issuer needs jwks_url, introspection_url or both")
        return self


class Secrets(_Part):
    """Made by `pbx-bridge setup`. The first sealing key seals, all of them open: put a new one in front to rotate.

    `pepper` keys the hashes of client secrets, the one-time codes, the blind marks and the audit chain: without it
    every client registers anew and the audit can be verified no more. `token_key` is not used any more: tokens are
    signed by keys in the database, which rotate by themselves.
    """

    sealing_keys: tuple[SecretStr, ...] = ()
    token_key: SecretStr = SecretStr("")
    pepper: SecretStr = SecretStr("")


class Tokens(_Part):
    """Access tokens. `citizen_lifetime_s` is for a token that a browser holds. A key signs for `rotate_s`."""

    issuer: str = "pbx-bridge"
    audience: str = "pbx-bridge"
    lifetime_s: Seconds = 600
    citizen_lifetime_s: Seconds = 300
    rotate_s: Seconds = 7 * 86400


class Signatures(_Part):
    """RFC 9421. A request's signature may be `skew_s` seconds old or early."""

    skew_s: Annotated[int, Field(ge=1, le=300)] = 60


class Logging(_Part):
    """`json` for machines, `console` for people, `auto` by whether a terminal is there."""

    format: Annotated[str, Field(pattern="^(json|console|auto)$")] = "auto"
    level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix="PBX_", env_nested_delimiter="__", extra="forbid", frozen=True)

    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")] = "pbx-1"
    http: Http = Http()
    database: Database = Database()
    asterisk: Asterisk = Asterisk()
    trunks: tuple[TrunkRoute, ...] = ()
    services: Mapping[str, ServiceEntry] = {"support": ServiceEntry(queue="support")}
    """Service id → its entry, or just the name of its queue."""
    destinations: Destinations = Destinations()
    limits: Limits = Limits()
    codes: Codes = Codes()
    sms: Sms = Sms()
    issuers: tuple[Issuer, ...] = ()
    signatures: Signatures = Signatures()
    terms: CallTerms = CallTerms()
    secrets: Secrets = Secrets()
    tokens: Tokens = Tokens()
    log: Logging = Logging()

    @field_validator("services", mode="before")
    @classmethod
    def _short_form(cls, services: Any) -> Any:
        if not isinstance(services, Mapping):
            return services
        return {name: {"queue": entry} if isinstance(entry, str) else entry for name, entry in services.items()}

    @field_validator("services")
    @classmethod
    def _queue_names(cls, services: Mapping[str, ServiceEntry]) -> Mapping[str, ServiceEntry]:
        # The dialplan takes the queue's name as an extension of two characters or more.
        for queue in (entry.queue for entry in services.values()):
            if not (len(queue) >= 2 and queue.replace("-", "").replace("_", "").isalnum() and queue.isascii()):
                raise ValueError(f"the queue name {queue!r} must be 2 or more of a-z A-Z 0-9 _ -")
        return services

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before the file."""
        file = settings_cls.model_config.get("toml_file")
        toml = (TomlConfigSettingsSource(settings_cls),) if file else ()
        return (init_settings, env_settings, *toml)


def find(named: Path | None) -> Path | None:
    """The configuration file: as named, by PBX_CONFIG, or in one of the usual places. SettingsError when missing."""
    from_environment = os.environ.get(CONFIG_VARIABLE)
    wanted = named or (Path(from_environment) if from_environment else None)
    if wanted:
        if not wanted.is_file():
            raise SettingsError(f"There is no configuration file {wanted}. `pbx-bridge setup FOLDER` makes one.")
        return wanted
    return next((place for place in PLACES if place.is_file()), None)


def load(named: Path | None = None) -> Settings:
    """Read and check everything. Raises SettingsError with one sentence for each fault."""
    path = find(named)
    _check_environment()
    where = {"model_config": Settings.model_config | {"toml_file": path}}
    reader: type[Settings] = type("_FromFile", (Settings,), where)
    try:
        return reader()
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not TOML: byte {error.start + 1} is not UTF-8.") from None
    except UnreadableVariable:
        raise SettingsError(_not_json()) from None
    except ValidationError as error:
        raise SettingsError(_sentences(path, error)) from None


def _check_environment() -> None:
    """A mistyped PBX_ variable would be ignored in silence."""
    known = {f"PBX_{name.upper()}" for name in Settings.model_fields}
    for variable in os.environ:
        if not variable.startswith("PBX_") or variable in FOREIGN:
            continue
        if variable.split("__")[0] not in known:
            names = ", ".join(sorted(known))
            raise SettingsError(f"The environment variable {variable} is not a setting. Known: {names}.")


def _sentences(path: Path | None, error: ValidationError) -> str:
    where = str(path) if path else "the environment"
    faults = [f"{'.'.join(str(part) for part in each['loc'])}: {_fault(each)}" for each in _faults(error)]
    return f"The configuration in {where} cannot be used:\n  " + "\n  ".join(faults)


def _fault(fault: Any) -> str:
    return "there is no such setting" if fault["type"] == "extra_forbidden" else str(fault["msg"])


def _not_json() -> str:
    """The value itself stays unsaid: it may be a secret."""
    names = [name for name in os.environ if name.startswith("PBX_") and name not in FOREIGN]
    return f"A setting that is a list or a table is JSON in the environment; one of these is not: {', '.join(names)}."


def _faults(error: ValidationError) -> list[Any]:
    # Without the input: it may be a secret.
    return list(error.errors(include_input=False, include_url=False))
