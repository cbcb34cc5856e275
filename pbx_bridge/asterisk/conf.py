"""The Asterisk files that depend on where it runs: addresses, ports, secrets, folders.

What an engineer edits lies in asterisk-conf/ and dialplan/; these few files are made from settings instead,
so that no secret is ever in the tree. Pure: text in memory, no file is touched here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import PurePath

from ..sandbox import ENDPOINT, LINE
from .ami_events import event_filters
from .legs import DIALLED, VARIABLE

# Asterisk drops ARI and AMI readers that are slower than 100 ms by default: a pause of our garbage collector
# or disk would cost the connection, and what happens meanwhile is lost, not queued.
WRITE_TIMEOUT_MS = 5000
# WebSockets count too, and connections above the limit (default 100) are dropped without an answer.
HTTP_SESSION_LIMIT = 1000
# No `reporting`: it carries every RTCP report. No `dialplan`: it carries each step and each variable.
AMI_READ = "system,call,agent,user"
# No `command` and no `system`: they would let a thief of this password load modules and run programs.
AMI_WRITE = "call,agent,user,reporting,originate"
# TLS 1.2's with forward secrecy and authenticated encryption (RFC 9325); those of 1.3 are all fine.
TLS_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
# Where Debian keeps those that all the world believes.
SYSTEM_AUTHORITIES = PurePath("/etc/ssl/certs/ca-certificates.crt")
# pjproject takes names only, no classes.
SIP_CIPHERS = ",".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)


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
    """TLS beside the plain ports, each on a port of its own; PEM files that Asterisk can read.

    `port` is HTTPS: ARI, and browsers' phones by secure WebSocket (WSS). It and `ami_port` listen on `bind`. `sip_port`
    is where phones and operators come (SIPS), on ConfParams.sip_bind. `authorities` sign operators' certificates.
    """

    certificate: PurePath
    key: PurePath
    port: int = 8089
    ami_port: int = 5039
    sip_port: int = 5061
    bind: str = "127.0.0.1"
    authorities: PurePath = SYSTEM_AUTHORITIES

    def __post_init__(self) -> None:
        """Refuse what would end a line or start a comment: ValueError names the field."""
        _check_texts(self)


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
    sip_plain: bool = True
    """Whether phones and operators may come without TLS, too."""
    external_address: str | None = None
    local_networks: tuple[str, ...] = ()
    sandbox: bool = False
    """Whether there is a trunk of Asterisk to itself, for the numbers of dialplan/sandbox.conf."""
    rtp_start: int = 10000
    rtp_end: int = 20000
    directories: Directories | None = None

    def __post_init__(self) -> None:
        """Refuse what would end a line or start a comment: ValueError names the field, not the value."""
        _check_texts(self)
        if not self.sip_plain and not self.tls:
            raise ValueError("sip_plain: without it SIP needs tls, or there is no way in")
        if self.sandbox and not self.sip_plain:
            raise ValueError("sandbox: its trunk to itself needs sip_plain")


def _check_texts(params: ConfParams | Tls) -> None:
    for each in fields(params):
        value = getattr(params, each.name)
        texts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(text, str) and _breaks_a_line(text) for text in texts):
            raise ValueError(f"{each.name}: no empty value, no space, control character, ';' or bracket")
        if any(isinstance(text, PurePath) and _breaks_a_line(str(text).replace(" ", "_")) for text in texts):
            raise ValueError(f"{each.name}: no path with a control character, ';' or bracket")


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
        "pjsip_sandbox.conf": _sandbox(params)
        if params.sandbox
        else "; The sandbox is off (docs/how-to/sandbox.md).\n",
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
        options |= _tls_server(params.tls, params.tls.port)
    return _section("general", **options)


def _tls_server(tls: Tls, port: int) -> dict[str, object]:
    """The options that http.conf and manager.conf have in common. SSL 2 and 3 are gone from OpenSSL itself."""
    return {
        "tlsenable": "yes",
        "tlsbindaddr": f"{tls.bind}:{port}",
        "tlscertfile": tls.certificate,
        "tlsprivatekey": tls.key,
        "tlscipher": TLS_CIPHERS,
        "tlsservercipherorder": "yes",
        "tlsdisablev1": "yes",
        "tlsdisablev11": "yes",
    }


def _ari(params: ConfParams) -> str:
    general = _section(
        "general",
        enabled="yes",
        pretty="no",
        websocket_write_timeout=WRITE_TIMEOUT_MS,
        # Told with every channel: what makes a leg of one that came in (legs.py).
        channelvars=f"{VARIABLE},{DIALLED}",
    )
    return general + _section(params.ari_user, type="user", read_only="no", password=params.ari_password)


def _manager(params: ConfParams) -> str:
    options: dict[str, object] = {
        "enabled": "yes",
        "webenabled": "no",
        "bindaddr": params.ami_bind,
        "port": params.ami_port,
        "timestampevents": "yes",
        "displayconnects": "no",
        "authtimeout": 5,
        "channelvars": VARIABLE,
    }
    if params.tls:
        options |= _tls_server(params.tls, params.tls.ami_port)
    general = _section("general", **options)
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
    for protocol in ("udp", "tcp") if params.sip_plain else ():
        text += _section(f"transport-{protocol}", type="transport", protocol=protocol, bind=bind, **outside)
    if params.tls:
        text += _section("transport-tls", **_sips(params.tls, params.sip_bind), **outside)
    # These two open no socket of their own: browsers come through http.conf.
    for protocol in ("ws", "wss"):
        text += _section(f"transport-{protocol}", type="transport", protocol=protocol, bind=params.http_bind, **outside)
    return text


def _sandbox(params: ConfParams) -> str:
    """Two endpoints, so that the legs of the service are not mixed up with those that play the telephones. A call that
    comes in is known by its From, and may come from this very machine alone."""
    here = "127.0.0.1" if ip_address(params.sip_bind).is_unspecified else params.sip_bind
    place = f"{f'[{here}]' if ':' in here else here}:{params.sip_port}"
    ours: dict[str, object] = {"deny": "0.0.0.0/0,::/0", "permit": here}
    return (
        _from("trunk", ENDPOINT, aors=ENDPOINT, from_user=LINE, transport="transport-udp", context="default", **ours)
        + _from("place", ENDPOINT, contact=f"sip:{place}", qualify_frequency=0)
        + _from("trunk", LINE, context="sandbox", **ours)
    )


def _sips(tls: Tls, bind: str) -> dict[str, object]:
    return {
        "type": "transport",
        "protocol": "tls",
        "bind": f"{bind}:{tls.sip_port}",
        "cert_file": tls.certificate,
        "priv_key_file": tls.key,
        # This and no newer: in pjproject a method is one version, and its default begins at TLS 1.0.
        "method": "tlsv1_2",
        "cipher": SIP_CIPHERS,
        # Whom we call must prove its name; phones that call us have a password instead.
        "ca_list_file": tls.authorities,
        "verify_server": "yes",
    }


def _section(name: str, **options: object) -> str:
    """One section; a tuple of values becomes one line each."""
    lines = [f"[{name}]"]
    for key, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        lines += [f"{key} = {each}" for each in values]
    return "\n".join(lines) + "\n\n"


def _from(template: str, name: str, **options: object) -> str:
    """A section that adds to a template of asterisk-conf/."""
    return _section(name, **options).replace("\n", f"({template})\n", 1)


def _breaks_a_line(text: str) -> bool:
    return not text or any(
        character in ";[]" or character.isspace() or not character.isprintable() for character in text
    )
