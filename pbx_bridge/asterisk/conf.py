"""The Asterisk files that depend on where it runs: addresses, ports, secrets, folders.

What an engineer edits lies in asterisk-conf/ and dialplan/; these few files are made from settings instead,
so that no secret is ever in the tree. Pure: text in memory, no file is touched here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import PurePath

from .ami_events import event_filters

# Asterisk drops ARI and AMI readers that are slower than 100 ms by default: a pause of our garbage collector
# or disk would cost the connection, and what happens meanwhile is lost, not queued.
WRITE_TIMEOUT_MS = 5000
# WebSockets count too, and connections above the limit (default 100) are dropped without an answer.
HTTP_SESSION_LIMIT = 1000
# No `reporting`: it carries every RTCP report. No `dialplan`: it carries each step and each variable.
AMI_READ = "system,call,agent,user"
# No `command` and no `system`: they would let a thief of this password load modules and run programs.
AMI_WRITE = "call,agent,user,reporting,originate"


@dataclass(frozen=True)
class Directories:
    """Absolute folders for asterisk.conf's [directories], in Asterisk's names less `ast` and `dir`."""

    etc: PurePath
    mod: PurePath
    varlib: PurePath
    db: PurePath
    key: PurePath
    data: PurePath
    agi: PurePath
    spool: PurePath
    run: PurePath
    log: PurePath
    cache: PurePath
    sbin: PurePath


@dataclass(frozen=True)
class Tls:
    """HTTPS and secure WebSockets (browsers' phones) on a port of their own; PEM files Asterisk can read."""

    certificate: PurePath
    key: PurePath
    port: int = 8089


@dataclass(frozen=True)
class ConfParams:
    """All that render() needs. Addresses are literal IPs: a name would be looked up while calls wait."""

    ari_password: str = field(repr=False)
    ami_password: str = field(repr=False)
    ari_user: str = "pbx-bridge"
    ami_user: str = "pbx-bridge"
    http_bind: str = "127.0.0.1"
    http_port: int = 8088
    tls: Tls | None = None
    ami_bind: str = "127.0.0.1"
    ami_port: int = 5038
    ami_permit: tuple[str, ...] = ("127.0.0.1/32",)
    sip_bind: str = "0.0.0.0"  # noqa: S104 - phones come from outside; firewalls and endpoints' auth decide
    sip_port: int = 5060
    external_address: str | None = None
    local_networks: tuple[str, ...] = ()
    rtp_start: int = 10000
    rtp_end: int = 20000
    directories: Directories | None = None

    def __post_init__(self) -> None:
        """Refuse what would end a line or start a comment: ValueError names the field, not the value."""
        for each in fields(self):
            value = getattr(self, each.name)
            texts = value if isinstance(value, tuple) else (value,)
            if any(isinstance(text, str) and _breaks_a_line(text) for text in texts):
                raise ValueError(f"{each.name}: no empty value, no space, control character, ';' or bracket")


def render(params: ConfParams) -> dict[str, str]:
    """The generated files: name in Asterisk's configuration folder → text."""
    return {
        "asterisk.conf": _asterisk(params.directories),
        "http.conf": _http(params),
        "ari.conf": _ari(params),
        "manager.conf": _manager(params),
        "prometheus.conf": _prometheus(params),
        "rtp.conf": _section("general", rtpstart=params.rtp_start, rtpend=params.rtp_end, icesupport="yes"),
        "pjsip_transports.conf": _transports(params),
    }


def _asterisk(directories: Directories | None) -> str:
    options = _section(
        "options",
        nocolor="yes",
        defaultlanguage="ru",
        live_dangerously="no",
        disable_remote_console_shell="yes",
        # Numbers of a running call's parties stay out of the system log.
        hide_messaging_ami_events="yes",
        # A phone that hears no packets while a prompt is fetched may hang up.
        transmit_silence="yes",
    )
    if directories is None:
        return options
    named = {f"ast{each.name}dir": getattr(directories, each.name) for each in fields(directories)}
    return _section("directories", **named) + options


def _http(params: ConfParams) -> str:
    options: dict[str, object] = {
        "enabled": "yes",
        "bindaddr": params.http_bind,
        "bindport": params.http_port,
        "sessionlimit": HTTP_SESSION_LIMIT,
        "enable_static": "no",
        "enable_status": "no",
    }
    if params.tls:
        options |= {
            "tlsenable": "yes",
            "tlsbindaddr": f"{params.http_bind}:{params.tls.port}",
            "tlscertfile": params.tls.certificate,
            "tlsprivatekey": params.tls.key,
        }
    return _section("general", **options)


def _ari(params: ConfParams) -> str:
    general = _section("general", enabled="yes", pretty="no", websocket_write_timeout=WRITE_TIMEOUT_MS)
    return general + _section(params.ari_user, type="user", read_only="no", password=params.ari_password)


def _manager(params: ConfParams) -> str:
    general = _section(
        "general",
        enabled="yes",
        webenabled="no",
        bindaddr=params.ami_bind,
        port=params.ami_port,
        timestampevents="yes",
        displayconnects="no",
        authtimeout=5,
    )
    user = _section(
        params.ami_user,
        secret=params.ami_password,
        deny="0.0.0.0/0.0.0.0",
        permit=params.ami_permit,
        read=AMI_READ,
        write=AMI_WRITE,
        writetimeout=WRITE_TIMEOUT_MS,
    )
    return general + user.rstrip("\n") + "\n" + "\n".join(event_filters()) + "\n\n"


def _prometheus(params: ConfParams) -> str:
    return _section(
        "general",
        enabled="yes",
        core_metrics_enabled="yes",
        uri="metrics",
        auth_username=params.ari_user,
        auth_password=params.ari_password,
    )


def _transports(params: ConfParams) -> str:
    outside: dict[str, object] = {"local_net": params.local_networks}
    if params.external_address:
        outside |= {
            "external_media_address": params.external_address,
            "external_signaling_address": params.external_address,
        }
    bind = f"{params.sip_bind}:{params.sip_port}"
    text = ""
    for protocol in ("udp", "tcp"):
        text += _section(f"transport-{protocol}", type="transport", protocol=protocol, bind=bind, **outside)
    # These two open no socket of their own: browsers come through http.conf.
    for protocol in ("ws", "wss"):
        text += _section(f"transport-{protocol}", type="transport", protocol=protocol, bind=params.http_bind, **outside)
    return text


def _section(name: str, **options: object) -> str:
    """One section; a tuple of values becomes one line each."""
    lines = [f"[{name}]"]
    for key, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        lines += [f"{key} = {each}" for each in values]
    return "\n".join(lines) + "\n\n"


def _breaks_a_line(text: str) -> bool:
    return not text or any(
        character in ";[]" or character.isspace() or not character.isprintable() for character in text
    )
