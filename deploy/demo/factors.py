"""The second factors of the demonstration's officers, where the agency's settings require them."""

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from deploy.config import write_private


class Factors:
    """Secrets by user name, kept in a file for its owner alone, so that the next run logs in as well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def keep(self, username: str, secret: str) -> None:
        """The secret of an officer, in base 32."""
        self._known[username] = secret
        write_private(self._path, json.dumps(self._known))

    def code(self, username: str) -> str:
        """The officer's code of this moment; empty without a second factor."""
        secret = self._known.get(username)
        if secret is None:
            return ""
        code = TOTP(base64.b32decode(secret), 6, SHA1(), 30)  # what authenticator apps know  # noqa: S303  # nosec B303
        return code.generate(int(time.time())).decode()
