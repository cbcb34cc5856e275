"""Signature headers that are not what they seem. Each is refused, and none makes the service fail."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from pbx_bridge.portal.problems import Problem
from pbx_bridge.portal.signatures import Message, check

from .portal_house import House, serve
from .portal_signer import SHARED, Signer
from .test_portal_signatures import Program, detail

NAMES = '"@method" "@path" "@query" "authorization" "content-digest" "idempotency-key"'


@pytest_asyncio.fixture
async def program() -> AsyncIterator[Program]:
    house = House()
    signer = Signer(house.clock, "key_1", SHARED)
    async with serve(house) as site:
        house.clients_[site.client.id] = signer.known_to(site.client, house.clock())
        yield Program(site, signer)


async def test_two_signatures_are_one_too_many(program: Program) -> None:
    first, second = program.request(), program.signer.but(label="other")
    both = second.sign("POST", "/v1/calls", {k: v for k, v in first.items() if not k.startswith("Signature")}, b"")
    headers = first | {name: f"{first[name]}, {both[name]}" for name in ("Signature-Input", "Signature")}
    assert "exactly one" in detail(await program.send(headers))


async def test_the_labels_must_be_the_same(program: Program) -> None:
    headers = program.request()
    assert "label" in detail(await program.send(headers | {"Signature": "x" + headers["Signature"]}))


async def test_one_label_twice_is_refused(program: Program) -> None:
    headers = program.request()
    for name in ("Signature-Input", "Signature"):
        assert name in detail(await program.send(headers | {name: f"{headers[name]}, {headers[name]}"}))


@pytest.mark.parametrize("left", ["Signature-Input", "Signature"])
async def test_half_a_signature_is_refused(program: Program, left: str) -> None:
    headers = program.request()
    other = {"Signature-Input": "Signature", "Signature": "Signature-Input"}[left]
    assert f"{other} is missing" in detail(await program.send({k: v for k, v in headers.items() if k != other}))


@pytest.mark.parametrize(
    "more",
    [
        ';tag="x"',
        ';context="x"',
        ';keyid="key_1"',  # twice
        ";expires=later",
        ';expires="2026"',
        ";expires=1.5",
        ";alg=hmac-sha256",
    ],
)
async def test_parameters_that_are_unknown_twice_or_of_another_type_are_refused(program: Program, more: str) -> None:
    assert detail(await program.asks(signer=program.signer.but(more=more)))


@pytest.mark.parametrize("lost", ["created", "keyid", "nonce"])
async def test_a_parameter_that_is_needed_is_named(program: Program, lost: str) -> None:
    said = {"created": int(program.site.house.clock().timestamp()), "keyid": '"key_1"', "nonce": '"n"'}
    parameters = "".join(f";{name}={value}" for name, value in said.items() if name != lost)
    assert lost in detail(await program.asks(signer=program.signer.but(parameters=parameters)))


@pytest.mark.parametrize("created", ['"1768197600"', "1768197600.0", "?1", "-1", "999999999999999", ":MTIz:"])
async def test_a_time_that_is_none_is_refused(program: Program, created: str) -> None:
    signer = program.signer.but(parameters=f';created={created};keyid="key_1";nonce="n"')
    assert (await program.asks(signer=signer)).problem in ("signature-invalid", "signature-stale")


@pytest.mark.parametrize(
    ("covered", "words"),
    [
        ("@authority", "derived components"),
        ("@scheme", "derived components"),
        ("@target-uri", "derived components"),
        ("@request-target", "derived components"),
        ("@status", "derived components"),
        ("@query-param", "derived components"),
        ("@signature-params", "derived components"),
        ("Authorization", "small letters"),
        ("x-not-sent", "does not fit"),
        ("", "does not fit"),
        ("@method", "does not fit"),  # twice
    ],
)
async def test_components_that_may_not_be_covered_are_refused(program: Program, covered: str, words: str) -> None:
    whole = [name.strip('"') for name in NAMES.split()]
    assert words in detail(await program.asks(signer=program.signer.but(covered=[*whole, covered])))


@pytest.mark.parametrize("parameter", ["req", "sf", "bs", "tr", 'key="sha-256"', "x"])
async def test_a_component_with_a_parameter_says_something_else(program: Program, parameter: str) -> None:
    created = int(program.site.house.clock().timestamp())
    listed = NAMES.replace('"content-digest"', f'"content-digest";{parameter}')
    headers = program.request() | {"Signature-Input": f'sig=({listed});created={created};keyid="key_1";nonce="t"'}
    assert "without parameters" in detail(await program.send(headers))


@pytest.mark.parametrize(
    "trick",
    [
        'sig=("@method";req "@path" "@query" "authorization" "content-digest" "idempotency-key")',
        'sig=("@method" "@path" "@query" "authorization" "content-digest";key="sha-256" "idempotency-key")',
        'sig=("@method" "@path" "@query" "authorization";bs "content-digest" "idempotency-key")',
        "sig=(@method)", "sig=()", "sig", "sig=1", 'sig="("', "sig=(", "=", "sig=(\"@method\"),", "Sig=()",
    ],
)  # fmt: skip
async def test_lists_of_components_that_are_tricks_are_refused(program: Program, trick: str) -> None:
    created = int(program.site.house.clock().timestamp())
    headers = program.request() | {"Signature-Input": f'{trick};created={created};keyid="key_1";nonce="t"'}
    assert detail(await program.send(headers))


@pytest.mark.parametrize("signature", ["sig=::", "sig=:AAAA:", 'sig="AAAA"', "sig=AAAA", "sig=:%%%:", "sig=(:AA==:)"])
async def test_signatures_that_are_none_are_refused(program: Program, signature: str) -> None:
    assert detail(await program.send(program.request() | {"Signature": signature}))


@pytest.mark.parametrize(
    "digest", ["sha-256=:AAAA:", "md5=:AAAA:", "sha-256", "", "sha-256=1", "sha-256=:AAAA:, sha-256=:AAAA:"]
)
async def test_a_digest_that_is_none_is_refused_although_it_is_signed(program: Program, digest: str) -> None:
    plain = program.site.bearer() | {"Content-Type": "application/json", "Idempotency-Key": "k"}
    signer = program.signer.but(covered=[name.strip('"') for name in NAMES.split()])
    headers = signer.sign("POST", "/v1/calls", plain | {"Content-Digest": digest})
    assert detail(await program.send(headers))


async def test_too_much_is_refused(program: Program) -> None:
    names = [f"x-{number}" for number in range(40)]
    assert "at most" in detail(await program.asks(signer=program.signer.but(covered=names)))
    assert "128" in detail(await program.asks(nonce="n" * 129))
    assert "too long" in detail(await program.send(program.request() | {"Signature": "x" * 5000}))


async def test_a_body_over_the_limit_is_not_read_for_its_signature(program: Program) -> None:
    body = b" " * (64 * 1024 + 1)
    reply = await program.send(program.request(body=body), body=body)
    assert reply.problem == "too-large"


headers = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=80)
pieces = st.lists(
    st.sampled_from(
        [
            "sig",
            "=",
            "(",
            ")",
            '"@path"',
            '"@query"',
            ";",
            "created",
            "keyid",
            "nonce",
            '"key_1"',
            ":",
            "AA==",
            ",",
            "1",
        ]
    ),
    max_size=25,
).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(headers, pieces), st.one_of(headers, pieces), st.one_of(headers, pieces))
def test_any_headers_at_all_are_refused_with_a_problem(inputs: str, signature: str, digest: str) -> None:
    house = House()
    client, _ = house.client()
    client = Signer(house.clock, "key_1", SHARED).known_to(client, house.clock())
    sent = {"Signature-Input": inputs, "Signature": signature, "Content-Digest": digest}
    message = Message("GET", "http://service/v1/calls", CIMultiDictProxy(CIMultiDict(sent)))
    with pytest.raises(Problem):
        check(message, b"", client, house.clock(), 60)
