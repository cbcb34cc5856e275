"""The only reader of configuration: one TOML file, then the environment (`PBX_HTTP__PORT=9000`), then defaults.

Times are seconds. Secrets are `SecretStr`: they print as stars.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

from .sandbox import PREFIX
from .sections import (
    Asterisk,
    CallTerms,
    Codes,
    Database,
    Destinations,
    History,
    Hotline,
    Http,
    Issuer,
    Limits,
    Logging,
    Recordings,
    Sandbox,
    Secrets,
    ServiceEntry,
    Signatures,
    Sms,
    Tokens,
    TrunkRoute,
    Webhooks,
)

__all__ = [
    "CONFIG_VARIABLE",
    "PLACES",
    "SERVICES",
    "SHIPPED",
    "Asterisk",
    "Database",
    "Destinations",
    "Settings",
    "SettingsError",
    "find",
    "load",
]

CONFIG_VARIABLE = "PBX_CONFIG"
#: Looked for in this order when neither the command line nor PBX_CONFIG names a file.
PLACES = (Path("pbx-bridge.toml"), Path("/etc/pbx-bridge/pbx-bridge.toml"))
#: The services folder beside the configuration file.
SERVICES = "services"
#: Those that come with this release.
SHIPPED = Path(__file__).parent / SERVICES
#: PBX_ variables that are not settings of the service: they belong to the workshop.
FOREIGN = frozenset({CONFIG_VARIABLE, "PBX_ASTERISK_PREFIX"})


class SettingsError(Exception):
    """The configuration cannot be used. The text names the setting and says what to do."""


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix="PBX_", env_nested_delimiter="__", extra="forbid", frozen=True)

    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")] = "pbx-1"
    http: Http = Http()
    database: Database = Database()
    asterisk: Asterisk = Asterisk()
    trunks: tuple[TrunkRoute, ...] = ()
    directory: Path | None = None
    """The services folder. load() makes it absolute; None: the one that comes with this release."""
    services: Mapping[str, ServiceEntry] = {}
    """Service id → its entry, or just the name of its queue. Where there are any, no folder is read."""
    hotline: Hotline = Hotline()
    destinations: Destinations = Destinations()
    sandbox: Sandbox = Sandbox()
    limits: Limits = Limits()
    codes: Codes = Codes()
    sms: Sms = Sms()
    issuers: tuple[Issuer, ...] = ()
    webhooks: Webhooks = Webhooks()
    recordings: Recordings = Recordings()
    signatures: Signatures = Signatures()
    terms: CallTerms = CallTerms()
    secrets: Secrets = Secrets()
    tokens: Tokens = Tokens()
    history: History = History()
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

    @model_validator(mode="after")
    def _one_directory(self) -> Self:
        if self.directory is not None and self.services:
            raise ValueError(
                "directory and [services] are both set: move the services into the folder, or unset directory"
            )
        return self

    def may_be_rung(self) -> tuple[str, ...]:
        """What the numbers begin with that may be rung at all."""
        return self.destinations.prefixes + ((PREFIX,) if self.sandbox.enabled else ())

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
        return _placed(reader(), path)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not TOML: byte {error.start + 1} is not UTF-8.") from None
    except UnreadableVariable:
        raise SettingsError(_not_json()) from None
    except ValidationError as error:
        raise SettingsError(_sentences(path, error)) from None


def _placed(settings: Settings, config: Path | None) -> Settings:
    """With the services folder as an absolute path: as set, from the configuration file on, or beside that file."""
    home = config.absolute().parent if config else Path.cwd()
    folder = home / (settings.directory or SERVICES)
    if settings.services or (settings.directory is None and not (config and folder.is_dir())):
        return settings
    return settings.model_copy(update={"directory": folder})


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
