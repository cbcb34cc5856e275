"""The sections of the configuration, each a frozen model with its defaults and bounds.

Times are seconds. Secrets are `SecretStr`: they print as stars. `settings` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, field_validator, model_validator

from .asterisk.tls import is_loopback

Seconds = Annotated[int, Field(gt=0, le=30 * 86400)]
Port = Annotated[int, Field(ge=0, le=65535)]
Days = Annotated[int, Field(gt=0, le=36500)]
Positive = Annotated[int, Field(gt=0)]
Prefix = Annotated[str, Field(pattern=r"^\+\d{0,15}$")]


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
    """A service without a file of its own, as older configurations have them: it never closes, and calls nobody back.

    The queue it leads to, what a portal must have supplied and verified about the citizen before a call, and the number
    prefixes that may be rung for it (default: [destinations]). Where there is any such entry, no services folder is
    read."""

    queue: str
    requires: frozenset[Literal["phone", "email", "snils", "inn", "passport"]] = frozenset()
    prefixes: tuple[Prefix, ...] | None = None


class Hotline(_Part):
    """Where Asterisk asks what to do with people who dial the public numbers (FastAGI). With port 0 the system chooses
    one. `address` (host:port) is how Asterisk reaches it, where that is another: across machines or containers. Whoever
    can connect can pretend that somebody has dialled, so it belongs on loopback or on a private wire."""

    listen_host: str = "127.0.0.1"
    listen_port: Port = 0
    address: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.\[\]:-]{1,255}:\d{1,5})?$")] = ""


class Destinations(_Part):
    """Which numbers may be rung at all: those that begin with one of `prefixes` (default: Russia; +76 and +77 are
    Kazakhstan's). Numbers of premium rate and the like are refused unless `allow_premium`."""

    prefixes: tuple[Prefix, ...] = ("+73", "+74", "+78", "+79")
    allow_premium: bool = False


class Sandbox(_Part):
    """Numbers for portal developers, behind which Asterisk plays telephones (docs/how-to/sandbox.md). Not for
    production: whoever may ask for calls can then occupy agents without any citizen."""

    enabled: bool = False


class Limits(_Part):
    """How much may be asked, before the asker is told to wait. Windows slide.

    Requests are counted for each program and each network address; calls, codes and wrong codes for each citizen and
    each number. After `wrong_codes` in `lock_s` seconds no code is sent to or taken from that citizen until they are
    older than that. Streams of events are those open at one time, a program's with those of its citizens.
    """

    requests_per_minute: Positive = 6000
    requests_per_minute_of_address: Positive = 6000
    tokens_refused_per_minute_of_address: Positive = 30
    calls_per_hour: Positive = 20000
    streams_per_program: Positive = 10000
    streams_per_citizen: Positive = 20
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


class Webhooks(_Part):
    """How programs are told of their calls. Addresses are https on the open Internet, besides what is allowed here:
    `allow_networks` of your own, and `allow_http`, for tests and intranets. `ca_file` (PEM) names authorities that are
    believed beside those the system knows."""

    allow_networks: tuple[IPvAnyNetwork, ...] = ()
    allow_http: bool = False
    ca_file: Path | None = None
    timeout_s: Annotated[int, Field(ge=1, le=30)] = 15


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


class Recordings(_Part):
    """Where Asterisk leaves recordings (`monitor/pbx-bridge` in its spool folder, in clear: a tmpfs is best), and where
    they are kept sealed. Without these two nothing is recorded, whatever services say (docs/how-to/recording.md)."""

    spool: Path | None = None
    store: Path | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.spool is None) != (self.store is None):
            raise ValueError("spool and store belong together: set both or none")
        return self


class History(_Part):
    """How long ended calls are kept, in days; none: for ever. After `keep_days` a call does not tell any more who the
    citizen was, after `delete_days` it is gone."""

    keep_days: Days | None = None
    delete_days: Days | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.keep_days and self.delete_days and self.delete_days < self.keep_days:
            raise ValueError("delete_days must not be less than keep_days: a call is emptied first, then deleted")
        return self


class Logging(_Part):
    """`json` for machines, `console` for people, `auto` by whether a terminal is there."""

    format: Annotated[str, Field(pattern="^(json|console|auto)$")] = "auto"
    level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
