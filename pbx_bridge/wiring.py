"""The only place that knows every room: build each from the settings, and give it what it needs of the others."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from . import sandbox
from .addresses import Reach
from .asterisk.act import Trunk
from .asterisk.ami import Ami
from .asterisk.ari import Ari
from .asterisk.exchange import Exchange
from .asterisk.tls import BadAuthority, trust
from .call.model import Channel, Terms
from .codes.code import Codes
from .codes.tries import Rules
from .conductor.conductor import Conductor, SecondStep
from .conductor.counsel import Counsel
from .conductor.factor import AppFactor
from .conductor.reception import HouseRules
from .directory.reading import BadDirectory
from .directory.service import Recording
from .issuers.believe import Issuers
from .issuers.issuer import Issuer
from .ledger import BadKey, Ledger
from .metrics import Figures, WebhookFigures
from .notify.sms import NoMessenger, SmsGateway
from .notify.template import BadTemplate, SmsTemplate
from .portal.limits import RequestLimits
from .portal.needs import Needs
from .portal.needs import Settings as PortalSettings
from .portal.site import create_app
from .recordings.archive import Archive
from .recordings.files import prepared
from .settings import Asterisk, Settings
from .shelf import Shelf, shelf_of
from .webhooks.courier import Courier
from .webhooks.post import Post
from .webhooks.proof import Prover

log = structlog.get_logger(__name__)

#: Seconds between two transactions of a busy desk, whose facts then share one. A fifth of what may pass from an
#: event of Asterisk's to its reader (benchmarks/README.md).
PACE_S = 0.01
#: The same for webhooks. Shorter: those of one call wait for each other, so a burst of events takes as many rounds.
COURIER_PACE_S = 0.002


class CannotStart(Exception):
    """The service cannot start or go on. The text says what is wrong and what to do."""


@dataclass(frozen=True)
class House:
    """The rooms of one running service."""

    settings: Settings
    ledger: Ledger
    exchange: Exchange
    conductor: Conductor
    portal: web.Application
    shelf: Shelf
    courier: Courier
    archive: Archive | None


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def exchange_of(settings: Settings, shelf: Shelf | None = None) -> Exchange:
    """Asterisk, as configured."""
    asterisk = settings.asterisk
    for name in asterisk.plain_ways():
        log.warning("a connection to Asterisk is plain: set https: or ami_tls (docs/how-to/tls.md)", setting=name)
    try:
        ari, ami = ari_of(asterisk), ami_of(asterisk)
    except BadAuthority as error:
        raise CannotStart(str(error)) from error
    trunks = [Trunk(each.prefix, each.endpoint, each.plus, each.caller_id) for each in settings.trunks]
    if settings.sandbox.enabled:
        log.warning("the sandbox is on: calls to its numbers reach agents without any citizen (docs/how-to/sandbox.md)")
        trunks.append(Trunk(sandbox.PREFIX, sandbox.ENDPOINT))

    def wrap_up_s(queue: str) -> float:
        return next((each.wrap_up_s for each in shelf.directory.of_queue(queue)), 0.0) if shelf else 0.0

    return Exchange(ari, ami, trunks, now, settings.codes.voice_caller_id, wrap_up_s)


def ari_of(asterisk: Asterisk) -> Ari:
    """Raises BadAuthority."""
    tls = trust(asterisk.ca_file) if asterisk.ari_url.startswith("https:") else None
    return Ari(asterisk.ari_url, asterisk.ari_user, asterisk.ari_password.get_secret_value(), asterisk.app, tls=tls)


def ami_of(asterisk: Asterisk) -> Ami:
    """Raises BadAuthority."""
    tls, password = trust(asterisk.ca_file) if asterisk.ami_tls else None, asterisk.ami_password.get_secret_value()
    return Ami(asterisk.ami_host, asterisk.ami_port, asterisk.ami_user, password, tls=tls)


async def ledger_of(settings: Settings) -> Ledger:
    """The memory, as configured. Raises LedgerUnavailable and CannotStart with a sentence."""
    keys = [key.get_secret_value() for key in settings.secrets.sealing_keys]
    if not keys:
        raise CannotStart("There is no sealing key: set secrets.sealing_keys, or let `pbx-bridge setup` make one.")
    pepper = settings.secrets.pepper.get_secret_value()
    if not pepper:
        raise CannotStart("secrets.pepper is not set: let `pbx-bridge setup` make it.")
    try:
        return await Ledger.open(settings.database.url.get_secret_value(), keys, pepper=pepper.encode())
    except BadKey as error:
        raise CannotStart(f"secrets: {error}.") from error


def messenger_of(settings: Settings) -> SmsGateway | NoMessenger:
    """What carries text messages, as configured. Raises CannotStart with a sentence."""
    sms = settings.sms
    if not sms.url:
        return NoMessenger()
    headers = {name: value.get_secret_value() for name, value in sms.headers.items()}
    try:
        return SmsGateway(SmsTemplate(**sms.model_dump(exclude={"headers"}), headers=headers))
    except BadTemplate as error:
        raise CannotStart(str(error)) from error


def post_of(settings: Settings) -> Post:
    """What carries webhooks, as configured. Raises CannotStart with a sentence."""
    webhooks = settings.webhooks
    try:
        return Post(reach_of(settings), ca_file=webhooks.ca_file, timeout_s=webhooks.timeout_s)
    except OSError as error:
        words = f"webhooks.ca_file: {webhooks.ca_file} holds no certificates that can be read"
        raise CannotStart(f"{words} ({error.strerror or error}).") from error


def reach_of(settings: Settings) -> Reach:
    """Where webhooks may go beside the open Internet."""
    return Reach(settings.webhooks.allow_networks, settings.webhooks.allow_http)


def issuers_of(settings: Settings) -> Issuers:
    """The portals whose citizens may be believed. Raises CannotStart with a sentence."""
    try:
        return Issuers([_issuer(each.model_dump()) for each in settings.issuers], now)
    except ValueError as error:
        raise CannotStart(f"issuers: {error}.") from error


def _issuer(values: dict[str, Any]) -> Issuer:
    secret = values.pop("introspection_secret").get_secret_value()
    return Issuer(**values, introspection_secret=secret)


def second_step_of(settings: Settings, messenger: SmsGateway | NoMessenger) -> SecondStep:
    """What the second step needs, as configured. Raises CannotStart with a sentence."""
    limits, pepper = settings.limits, settings.secrets.pepper.get_secret_value().encode()
    try:
        codes = Codes(pepper)
    except ValueError as error:
        raise CannotStart(f"secrets.pepper: {error}.") from error
    rules = Rules(
        calls_per_hour_of_citizen=limits.calls_per_hour_of_citizen,
        calls_per_hour_of_number=limits.calls_per_hour_of_number,
        codes_per_hour_of_citizen=limits.codes_per_hour_of_citizen,
        codes_per_hour_of_number=limits.codes_per_hour_of_number,
        code_pause_s=limits.code_pause_s,
        wrong_codes=limits.wrong_codes,
        lock_s=limits.lock_s,
    )
    return SecondStep(codes, messenger, rules, AppFactor(pepper))


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[House]:
    """Everything built, nothing running. Raises CannotStart and LedgerUnavailable with a sentence."""
    async with AsyncExitStack() as stack:
        shelf = shelf_for(settings)
        ledger = await ledger_of(settings)
        stack.push_async_callback(ledger.close)
        exchange = exchange_of(settings, shelf)
        stack.push_async_callback(exchange.close)
        messenger, issuers = messenger_of(settings), issuers_of(settings)
        stack.push_async_callback(messenger.close)
        stack.push_async_callback(issuers.close)
        owner = f"{settings.node}-{os.getpid()}-{secrets.token_hex(4)}"
        second = second_step_of(settings, messenger)
        destinations = settings.destinations
        rules = HouseRules(terms_of(settings), settings.may_be_rung(), destinations.allow_premium)
        counsel = Counsel(lambda: shelf.directory)
        conductor = Conductor(ledger, exchange, now, owner, counsel, pace_s=PACE_S, second=second, house=rules)
        shelf.on_change.append(lambda directory: conductor.reloaded())
        post = post_of(settings)
        stack.push_async_callback(post.close)
        courier = Courier(ledger, post, now, owner, settings.node, pace_s=COURIER_PACE_S)
        conductor.on_owed = courier.wake
        prover = Prover(post, now, settings.node)
        archive = archive_of(settings, ledger, shelf)
        needs = _needs(settings, ledger, conductor, issuers, shelf, prover, courier)
        portal = create_app(replace(needs, sound=archive.sound if archive else None))
        yield House(settings, ledger, exchange, conductor, portal, shelf, courier, archive)


def archive_of(settings: Settings, ledger: Ledger, shelf: Shelf | None = None) -> Archive | None:
    """Where recordings are kept; None where there are none. Raises CannotStart with a sentence."""
    spool, store = settings.recordings.spool, settings.recordings.store
    if spool is None or store is None:
        return None

    def keep_days(service: str) -> int:
        known = shelf.directory.services.get(service) if shelf else None
        return (known.recording if known else Recording()).keep_days

    try:
        return Archive(ledger, prepared(spool), prepared(store), now, keep_days)
    except OSError as error:
        words = f"recordings: {error.filename} cannot be used ({error.strerror}): docs/how-to/recording.md says how"
        raise CannotStart(f"{words} the two folders are made.") from error


def terms_of(settings: Settings) -> Terms:
    """How long each kind of waiting may last, where a service does not say otherwise; and that nothing is recorded
    where there is no place for it."""
    limits, codes, record = settings.limits, settings.codes, settings.recordings.spool is not None
    return Terms(**settings.terms.model_dump(), code_s=codes.lifetime_s, codes=limits.codes_per_call, record=record)


def shelf_for(settings: Settings) -> Shelf:
    """The directory of services, as configured. Raises CannotStart with a sentence for each mistake."""
    try:
        return shelf_of(settings)
    except BadDirectory as error:
        mistakes = "\n  ".join(str(problem) for problem in error.problems)
        raise CannotStart(
            f"The directory of services cannot be used; `pbx-bridge check` says more:\n  {mistakes}"
        ) from None


def _needs(
    settings: Settings,
    ledger: Ledger,
    conductor: Conductor,
    issuers: Issuers,
    shelf: Shelf,
    prover: Prover,
    courier: Courier,
) -> Needs:
    tokens, limits = settings.tokens, settings.limits
    chosen = PortalSettings(
        pepper=settings.secrets.pepper.get_secret_value().encode(),
        issuer=tokens.issuer,
        audience=tokens.audience,
        node=settings.node,
        terms=terms_of(settings),
        cors_origins=settings.http.allowed_origins,
        token_lifetime_s=tokens.lifetime_s,
        citizen_lifetime_s=tokens.citizen_lifetime_s,
        rotate_s=tokens.rotate_s,
        skew_s=settings.signatures.skew_s,
        limits=RequestLimits(
            per_program=limits.requests_per_minute,
            per_address=limits.requests_per_minute_of_address,
            refused=limits.tokens_refused_per_minute_of_address,
            calls_per_hour=limits.calls_per_hour,
            streams_per_program=limits.streams_per_program,
            streams_per_citizen=limits.streams_per_citizen,
            proxies=settings.http.trusted_proxies,
        ),
        destinations=settings.may_be_rung(),
        premium=settings.destinations.allow_premium,
        code_channel=Channel(settings.codes.channel),
        code_tries=settings.codes.tries,
        reach=reach_of(settings),
    )
    registry = CollectorRegistry()
    registry.register(Figures(conductor))
    registry.register(WebhookFigures(courier.tally, now))
    return Needs(conductor, ledger, chosen, now, lambda: shelf.directory, issuers, registry, prover)
