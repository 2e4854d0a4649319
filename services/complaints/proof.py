"""Proof of work (ALTCHA v2): a challenge that a browser solves in the background, taken once, while it is fresh."""

import base64
import binascii
import json
import os
import time
from typing import Any

import altcha

_ALGORITHM = "PBKDF2/SHA-256"
_PREFIX = "00"
"""One try in 256 has it."""
_SECONDS = 300
_MOST_BYTES = 4096


class Proofs:
    """Hands challenges out and checks what comes back.

    The secret is made anew with each process: what was handed out before a restart is worth nothing after it, and
    what was used is remembered for as long as it could be used.
    """

    def __init__(self, cost: int) -> None:
        """`cost`: iterations of one try; 0: none is asked for."""
        self._cost = cost
        self._secret = os.urandom(32)
        self._used: dict[str, float] = {}

    @property
    def wanted(self) -> bool:
        """Whether visitors are asked for a proof at all."""
        return self._cost > 0

    def challenge(self) -> dict[str, Any]:
        """A fresh challenge as browsers take it. It holds nothing of who asks."""
        ends = int(time.time()) + _SECONDS
        made = altcha.create_challenge(
            _ALGORITHM, self._cost, key_prefix=_PREFIX, expires_at=ends, hmac_secret=self._secret
        )
        found: dict[str, Any] = made.to_dict()
        return found

    def accept(self, payload: bytes) -> bool:
        """Whether this solves a challenge of ours that is fresh and was not used. It is used up by that."""
        if not self.wanted or len(payload) > _MOST_BYTES:
            return False
        try:
            nonce = json.loads(base64.b64decode(payload, validate=True))["challenge"]["parameters"]["nonce"]
        except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
            return False
        if not isinstance(nonce, str) or nonce in self._used:
            return False
        if not altcha.verify_solution(payload.decode("ascii"), self._secret).verified:
            return False
        now = time.time()
        if len(self._used) % 1024 == 0:
            self._used = {known: end for known, end in self._used.items() if end > now}
        self._used[nonce] = now + _SECONDS
        return True
