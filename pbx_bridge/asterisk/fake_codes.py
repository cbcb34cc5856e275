"""A leg of a FakeExchange that reads a code aloud: what dialplan/say-code.conf does with whoever answers."""

from __future__ import annotations

from ..call.model import Device, DeviceKind
from ..conductor.ports import CodeOrder, DialOrder
from .fake_legs import NORMAL, FakeLeg, Switch
from .fake_people import Citizen

#: One reading of six digits, with the pause before it, and the dialplan's own limit (seconds).
READING_S, LIMIT_S = 6.0, 60
#: From the last digit to the hang-up: the loop does not order what is due at the same moment.
GOODBYE_S = 0.1


class FakeCodeLeg(FakeLeg):
    """It rings as any other; then there is no queue and nobody to talk to. The exchange tells nobody of it."""

    def __init__(self, order: CodeOrder, citizen: Citizen, switch: Switch) -> None:
        device = Device(DeviceKind.MOBILE, phone=order.phone)
        super().__init__(DialOrder(order.leg, device, "", order.ring_s, 0, LIMIT_S, "", order.locale), citizen, switch)
        self._code = order.code

    def _go_on(self) -> None:
        for reading in (1, 2):
            self._later(reading * READING_S, lambda: self._citizen.heard.append(self._code))
        self._later(2 * READING_S + GOODBYE_S, lambda: self._gone(None, NORMAL))
