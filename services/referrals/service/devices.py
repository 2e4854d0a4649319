"""Devices on which an officer has logged in before: their failures are counted apart from everybody else's, so that who
only knows a name can't hold its officer up (OWASP, "Device Cookies": slow down online guessing)."""

import base64
import binascii
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from time import time

from services.chassis.crypto import Keyring, SealBroken

_AAD = b"huiyin/device"


@dataclass(frozen=True)
class Counter:
    """What counts failed log-ins. ``of_name``: of the name, where it is not the name's own."""

    key: bytes
    of_name: bytes | None = None


class Devices:
    """A device's token is sealed and proves no more than an earlier log-in under one name."""

    def __init__(self, keyring: Keyring, lasts: timedelta) -> None:
        self._keyring = keyring
        self.seconds = int(lasts.total_seconds())

    def token(self, username: str) -> str:
        """For a device on which the officer has just logged in."""
        kept = {"name": username.lower(), "device": secrets.token_urlsafe(16), "end": int(time()) + self.seconds}
        return base64.urlsafe_b64encode(self._keyring.encrypt(json.dumps(kept).encode(), _AAD)).decode()

    def counter(self, username: str, token: str) -> Counter:
        """That of the device when it is one of this name's, else the one that all unknown devices share."""
        name = of_name(username)
        try:
            kept = json.loads(self._keyring.decrypt(base64.urlsafe_b64decode(token), _AAD))
        except (SealBroken, binascii.Error, ValueError):
            return Counter(name)
        if kept["name"] != username.lower() or kept["end"] < time():
            return Counter(name)
        return Counter(hashlib.sha256(f"huiyin/device/{kept['device']}".encode() + name).digest(), name)


def of_name(username: str) -> bytes:
    """The key of a name's counter: people type passwords where names belong."""
    return hashlib.sha256(f"huiyin/login/{username.lower()}".encode()).digest()
