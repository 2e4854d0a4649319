"""The second factor: time-based codes (RFC 6238, as authenticator apps make them) and recovery codes. Pure."""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS = 30
DRIFT_STEPS = 1
"""A clock may be wrong by so many steps (RFC 6238, 5.2 recommends at most one for the network)."""
DIGITS = 6
SECRET_BYTES = 20
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10
ISSUER = "Huiyin 回音"


def new_secret() -> bytes:
    """160 random bits, as RFC 4226 recommends."""
    return os.urandom(SECRET_BYTES)


def as_text(secret: bytes) -> str:
    """The secret as people key it in."""
    return base64.b32encode(secret).decode()


def uri(secret: bytes, username: str) -> str:
    """What the QR code holds."""
    return _totp(secret).get_provisioning_uri(username, ISSUER)


def code_at(secret: bytes, seconds: float) -> str:
    """The code of a moment (Unix time)."""
    return _totp(secret).generate(int(seconds)).decode()


def step_of(secret: bytes, code: str, seconds: float) -> int | None:
    """The step whose code this is, within the drift; None when it is none of them."""
    typed = "".join(code.split())
    now, found = int(seconds) // STEP_SECONDS, None
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if hmac.compare_digest(code_at(secret, step * STEP_SECONDS).encode(), typed.encode()):
            found = step
    return found


def recovery_codes() -> Iterator[str]:
    """Codes of 80 bits, each for one log-in without the app."""
    for _ in range(RECOVERY_CODES):
        symbols = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
        yield "-".join(symbols[start : start + 4] for start in range(0, len(symbols), 4))


def recovery_hash(account_id: str, code: str) -> bytes:
    """What is kept of a recovery code, from the code as typed."""
    plain = "".join(char for char in code.lower() if char.isalnum())
    return hashlib.sha256(f"huiyin/recovery/{account_id}/{plain}".encode()).digest()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # what authenticator apps know  # noqa: S303  # nosec B303
