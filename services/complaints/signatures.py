"""Requests signed by a system (12345 desk or platform): HMAC-SHA256 over method, path, time, nonce and body."""

import hashlib
import hmac
import re
from dataclasses import dataclass

from services.complaints.domain import Refusal

WINDOW_SECONDS = 300
"""How far the sender's clock may be from ours; a nonce is kept for longer than twice this."""

HEADERS = ("X-Api-Key", "X-Timestamp", "X-Nonce", "X-Signature")
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Signature:
    """The four headers, well formed. ``timestamp`` in Unix seconds."""

    client_id: str
    timestamp: int
    nonce: str
    value: str


def canonical(method: str, path: str, timestamp: int | str, nonce: str, body: bytes) -> bytes:
    """What is signed: five lines."""
    return "\n".join((method.upper(), path, str(timestamp), nonce, hashlib.sha256(body).hexdigest())).encode()


def sign(secret: str, method: str, path: str, timestamp: int, nonce: str, body: bytes) -> str:
    """The value of X-Signature."""
    return hmac.new(secret.encode(), canonical(method, path, timestamp, nonce, body), hashlib.sha256).hexdigest()


def read_headers(key: str | None, timestamp: str | None, nonce: str | None, value: str | None, now: float) -> Signature:
    """The headers as a signature.

    Raises Refusal (401) when one is missing or malformed, or the time is more than WINDOW_SECONDS from ours.
    """
    if not (key and timestamp and nonce and value):
        raise Refusal(
            401,
            "SIGNATURE_MISSING",
            "请求需要签名:请发送 X-Api-Key、X-Timestamp、X-Nonce、X-Signature 四个请求头。",
            "The request must be signed: send the headers X-Api-Key, X-Timestamp, X-Nonce and X-Signature.",
        )
    if not (_KEY.fullmatch(key) and _NONCE.fullmatch(nonce) and timestamp.isascii() and timestamp.isdigit()):
        raise invalid()
    if len(timestamp) > 12 or abs(int(timestamp) - now) > WINDOW_SECONDS:
        raise Refusal(
            401,
            "SIGNATURE_EXPIRED",
            "签名时间与服务器相差超过 300 秒:请校准时钟后重新签名。",
            "The signature's time is more than 300 seconds from the server's: set your clock and sign again.",
        )
    return Signature(key, int(timestamp), nonce, value)


def check(signature: Signature, secret: str | None, method: str, path: str, body: bytes) -> None:
    """Raises Refusal (401) unless the secret made this signature. An unknown client (``secret`` None) takes as long."""
    expected = sign(secret or "no such client", method, path, signature.timestamp, signature.nonce, body)
    matches = hmac.compare_digest(expected.encode(), signature.value.lower().encode("utf-8", "replace"))
    if not matches or secret is None:
        raise invalid()


def invalid() -> Refusal:
    """One answer for an unknown key and for a wrong signature."""
    return Refusal(
        401,
        "SIGNATURE_INVALID",
        "签名不正确:请核对密钥,并按“方法、路径、时间戳、随机串、正文的 SHA-256”五行计算 HMAC-SHA256。",
        "The signature is not right: check key and secret, and sign the five lines method, path, timestamp, nonce, "
        "SHA-256 of the body with HMAC-SHA256.",
    )


def replayed() -> Refusal:
    """The answer to a nonce that was used before."""
    return Refusal(
        401,
        "NONCE_REUSED",
        "该随机串已用过:请用新的 X-Nonce 重新签名(Idempotency-Key 保持不变,不会重复登记)。",
        "This nonce was used before: sign again with a new X-Nonce (keep the Idempotency-Key: nothing is filed twice).",
    )
