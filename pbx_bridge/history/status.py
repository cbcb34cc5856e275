"""How a call stands, in words for its citizen: what became of it, and what they can do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..call.states import Outcome, State
from .told import Words

STATES: Mapping[State, Words] = {
    State.REQUESTED: Words("requested", "заявка принята"),
    State.AWAITING_CODE: Words("waiting for the code", "ждёт подтверждения кодом"),
    State.SCHEDULED: Words("a callback is planned", "запланирован обратный звонок"),
    State.DIALING: Words("dialling", "набираем номер"),
    State.RINGING: Words("ringing", "телефон звонит"),
    State.ANSWERED: Words("answered", "вы ответили"),
    State.QUEUED: Words("waiting in the queue", "ожидание в очереди"),
    State.OFFERED: Words("an agent is being called", "вызываем специалиста"),
    State.TALKING: Words("talking", "идёт разговор"),
    State.ON_HOLD: Words("on hold", "разговор на удержании"),
    State.TRANSFERRING: Words("being transferred", "переводим на другого специалиста"),
    State.ENDED: Words("ended", "завершён"),
}
OUTCOMES: Mapping[Outcome, Words] = {
    Outcome.COMPLETED: Words("talked with an agent", "разговор состоялся"),
    Outcome.NO_ANSWER: Words("not answered", "нет ответа"),
    Outcome.BUSY: Words("busy", "занято"),
    Outcome.REJECTED: Words("declined", "звонок отклонён"),
    Outcome.UNREACHABLE: Words("out of reach", "телефон недоступен"),
    Outcome.INVALID_NUMBER: Words("wrong number", "неверный номер"),
    Outcome.MACHINE: Words("answered by a machine", "ответил автоответчик"),
    Outcome.CANCELLED: Words("cancelled", "отменён"),
    Outcome.ABANDONED: Words("ended before an agent answered", "завершён до ответа специалиста"),
    Outcome.QUEUE_TIMEOUT: Words("no agent was free", "специалисты были заняты"),
    Outcome.TIME_LIMIT: Words("the time limit was reached", "истекло время разговора"),
    Outcome.EXPIRED: Words("expired", "срок заявки истёк"),
    Outcome.DENIED: Words("not confirmed", "не подтверждён"),
    Outcome.CONGESTION: Words("lines were busy", "линии перегружены"),
    Outcome.FAILED: Words("failed", "не удалось соединить"),
    Outcome.LOST: Words("broken off", "прервался"),
}
#: The citizen's next step (causes.Reason.next_ru) in English. A test holds the two together.
NEXT_EN: Mapping[str, str] = {
    "": "",
    "Попробуйте позже или позвоните по номеру горячей линии.": "Try later, or dial the hotline.",
    "Нажмите кнопку ещё раз.": "Press the button again.",
    "Нажмите кнопку ещё раз и ответьте на входящий вызов.": "Press the button again and answer the call that comes.",
    "Завершите текущий разговор и повторите.": "End your present talk and try again.",
    "Проверьте, не включён ли запрет входящих вызовов, и повторите.": (
        "Make sure that your phone takes incoming calls, and try again."
    ),
    "Проверьте номер телефона в профиле.": "Check the phone number in your profile.",
    "Включите телефон и повторите.": "Switch your phone on and try again.",
    "Выберите другое устройство или повторите звонок.": "Choose another device, or try again.",
    "Повторите через несколько минут.": "Try again in a few minutes.",
    "Мы перезвоним вам в порядке очереди.": "We call you back in your turn.",
    "Дождитесь нашего звонка.": "Wait for our call.",
    "Дождитесь звонка: отдельная заявка не нужна.": "Wait for our call: no other request is needed.",
    "Если звонок снова понадобится, нажмите кнопку ещё раз.": "Press the button again whenever you need a call.",
    "Если вопрос не решён, нажмите кнопку ещё раз.": "If your question is still open, press the button again.",
    "Укажите номер телефона в профиле.": "Enter your phone number in your profile.",
}
#: What to do while the call goes on.
_MEANWHILE: Mapping[State, Words] = {
    State.AWAITING_CODE: Words("Enter the code.", "Введите код."),
    State.SCHEDULED: Words("Wait for our call.", "Дождитесь нашего звонка."),
    State.DIALING: Words("Answer the call that comes.", "Ответьте на входящий вызов."),
    State.RINGING: Words("Answer the call that comes.", "Ответьте на входящий вызов."),
    State.QUEUED: Words("Hold the line.", "Оставайтесь на линии."),
    State.OFFERED: Words("Hold the line.", "Оставайтесь на линии."),
    State.ON_HOLD: Words("Hold the line.", "Оставайтесь на линии."),
    State.TRANSFERRING: Words("Hold the line.", "Оставайтесь на линии."),
}
_NOTHING = Words("", "")


@dataclass(frozen=True, slots=True)
class Status:
    """`short` is one line of a list; `why` a sentence, `next` what to do: both may be empty."""

    short: Words
    why: Words
    next: Words


def status(call: Mapping[str, Any]) -> Status:
    """Of a call's snapshot."""
    state = State(call["state"])
    short = OUTCOMES[Outcome(call["outcome"])] if call["outcome"] else STATES[state]
    cause, because = call.get("cause"), call.get("scheduled_because")
    if state is State.ENDED and cause:
        next_ru = cause["next_ru"] or ""
        return Status(short, Words(cause["words"], cause["words_ru"]), Words(NEXT_EN.get(next_ru, ""), next_ru))
    why = Words(because["words"], because["words_ru"]) if state is State.SCHEDULED and because else _NOTHING
    return Status(short, why, _MEANWHILE.get(state, _NOTHING))
