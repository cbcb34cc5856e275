"""docker/ without an engine: what compose.yaml promises, and what the entrypoint gathers."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from workshop.certificates import authority
from workshop.run.containers import WITH_KEY, require_engine
from workshop.run.errors import RunFailed
from workshop.run.options import TREE

DOCKER = TREE / "docker"
IMAGES = ("service", "asterisk")


def compose() -> dict[str, dict[str, object]]:
    services: dict[str, dict[str, object]] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    return services


@pytest.mark.parametrize("name", compose())
def test_every_container_is_read_only_and_without_privileges(name: str) -> None:
    service = compose()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_the_one_user_that_may_read_the_secrets(image: str) -> None:
    text = (DOCKER / f"{image}.Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["990:990"]
    assert "useradd --system --uid 990 --gid 990" in text
    assert "\nHEALTHCHECK " in text


@pytest.mark.parametrize("image", IMAGES)
def test_what_an_image_copies_is_there_and_not_ignored(image: str) -> None:
    text = (DOCKER / f"{image}.Dockerfile").read_text()
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY") and "--from" not in line]
    sources = {word.rstrip("/") for words in copied for word in words if not word.startswith("--")}
    ignore = (DOCKER / f"{image}.Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignore if line.startswith("!")} == sources
    assert all((TREE / source).exists() for source in sources)


def test_an_address_of_a_registry_is_nowhere() -> None:
    for path in DOCKER.rglob("*"):
        assert path.is_dir() or "://" not in re.sub(r"http://127\.0\.0\.1", "", path.read_text())


def test_the_entrypoint_gathers_tree_secrets_and_site_in_this_order(tmp_path: Path) -> None:
    folders = {"tree": tmp_path / "tree", "made": tmp_path / "made", "site": tmp_path / "site", "etc": tmp_path / "etc"}
    files = {
        "tree/asterisk-conf/queues.conf": "shipped",
        "tree/asterisk-conf/logger.conf": "[logfiles]\nmessages.log => error",
        "tree/dialplan/way.conf": "way",
        "made/ari.conf": "secret",
        "site/queues.conf": "mine",
        "site/pjsip.d/trunk.conf": "trunk",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    script = (DOCKER / "asterisk-entrypoint.sh").read_text()
    for name, folder in folders.items():
        script = re.sub(rf"(?m)^{name}=.*$", f"{name}={folder}", script)

    for _ in range(2):  # a container that starts again finds its own links
        done = subprocess.run(["sh", "-c", script, "sh", "echo", "run"], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "run\n"), done.stderr
    gathered = {
        str(path.relative_to(tmp_path / "etc")): path.read_text()
        for path in (tmp_path / "etc").rglob("*")
        if path.is_file()
    }
    assert gathered.pop("logger.conf") == "[logfiles]\nmessages.log => error\nconsole => notice,warning,error\n"
    assert gathered == {"queues.conf": "mine", "dialplan/way.conf": "way", "ari.conf": "secret"}
    assert (tmp_path / "etc/pjsip.d/trunk.conf").read_text() == "trunk"

    (tmp_path / "made/ari.conf").unlink()
    done = subprocess.run(["sh", "-c", script, "sh", "echo", "run"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "mount the folder asterisk/" in done.stderr


@pytest.mark.parametrize("secure", [False, True])
async def test_the_probe_of_the_service_asks_as_the_service_answers(tmp_path: Path, secure: bool) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(status=200 if request.path == "/healthz" else 404)

    pair = authority(tmp_path).pair("service", ("portal.example",))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    server = RawTestServer(answer, scheme="https" if secure else "http")
    await server.start_server(ssl=context if secure else None)
    config = tmp_path / "pbx-bridge.toml"
    lines = f'tls_certificate = "{pair.certificate}"\n' if secure else ""
    config.write_text(f"[http]\nport = {server.port}\n{lines}")

    async def probe() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(DOCKER / "healthy.py")), env={"PBX_CONFIG": str(config)}, stderr=subprocess.PIPE
        )
        _, words = await process.communicate()
        return process.returncode, words.decode()

    assert await probe() == (0, "")
    await server.close()
    code, words = await probe()
    assert code == 1
    assert words.startswith("not healthy: ")


def test_a_public_key_gets_into_the_container_as_a_file(tmp_path: Path) -> None:
    program = tmp_path / "pbx-bridge"
    program.write_text('#!/bin/sh\necho "$@"; shift 4; cat "$2"\n')
    program.chmod(0o755)
    words = [str(program), "client", "rotate", "client_1", "public"]
    script = re.sub(r"/\w+(?=/public-key\.pem)", str(tmp_path), WITH_KEY)
    done = subprocess.run(["sh", "-c", script, "-----BEGIN\nab+/=%s\n", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    where = f"--public-key {tmp_path}/public-key.pem"
    assert done.stdout == f"client rotate client_1 public {where}\n-----BEGIN\nab+/=%s\n"


def test_certificates_are_mounted_for_reading_and_never_in_the_tree() -> None:
    for name in ("asterisk", "pbx-bridge"):
        volumes = compose()[name]["volumes"]
        assert isinstance(volumes, list)
        assert "${CERTIFICATES:-./certificates}:/etc/pbx-bridge/certificates:ro" in volumes
    assert (DOCKER / "certificates" / ".gitignore").read_text().splitlines() == ["*", "!.gitignore", "!README.md"]


@pytest.mark.parametrize(
    ("docker", "words"),
    [
        (None, "DOCKER=1 needs the program docker, and there is none"),
        ("echo unknown command >&2; exit 1", "This docker has no `docker compose`"),
        ("[ $1 = compose ] || { echo Cannot connect. >&2; exit 1; }", "No container engine answers: Cannot connect. "),
        ("exit 0", ""),
    ],
)
def test_what_is_missing_for_containers_is_one_sentence(
    docker: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if docker:
        program = tmp_path / "docker"
        program.write_text(f"#!/bin/sh\n{docker}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if not words:
        return require_engine()
    with pytest.raises(RunFailed, match=re.escape(words)):
        require_engine()
