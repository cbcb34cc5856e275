"""Authenticator apps (TOTP, RFC 6238): secrets, the codes that count, and recovery codes for a lost phone.

The app and this room share a secret of 160 bits; a code is good for its time step and the neighbouring ones, and
once. Recovery codes hold 50 random bits each, so a keyed hash keeps them as safe as a slow one would.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

import pyotp

#: What every app understands without being told: six digits, SHA-1, a new code every 30 seconds.
STEP_S = 30
DIGITS = 6
#: RFC 4226, 4: 160 bits. In base32 that is 32 letters.
_SECRET_LETTERS = 32
RECOVERY_CODES = 10
#: Crockford's base32: no letter that is read as a digit. Ten letters are 50 bits.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RECOVERY_LETTERS = 10
_MISREAD = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})


def new_secret() -> str:
    """A fresh secret in base32, as apps take it."""
    return pyotp.random_base32(_SECRET_LETTERS)


def provisioning_uri(secret: str, account: str, issuer: str) -> str:
    """What the QR code says: an `otpauth:` URI. `account` and `issuer` are what the app shows beside its codes."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def check(secret: str, code: str, at: datetime, last_step: int, window: int = 1) -> int | None:
    """The time step whose code this is; None for a wrong one, and for one of `last_step` or before.

    `window` steps to either side count too (RFC 6238, 5.2: clocks differ, and typing takes time). Keep the step that
    comes back as the next `last_step`, so that no code counts twice. Takes as long for every code.
    """
    app = pyotp.TOTP(secret)
    now = int(at.timestamp()) // STEP_S
    found = None
    for step in range(now - window, now + window + 1):
        # Always the comparison first: which steps are used up must not show in the time either.
        same = hmac.compare_digest(app.generate_otp(max(step, 0)).encode(), code.encode())
        if same and step > last_step:
            found = step
    return found


def new_recovery_codes() -> tuple[str, ...]:
    """Ten codes like `q7x2m-04kzv`, to be shown once."""
    return tuple(_recovery_code() for _ in range(RECOVERY_CODES))


def recovery_hash(pepper: bytes, client: str, user: str, code: str) -> str:
    """What is kept of a recovery code: 64 hex digits, bound to its citizen. Case, dashes and blanks do not count, nor
    whether somebody wrote O for 0 or l for 1."""
    letters = code.lower().translate(_MISREAD)
    message = b"".join(len(part).to_bytes(4, "big") + part for part in map(str.encode, (client, user, letters)))
    return hmac.digest(pepper, b"recovery code\0" + message, "sha256").hex()


def without(kept: Sequence[str], used: str) -> tuple[str, ...] | None:
    """The hashes that are left once `used` is; None when it is not among them. Takes as long wherever it stands."""
    same = [hmac.compare_digest(each, used) for each in kept]
    return tuple(each for each, taken in zip(kept, same, strict=True) if not taken) if any(same) else None


def _recovery_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_LETTERS))
    return f"{letters[:5]}-{letters[5:]}"
