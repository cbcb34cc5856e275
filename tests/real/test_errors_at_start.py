"""Everything that can be wrong when the service starts: a sentence says what, and what to do. Never a stack trace.

What can mend itself is waited for: the service stands, says that it is not ready and why, and recovers by itself.
Each trouble has its line in `pbx-bridge doctor`.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from pbx_bridge import provision
from pbx_bridge.asterisk.ari import Ari
from pbx_bridge.doctor import Finding, examine
from pbx_bridge.ledger import migrate
from workshop import ports
from workshop.desk import Agent, desk
from workshop.ports import Ports
from workshop.prefix import Prefix
from workshop.server import AsteriskServer
from workshop.service import COMMAND, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

TREE = Path(__file__).resolve().parents[2]
#: Nobody can resolve names below .invalid (RFC 6761).
NOWHERE = "asterisk.invalid"
TRACE = "Traceback"


@dataclass(frozen=True)
class Said:
    """What a command said before it ended."""

    code: int
    out: str
    err: str

    def is_sentence(self, pattern: str) -> None:
        """It ended with 1, and said this and nothing that only a programmer reads."""
        assert self.code == 1, self
        assert re.search(pattern, self.err), self.err
        assert TRACE not in self.err + self.out
        # Only the service's own log may stand before it.
        words = [line for line in self.err.splitlines() if not line.startswith("{")]
        assert words[0].startswith("pbx-bridge: ")


async def run(folder: Path, *arguments: str, **environment: str) -> Said:
    """`pbx-bridge ARGUMENTS` in this folder, until it ends."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(TREE), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 30)
    except TimeoutError:
        process.kill()
        raise AssertionError(f"{arguments} {environment} went on, instead of ending with a sentence") from None
    return Said(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture(scope="module")
def block() -> Iterator[Ports]:
    """Ports of this module: nobody listens on them unless a test does."""
    claimed = ports.claim()
    yield claimed
    claimed.release()


@pytest.fixture
def folder(tmp_path: Path, block: Ports) -> Path:
    """An installation as `pbx-bridge setup` makes it, without a database yet, with an Asterisk that is not there."""
    provision.setup(tmp_path, provision.Plan(*_three(block), log_format="json"), lambda line: None)
    return tmp_path


def _three(block: Ports) -> tuple[int, int, int]:
    return block.http, block.https, block.ami


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at the present revision, to copy."""
    file = tmp_path_factory.mktemp("database") / "made.db"
    await migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def made(folder: Path, database: Path) -> Path:
    """An installation with its database."""
    shutil.copy(database, folder / "pbx-bridge.db")
    return folder


@asynccontextmanager
async def locked(file: Path) -> AsyncIterator[None]:
    """Another program writes and does not come to an end."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


async def examined(folder: Path) -> list[str]:
    """The doctor's lines."""
    return [line(finding) for finding in await examine(folder / provision.CONFIG_NAME)]


def line(finding: Finding) -> str:
    return f"{finding.verdict} {finding.part}: {finding.words}"


def one(lines: list[str], start: str) -> str:
    """The one line that starts so."""
    found = [each for each in lines if each.startswith(start)]
    assert len(found) == 1, lines
    return found[0]


# ── configuration ────────────────────────────────────────────────────────────────────────────────────────
async def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    said = await run(tmp_path, "serve", "--config", "nowhere.toml")
    said.is_sentence(r"There is no configuration file nowhere\.toml\. `pbx-bridge setup FOLDER` makes one\.")


async def test_no_configuration_at_all(tmp_path: Path) -> None:
    (await run(tmp_path, "serve")).is_sentence(r"There is no sealing key: .*`pbx-bridge setup` make one\.")


async def test_a_configuration_that_is_not_toml(folder: Path) -> None:
    (folder / "pbx-bridge.toml").write_text("[http\nport = 1")
    (await run(folder, "serve")).is_sentence(r"pbx-bridge\.toml is not TOML: .*line 1")


async def test_a_configuration_that_is_not_text(folder: Path) -> None:
    (folder / "pbx-bridge.toml").write_bytes(b"node = '\xff\xfe'")
    (await run(folder, "serve")).is_sentence(r"pbx-bridge\.toml is not TOML: .*UTF-8")


async def test_settings_that_are_wrong_are_all_named_and_no_secret_is_repeated(folder: Path) -> None:
    config = folder / "pbx-bridge.toml"
    text = config.read_text().replace("ring_s = 45", 'ring_s = "soon"').replace("pepper", "peper")
    config.write_text(text + '\n[[trunks]]\nprefix = "7"\nendpoint = "operator"\n')
    said = await run(folder, "serve")
    for setting in ("terms.ring_s", "secrets.peper", "trunks.0.prefix"):
        said.is_sentence(rf"(?m)^  {re.escape(setting)}: ")
    secret = re.search(r'peper = "(.*)"', text)
    assert secret
    assert secret[1] not in said.err


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("PBX_HTPP__PORT", r"The environment variable PBX_HTPP__PORT is not a setting\. Known: .*PBX_HTTP"),
        ("PBX_TERMS__RNG_S", r"(?m)^  terms\.rng_s: there is no such setting"),
        ("PBX_TERMS__RING_S", r"(?m)^  terms\.ring_s: .*integer"),
        ("PBX_SECRETS__SEALING_KEYS", r"is JSON in the environment; one of these is not: .*PBX_SECRETS__SEALING_KEYS"),
    ],
)
async def test_a_variable_that_is_mistyped(made: Path, name: str, pattern: str) -> None:
    said = await run(made, "serve", **{name: "a-secret-perhaps"})
    said.is_sentence(pattern)
    assert "a-secret-perhaps" not in said.err


async def test_the_doctor_says_what_is_wrong_with_the_configuration(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert one(await examined(folder), "ok configuration: ").endswith("pbx-bridge.toml")
    monkeypatch.setenv("PBX_HTPP__PORT", "1")
    assert await examined(folder) == [one(await examined(folder), "fail configuration: The environment variable PBX_")]
    monkeypatch.delenv("PBX_HTPP__PORT")
    (folder / "pbx-bridge.toml").unlink()
    assert "`pbx-bridge setup FOLDER`" in one(await examined(folder), "fail configuration: There is no")


async def test_a_secret_that_is_missing(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = await run(made, "serve", PBX_SECRETS__PEPPER="")
    said.is_sentence(r"secrets\.pepper is not set: let `pbx-bridge setup` make it")
    monkeypatch.setenv("PBX_SECRETS__PEPPER", "")
    monkeypatch.setenv("PBX_ASTERISK__AMI_PASSWORD", "")
    found = one(await examined(made), "fail secrets: ")
    assert "secrets.pepper, asterisk.ami_password not set; `pbx-bridge setup FOLDER` makes them" in found


async def test_a_sealing_key_that_is_none(made: Path) -> None:
    said = await run(made, "serve", PBX_SECRETS__SEALING_KEYS='["too-short"]')
    said.is_sentence("key")
    assert "too-short" not in said.err


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────
async def test_a_database_of_a_newer_release(made: Path) -> None:
    with closing(sqlite3.connect(made / "pbx-bridge.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    sentence = "the tables are at revision 9999, newer than this program; run the release they were made for"
    (await run(made, "serve")).is_sentence(sentence)
    assert one(await examined(made), "fail database: ").endswith(sentence)


async def test_a_database_whose_folder_is_not_there(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{made / 'gone' / 'pbx-bridge.db'}"
    (await run(made, "serve", PBX_DATABASE__URL=url)).is_sentence("its folder must exist and belong to this user")
    monkeypatch.setenv("PBX_DATABASE__URL", url)
    assert "there is no database at" in one(await examined(made), "fail database: ")


async def test_a_file_that_is_no_database(made: Path) -> None:
    (made / "pbx-bridge.db").write_text("Once upon a time there was a file. " * 100)
    (await run(made, "serve")).is_sentence(r"pbx-bridge\.db is not a database; name another file")
    assert one(await examined(made), "fail database: ").endswith("is not a database; name another file")


async def test_a_postgresql_that_is_not_there(made: Path, block: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://bridge:top-secret@127.0.0.1:{block.spare[0]}/calls"
    said = await run(made, "serve", PBX_DATABASE__URL=url)
    said.is_sentence("cannot be reached .*; check host and port in the URL, and that it runs")
    assert "top-secret" not in said.err
    monkeypatch.setenv("PBX_DATABASE__URL", url)
    assert "cannot be reached" in one(await examined(made), "fail database: ")


async def test_a_database_that_nobody_knows_how_to_speak_to(made: Path) -> None:
    said = await run(made, "serve", PBX_DATABASE__URL="mysql://bridge:top-secret@127.0.0.1/calls")
    said.is_sentence("the ledger speaks SQLite and PostgreSQL, not mysql")


async def test_a_database_that_is_locked_is_waited_for_and_the_log_says_so(
    absent: AsteriskServer, made: Path, tmp_path: Path
) -> None:
    async with standing(absent, tmp_path / "service") as service:
        service.folder.mkdir()
        shutil.copy(made / "pbx-bridge.db", service.folder)
        async with locked(service.folder / "pbx-bridge.db"):
            starting = asyncio.create_task(service.start(until_ready=False))
            await logs(service, "the database is locked or busy: waiting")
            assert not starting.done()
        await starting
        assert TRACE not in service.log.read_text()


async def test_the_doctor_sees_that_the_database_is_locked(made: Path) -> None:
    async with locked(made / "pbx-bridge.db"):
        found = one(await examined(made), "fail database: ")
    assert found.endswith("is locked by another program for too long; stop that one or try again")


# ── the door ─────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_port_that_is_in_use(made: Path, block: Ports) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", block.http))
        other.listen()
        said = await run(made, "serve")
        found = one(await examined(made), "warn http: ")
    said.is_sentence(rf"Cannot listen on 127\.0\.0\.1:{block.http} .*in use.*`ss -ltnp` shows it.*or set http\.port")
    assert "stop the other (`ss -ltnp`) or set http.port" in found
    assert one(await examined(made), "ok http: ").endswith("is free")


async def test_an_address_that_is_not_this_machines(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (await run(made, "serve", PBX_HTTP__HOST="192.0.2.1")).is_sentence(r"Cannot listen on 192\.0\.2\.1:")
    monkeypatch.setenv("PBX_HTTP__HOST", "192.0.2.1")
    assert "correct [http]" in one(await examined(made), "fail http: ")


async def test_an_address_that_does_not_resolve(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (await run(made, "serve", PBX_HTTP__HOST="portal.invalid")).is_sentence(r"Cannot listen on portal\.invalid:")
    monkeypatch.setenv("PBX_HTTP__HOST", "portal.invalid")
    assert "correct [http]" in one(await examined(made), "fail http: ")


# ── Asterisk ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def absent(prefix: Prefix, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskServer]:
    """An Asterisk that was not started yet."""
    server = AsteriskServer(prefix, tmp_path_factory.mktemp("absent"), extra=desk(trunks={}))
    yield server
    server.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asterisk(prefix: Prefix, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskServer]:
    """A running Asterisk: an operator's trunk, another one that is offline, an agent who is not logged in."""
    server = AsteriskServer(prefix, tmp_path_factory.mktemp("asterisk"))
    offline = f"""
[away](trunk)
aors = away
[away](place)
contact = sip:127.0.0.1:{server.ports.spare[9]}
qualify_frequency = 1
qualify_timeout = 0.2
"""
    people = desk(trunks={"operator": server.ports.spare[8]}, agents=[Agent("ann")])
    server.extra = {**people, "pjsip.d/away.conf": offline}
    await server.start()
    yield server
    server.kill()
    await server.stop()
    server.close()


@asynccontextmanager
async def standing(server: AsteriskServer, folder: Path, **environment: str) -> AsyncIterator[Service]:
    """A service for this Asterisk, not started yet; it is gone afterwards."""
    service = Service(folder, server, server.ports.spare[0], environment=environment)
    try:
        yield service
    finally:
        await service.kill()


async def not_ready(service: Service, why: str) -> None:
    """It is alive, but not ready because of Asterisk; the log says why."""
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/readyz") as reply:
        said = await reply.json(content_type=None)
    assert reply.status == 503
    assert said["parts"]["database"] == "ok"
    assert said["parts"]["asterisk"].startswith("Asterisk is not heard; the service reconnects by itself"), said
    await logs(service, why)


async def logs(service: Service, pattern: str) -> None:
    """The log says so."""
    deadline = time.monotonic() + 20
    while not re.search(pattern, service.log.read_text() if service.log.exists() else ""):
        assert time.monotonic() < deadline, service.tail()
        await asyncio.sleep(0.02)


async def test_an_asterisk_that_is_not_there_yet_is_waited_for(absent: AsteriskServer, tmp_path: Path) -> None:
    async with standing(absent, tmp_path / "service") as service:
        await service.start(until_ready=False)
        await not_ready(service, "did not answer .*Check that it runs")
        await absent.start()
        try:
            await service.answers("/readyz", 10)
        finally:
            absent.kill()
            await absent.stop()
        await service.answers("/readyz", 10, 503)
        assert TRACE not in service.log.read_text()


async def test_the_doctor_sees_that_asterisk_is_not_there(made: Path) -> None:
    lines = await examined(made)
    assert "did not answer" in one(lines, "fail ari: ")
    assert "Check that Asterisk runs and manager.conf is enabled." in one(lines, "fail ami: No AMI connection to")


async def test_a_host_name_that_does_not_resolve(
    asterisk: AsteriskServer, tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "PBX_ASTERISK__ARI_URL": f"http://{NOWHERE}:8088",
        "PBX_ASTERISK__AMI_HOST": NOWHERE,
        "PBX_ASTERISK__ALLOW_PLAIN": "yes",
    }
    async with standing(asterisk, tmp_path / "service", **environment) as service:
        await service.start(until_ready=False)
        await not_ready(service, f"{NOWHERE}.*(Name or service not known|name resolution|No address)")
        assert TRACE not in service.log.read_text()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = one(await examined(made), f"fail names: {NOWHERE}")
    assert found.endswith("does not resolve: correct [asterisk] or the name service")


async def test_the_doctor_sees_that_this_hosts_own_name_does_not_resolve(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "switchboard.invalid")
    found = one(await examined(made), "warn names: ")
    assert "add `127.0.1.1 switchboard.invalid` to /etc/hosts, here and where Asterisk runs" in found


async def test_the_doctor_sees_an_asterisk_of_another_age(
    asterisk: AsteriskServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def old(_: Ari) -> dict[str, dict[str, str]]:
        return {"system": {"version": "18.9-cert1"}}

    monkeypatch.setattr(Ari, "info", old)
    async with standing(asterisk, tmp_path / "service") as service:
        await service.command("migrate")
        lines = await examined(service.folder)
    assert one(lines, "warn ari: ") == "warn ari: Asterisk 18.9-cert1 is not 22 LTS, for which this was made"


@pytest.mark.parametrize(
    ("variable", "part", "pattern"),
    [
        ("PBX_ASTERISK__ARI_PASSWORD", "ari", r"401.*Compare user and password with ari\.conf"),
        ("PBX_ASTERISK__AMI_PASSWORD", "ami", r"(?i)(authentication|login).*manager\.conf"),
    ],
)
async def test_a_wrong_password(
    asterisk: AsteriskServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    part: str,
    pattern: str,
) -> None:
    wrong = "the-wrong-password"
    async with standing(asterisk, tmp_path / "service", **{variable: wrong}) as service:
        await service.start(until_ready=False)
        await not_ready(service, pattern)
        assert TRACE not in service.log.read_text()
        assert wrong not in service.log.read_text()
        monkeypatch.setenv(variable, wrong)
        assert re.search(pattern, one(await examined(service.folder), f"fail {part}: "))


async def test_the_doctor_finds_everything_in_order(asterisk: AsteriskServer, tmp_path: Path) -> None:
    async with standing(asterisk, tmp_path / "service") as service:
        await service.portal(second_step="code")
        said = await service.command("doctor")
    assert [each.split(":")[0] for each in said.splitlines() if "names" not in each] == [
        "ok   configuration",
        "ok   secrets",
        # The workshop's services never close, so that tests run at any hour.
        "warn directory",
        "ok   calendar",
        "ok   database",
        "ok   http",
        "ok   ari",
        "ok   trunk",
        "ok   ami",
        "warn queue",
        "ok   dialplan",
        *["ok   tls"] * 5,
    ]
    assert "support has 1 members, 0 of them ready" in said


async def test_the_doctors_failure_is_his_exit_code(folder: Path) -> None:
    said = await run(folder, "doctor")
    assert said.code == 1
    assert "FAIL database: there is no database at" in said.out
    assert TRACE not in said.out + said.err


async def test_the_doctor_sees_what_is_missing_in_asterisks_configuration(
    asterisk: AsteriskServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PBX_SERVICES", '{"support": "support", "taxes": "no-such-queue"}')
    monkeypatch.setenv("PBX_TRUNKS", '[{"prefix": "+7", "endpoint": "away"}, {"prefix": "+", "endpoint": "typo"}]')
    async with standing(asterisk, tmp_path / "service") as service:
        await service.command("migrate")
        lines = await examined(service.folder)
    assert one(lines, "warn trunk: ") == "warn trunk: away is offline: its operator does not answer OPTIONS"
    assert one(lines, "fail trunk: ").startswith("fail trunk: typo is not in asterisk-conf/pjsip.conf")
    assert one(lines, "fail queue: ").startswith("fail queue: service taxes leads to queue no-such-queue, which is not")
    assert "`pbx-bridge client add NAME`" in one(lines, "warn clients: ")


async def test_the_doctor_sees_that_the_dialplan_is_missing(prefix: Prefix, tmp_path: Path) -> None:
    server = AsteriskServer(prefix, tmp_path / "asterisk", dialplan=tmp_path / "nothing")
    try:
        await server.start()
        async with standing(server, tmp_path / "service") as service:
            await service.command("migrate")
            lines = await examined(service.folder)
    finally:
        server.kill()
        await server.stop()
        server.close()
    assert one(lines, "fail dialplan: ").startswith(
        "fail dialplan: context device-answered, to-queue, leg-gone missing"
    )


async def test_a_second_service_takes_over_and_the_first_one_stops(asterisk: AsteriskServer, tmp_path: Path) -> None:
    first = Service(tmp_path / "first", asterisk, asterisk.ports.spare[1])
    second = Service(tmp_path / "second", asterisk, asterisk.ports.spare[2])
    try:
        await first.start()
        await second.start()
        assert await asyncio.wait_for(first.wait(), 10) == 3, "whoever restarts services must not restart this one"
        last = first.tail(1)
        assert last.startswith("pbx-bridge: Another connection took application pbx-bridge over")
        assert TRACE not in first.log.read_text()
        await second.answers("/readyz")
    finally:
        await first.kill()
        await second.kill()
