"""The only reader of configuration: one TOML file, then the environment (`PBX_HTTP__PORT=9000`), then defaults.

Times are seconds. Secrets are `SecretStr`: they print as stars.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

CONFIG_VARIABLE = "PBX_CONFIG"
#: Looked for in this order when neither the command line nor PBX_CONFIG names a file.
PLACES = (Path("pbx-bridge.toml"), Path("/etc/pbx-bridge/pbx-bridge.toml"))
#: PBX_ variables that are not settings of the service: they belong to the workshop.
FOREIGN = frozenset({CONFIG_VARIABLE, "PBX_ASTERISK_PREFIX"})

Seconds = Annotated[int, Field(gt=0, le=30 * 86400)]
Port = Annotated[int, Field(ge=0, le=65535)]


class SettingsError(Exception):
    """The configuration cannot be used. The text names the setting and says what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Http(_Part):
    """Where the portal's requests come in."""

    host: str = "127.0.0.1"
    port: Port = 8080
    allowed_origins: tuple[str, ...] = ()


class Database(_Part):
    """`sqlite:///path` (default, needs no set-up) or `postgresql://user:password@host/name`."""

    url: SecretStr = SecretStr("sqlite:///pbx-bridge.db")


class Asterisk(_Part):
    """Where Asterisk's ARI and AMI listen, and who we are there."""

    ari_url: str = "http://127.0.0.1:8088"
    ari_user: str = "pbx-bridge"
    ari_password: SecretStr = SecretStr("")
    ami_host: str = "127.0.0.1"
    ami_port: Port = 5038
    ami_user: str = "pbx-bridge"
    ami_password: SecretStr = SecretStr("")
    app: str = "pbx-bridge"


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


class Secrets(_Part):
    """Made by `pbx-bridge setup`. The first sealing key seals, all of them open: put a new one in front to rotate.

    `token_key` signs access tokens. `pepper` keys the hashes of client secrets: without it every client registers anew.
    """

    sealing_keys: tuple[SecretStr, ...] = ()
    token_key: SecretStr = SecretStr("")
    pepper: SecretStr = SecretStr("")


class Tokens(_Part):
    """Access tokens."""

    issuer: str = "pbx-bridge"
    audience: str = "pbx-bridge"
    lifetime_s: Seconds = 600


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
    services: Mapping[str, str] = {"support": "support"}
    """Service id → queue."""
    terms: CallTerms = CallTerms()
    secrets: Secrets = Secrets()
    tokens: Tokens = Tokens()
    log: Logging = Logging()

    @field_validator("services")
    @classmethod
    def _queue_names(cls, services: Mapping[str, str]) -> Mapping[str, str]:
        # The dialplan takes the queue's name as an extension of two characters or more.
        for queue in services.values():
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
