"""`pbx-bridge setup`: the first configuration, with generated secrets. Done twice, it changes nothing."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .asterisk.conf import ConfParams, Tls, render
from .ledger import new_key
from .settings import SERVICES, SHIPPED

CONFIG_NAME = "pbx-bridge.toml"
ASTERISK_FOLDER = "asterisk"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What the first configuration says. Ports as given; everything secret is drawn here.

    `tls` is a certificate and its key: for HTTPS, and for Asterisk's SIP and WebSockets. ARI and AMI stay on loopback.
    `services` lead to queues and never close, for trials at any hour; without them the folder of services is laid down.
    `sandbox`: there are numbers for portal developers.
    """

    http_port: int = 8080
    ari_port: int = 8088
    ami_port: int = 5038
    ari_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    ami_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    database_url: str = ""
    trunks: Sequence[Mapping[str, object]] = ()
    ring_s: int = 45
    log_format: str = "auto"
    tls: tuple[Path, Path] | None = None
    services: Mapping[str, str] = field(default_factory=dict)
    sandbox: bool = False


def setup(folder: Path, plan: Plan, say: Say) -> Path:
    """Make `folder` with pbx-bridge.toml and, for Asterisk, the files that depend on ports and secrets.

    What is there is kept. Returns the path of the configuration. Raises OSError when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / CONFIG_NAME
    if config.exists():
        say(f"{config} is there already: kept as it is.")
        return config
    asterisk = folder / ASTERISK_FOLDER
    asterisk.mkdir(exist_ok=True)
    params = ConfParams(
        ari_password=plan.ari_password,
        ami_password=plan.ami_password,
        http_port=plan.ari_port,
        ami_port=plan.ami_port,
        tls=Tls(*plan.tls) if plan.tls else None,
        sandbox=plan.sandbox,
    )
    for name, text in render(params).items():
        write_secret(asterisk / name, text)
    if not plan.services:
        _lay_services(folder / SERVICES, say)
    # Last: its presence says that all of it is there.
    write_secret(config, config_text(folder, plan))
    say(f"Wrote {config} with generated secrets (keep it private: it is readable by its owner only).")
    say(f"Wrote {asterisk}/*.conf: put them into Asterisk's configuration folder, beside asterisk-conf/ and dialplan/.")
    return config


def config_text(folder: Path, plan: Plan) -> str:
    """The text of pbx-bridge.toml."""
    quoted = json.dumps  # a JSON string is a TOML basic string
    database = plan.database_url or f"sqlite:///{(folder / 'pbx-bridge.db').absolute()}"
    trunks = "".join(_trunk(each) for each in plan.trunks) or _TRUNK_HINT
    tls = tls_lines(*plan.tls) if plan.tls else _TLS_HINT
    return f"""# pbx-bridge. Every setting is explained in docs/configuration.md; `pbx-bridge doctor` checks them all.
node = "pbx-1"

[http]
host = "127.0.0.1"
port = {plan.http_port}
{tls}
[database]
url = {quoted(database)}

[asterisk]
ari_url = "http://127.0.0.1:{plan.ari_port}"
ari_password = {quoted(plan.ari_password)}
ami_port = {plan.ami_port}
ami_password = {quoted(plan.ami_password)}

{_services(plan)}{_SANDBOX if plan.sandbox else ""}[terms]
ring_s = {plan.ring_s}

[log]
format = {quoted(plan.log_format)}

[secrets]
# The first key seals private data, all of them open it: to rotate, put a new one in front and keep the old.
sealing_keys = [{quoted(new_key())}]
pepper = {quoted(new_key())}

{trunks}"""


_SANDBOX = """# Numbers for portal developers (docs/how-to/sandbox.md). Not for production.
[sandbox]
enabled = true

"""


def _services(plan: Plan) -> str:
    entries = "".join(f"{name} = {json.dumps(queue)}\n" for name, queue in plan.services.items())
    return f"# Which service leads to which queue; they never close.\n[services]\n{entries}\n" if entries else ""


def _lay_services(folder: Path, say: Say) -> None:
    """The services that come with this release, as files to edit. Whatever is there is kept."""
    if folder.exists():
        say(f"{folder} is there already: kept as it is.")
        return
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.copytree(SHIPPED, fresh)
    fresh.replace(folder)
    say(f"Wrote {folder}/*.toml: services, hours and agents, for you to edit; `pbx-bridge check` says what is wrong.")


_TLS_HINT = """# HTTPS; the files are read again when they change (docs/how-to/tls.md).
# tls_certificate = "/etc/pbx-bridge/tls/fullchain.pem"
# tls_key = "/etc/pbx-bridge/tls/key.pem"
"""


def tls_lines(certificate: Path, key: Path) -> str:
    """The lines of [http] that make it HTTPS."""
    return f"tls_certificate = {json.dumps(str(certificate))}\ntls_key = {json.dumps(str(key))}\n"


_TRUNK_HINT = """# Numbers that begin with `prefix` go out by this endpoint of asterisk-conf/pjsip.conf.
# [[trunks]]
# prefix = "+7"
# endpoint = "operator"
"""


def _trunk(trunk: Mapping[str, object]) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in trunk.items()]
    return "[[trunks]]\n" + "\n".join(lines) + "\n\n"


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
