"""An address for e-mail: whether it can be one, in one normal form.

This is a rule of our own, narrower than RFC 5321: a dot-atom in ASCII (no quoted local part, no comments, no
address literals) at a domain of at least two labels, which may be an internationalised one (IDNA 2008). Whether
anybody reads mail there only a sent one can tell; the portal has sent it when it says `verified`.
"""

from __future__ import annotations

import re

import idna

from ..phone import MASK
from .private import NotValid, Private

#: RFC 5321, 4.5.3.1: octets of the local part, and of the path without its brackets.
_LOCAL_MOST = 64
_MOST = 254
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


class Email(Private):
    """One address. The normal form has the domain in small letters and in ASCII: `почта.рф` is `xn--80a1acny.xn--p1ai`.
    The local part stays as it is, since RFC 5321 leaves it to its host whether case counts."""

    __slots__ = ()

    @staticmethod
    def _normal(text: str) -> str:
        if len(text) > _MOST:
            raise NotValid(f"an e-mail address has at most {_MOST} characters")
        local, at, domain = text.rpartition("@")
        if not at or len(local) > _LOCAL_MOST or not _LOCAL.fullmatch(local):
            raise NotValid("an e-mail address is ASCII letters, digits and signs, an @ and a domain: anna@example.ru")
        normal = f"{local}@{_domain(domain)}"
        if len(normal) > _MOST:
            raise NotValid(f"an e-mail address has at most {_MOST} characters, its domain written in ASCII")
        return normal

    @property
    def masked(self) -> str:
        """`a***@e***.ru`; a domain that is not ASCII is shown in its own letters."""
        local, _, domain = self._clear.rpartition("@")
        shown = idna.decode(domain)
        return f"{local[0]}{MASK}@{shown[0]}{MASK}.{shown.rpartition('.')[2]}"


def _domain(text: str) -> str:
    try:
        # UTS 46 folds case and the ways to write the same letter, as browsers do.
        domain = idna.encode(text, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        domain = ""
    labels = domain.split(".")
    if len(labels) < 2 or not labels[-1] or labels[-1].isdigit():
        raise NotValid("the e-mail address needs an existing form of domain after its @, such as example.ru")
    return domain
