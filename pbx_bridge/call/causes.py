"""Why a leg or a call ended: one slug for programs, codes for engineers, words and a next step for citizens.

Which code means what was measured on Asterisk 22 (docs/causes.md): `tech_cause` (the SIP status) says most,
then Q.850 `cause`; Asterisk's own `dialstatus` says little and is not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .states import Outcome


class Source(StrEnum):
    """Whose word the cause is."""

    NETWORK = "network"
    TIMER = "timer"
    CITIZEN = "citizen"
    AGENT = "agent"
    QUEUE = "queue"
    PORTAL = "portal"
    SERVICE = "service"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something ended. `sip` is the final SIP status, `q850` the ITU-T Q.850 cause; None where unknown."""

    slug: str
    source: Source
    sip: int | None = None
    q850: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """What a slug means: the outcome it leads to, and the sentences that people read."""

    outcome: Outcome
    en: str
    ru: str
    next_ru: str


_TRY_LATER = "Попробуйте позже или позвоните по номеру горячей линии."
_PRESS_AGAIN = "Нажмите кнопку ещё раз."

#: The one catalogue. Every cause that the service can give has its row here; a test walks it.
REASONS: dict[str, Reason] = {
    "agent_hung_up": Reason(Outcome.COMPLETED, "the agent hung up", "Специалист завершил разговор.", ""),
    "citizen_hung_up": Reason(Outcome.COMPLETED, "the citizen hung up", "Вы завершили разговор.", ""),
    "no_answer": Reason(
        Outcome.NO_ANSWER,
        "the device rang and nobody answered",
        "Вы не ответили на звонок.",
        "Нажмите кнопку ещё раз и ответьте на входящий вызов.",
    ),
    "busy": Reason(Outcome.BUSY, "the device is busy", "Ваш телефон занят.", "Завершите текущий разговор и повторите."),
    "rejected": Reason(Outcome.REJECTED, "the citizen declined the call", "Вы отклонили звонок.", _PRESS_AGAIN),
    "refused_by_network": Reason(
        Outcome.REJECTED,
        "the network or the device refused the call",
        "Оператор связи или ваш телефон отклонил звонок.",
        "Проверьте, не включён ли запрет входящих вызовов, и повторите.",
    ),
    "unknown_number": Reason(
        Outcome.INVALID_NUMBER,
        "the network does not know the number",
        "Номер не существует.",
        "Проверьте номер телефона в профиле.",
    ),
    "incomplete_number": Reason(
        Outcome.INVALID_NUMBER,
        "the network says that digits are missing",
        "Номер указан не полностью.",
        "Проверьте номер телефона в профиле.",
    ),
    "unavailable": Reason(
        Outcome.UNREACHABLE,
        "the device is switched off or out of reach",
        "Телефон выключен или вне зоны действия сети.",
        "Включите телефон и повторите.",
    ),
    "silent_device": Reason(
        Outcome.UNREACHABLE,
        "neither the device nor the network gave an answer",
        "Сеть не ответила на вызов.",
        _TRY_LATER,
    ),
    "no_endpoint": Reason(
        Outcome.UNREACHABLE,
        "Asterisk has no such endpoint, or the device is not registered",
        "Устройство не подключено.",
        "Выберите другое устройство или повторите звонок.",
    ),
    "trunk_down": Reason(
        Outcome.CONGESTION,
        "the trunk does not answer or has no free line",
        "Линия связи недоступна.",
        _TRY_LATER,
    ),
    "congestion": Reason(
        Outcome.CONGESTION, "the network is congested", "Сеть перегружена.", "Повторите через несколько минут."
    ),
    "no_common_codec": Reason(
        Outcome.FAILED, "the device and Asterisk share no codec", "Не удалось согласовать звук.", _TRY_LATER
    ),
    "network_failure": Reason(Outcome.FAILED, "the network reported a failure", "Сбой в сети оператора.", _TRY_LATER),
    "machine": Reason(Outcome.MACHINE, "an answering machine picked up", "Ответил автоответчик.", _PRESS_AGAIN),
    "callback_chosen": Reason(
        Outcome.ABANDONED,
        "the citizen chose to be called back",
        "Вы попросили перезвонить.",
        "Мы перезвоним вам в порядке очереди.",
    ),
    "later_chosen": Reason(
        Outcome.ABANDONED,
        "the citizen asked to be called later",
        "Вы попросили перезвонить позже.",
        "Дождитесь нашего звонка.",
    ),
    "callback_merged": Reason(
        Outcome.CANCELLED,
        "the citizen waits for another callback of this service already",
        "Вы уже ждёте обратного звонка этой службы.",
        "Дождитесь звонка: отдельная заявка не нужна.",
    ),
    "callback_cancelled": Reason(
        Outcome.CANCELLED,
        "the citizen cancelled the callback by a key",
        "Вы отменили обратный звонок.",
        "Если звонок снова понадобится, нажмите кнопку ещё раз.",
    ),
    "hung_up_waiting": Reason(
        Outcome.ABANDONED,
        "the citizen hung up before an agent answered",
        "Вы завершили звонок до ответа специалиста.",
        _PRESS_AGAIN,
    ),
    "queue_timeout": Reason(
        Outcome.QUEUE_TIMEOUT,
        "no agent answered within the queue's time",
        "Специалисты не смогли ответить вовремя.",
        _TRY_LATER,
    ),
    "queue_empty": Reason(
        Outcome.QUEUE_TIMEOUT,
        "no agent is logged in to the queue",
        "Сейчас нет свободных специалистов.",
        _TRY_LATER,
    ),
    "queue_full": Reason(
        Outcome.CONGESTION, "the queue is full", "Очередь переполнена.", "Повторите через несколько минут."
    ),
    "desk_closed": Reason(
        Outcome.QUEUE_TIMEOUT,
        "somebody dialled in while the desk took nobody: it was closed, or its line too long",
        "Служба сейчас не принимает звонки.",
        _TRY_LATER,
    ),
    "queue_unknown": Reason(
        Outcome.FAILED,
        "Asterisk has no queue of this name; `pbx-bridge doctor` lists the queues",
        "Служба временно недоступна.",
        _TRY_LATER,
    ),
    "time_limit": Reason(
        Outcome.TIME_LIMIT,
        "the call's time limit passed",
        "Время разговора истекло.",
        "Если вопрос не решён, нажмите кнопку ещё раз.",
    ),
    "aborted": Reason(Outcome.CANCELLED, "the call was aborted by request", "Звонок отменён.", ""),
    "code_expired": Reason(
        Outcome.EXPIRED, "the code was not confirmed in time", "Код не был введён вовремя.", _PRESS_AGAIN
    ),
    "not_started": Reason(Outcome.EXPIRED, "the request was not started in time", "Запрос устарел.", _PRESS_AGAIN),
    "callback_expired": Reason(
        Outcome.EXPIRED,
        "the scheduled call could not be placed in time",
        "Перезвонить вовремя не удалось.",
        _PRESS_AGAIN,
    ),
    "code_refused": Reason(
        Outcome.DENIED, "the code was entered wrongly too often", "Код введён неверно.", _PRESS_AGAIN
    ),
    "no_device": Reason(
        Outcome.FAILED,
        "the request names no device that this service can dial",
        "Не указано устройство для звонка.",
        "Укажите номер телефона в профиле.",
    ),
    "dial_refused": Reason(
        Outcome.FAILED,
        "Asterisk refused to dial; its log says why",
        "Не удалось начать звонок.",
        _TRY_LATER,
    ),
    "exchange_down": Reason(
        Outcome.FAILED,
        "Asterisk could not be reached; `pbx-bridge doctor` says why",
        "Телефонная станция недоступна.",
        _TRY_LATER,
    ),
    "stuck": Reason(
        Outcome.FAILED,
        "nothing was heard of the call until its deadline",
        "Связь с телефонной станцией прервалась.",
        _PRESS_AGAIN,
    ),
    "asterisk_restarted": Reason(
        Outcome.LOST,
        "Asterisk stopped or was restarted during the call",
        "Звонок прервался из-за сбоя телефонной станции.",
        _PRESS_AGAIN,
    ),
    "ended_unseen": Reason(
        Outcome.NO_ANSWER,
        "the device was not answered; it ended while the service was away and the network's reason was not kept",
        "На звонок не ответили.",
        _PRESS_AGAIN,
    ),
}

#: Final SIP status → slug.
BY_SIP = {
    486: "busy",
    600: "busy",
    603: "rejected",
    401: "refused_by_network",
    403: "refused_by_network",
    407: "refused_by_network",
    404: "unknown_number",
    410: "unknown_number",
    604: "unknown_number",
    484: "incomplete_number",
    480: "unavailable",
    408: "silent_device",
    488: "no_common_codec",
    606: "no_common_codec",
    500: "network_failure",
    502: "network_failure",
    503: "congestion",
    504: "silent_device",
}

#: ITU-T Q.850 cause → slug, where no SIP status says more.
BY_Q850 = {
    1: "unknown_number",
    2: "unknown_number",
    3: "unknown_number",
    17: "busy",
    18: "silent_device",
    19: "no_answer",
    20: "unavailable",
    21: "rejected",
    27: "unavailable",
    28: "incomplete_number",
    34: "congestion",
    38: "network_failure",
    42: "congestion",
    58: "no_common_codec",
}


def from_codes(sip: int | None, q850: int | None, *, rang: bool, timed_out: bool) -> Cause:
    """The cause of a leg that ended before it was answered.

    `rang`: the device was heard ringing. `timed_out`: our own ring time had passed, in which case Asterisk
    reports 480 although nobody sent it (ASTERISK.md), so the timer's word goes before the code's.
    """
    if timed_out:
        return Cause("no_answer" if rang else "silent_device", Source.TIMER, None, q850)
    slug = BY_SIP.get(sip or 0) or BY_Q850.get(q850 or 0) or "network_failure"
    if rang and slug in ("unavailable", "silent_device"):
        slug = "no_answer"  # what rings is neither switched off nor out of reach: the operator's own timer spoke
    return Cause(slug, Source.NETWORK, sip, q850)


def reason(cause: Cause) -> Reason:
    """The catalogue's row; a slug without one is a programming error (KeyError)."""
    return REASONS[cause.slug]
