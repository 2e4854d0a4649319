"""Keys that are kept wrapped by a key management service: HashiCorp Vault's transit engine, or what speaks its API.

The service is asked once for each key when a process starts or meets a new one, never while a value is sealed.
"""

import base64
import binascii
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import httpx

from services.chassis.outages import EngineAway, EngineSetup

_TIMEOUT = httpx.Timeout(5.0)


class KeyService(Protocol):
    """Wraps keys under one that never leaves it. ``context`` binds a wrapped key to its place.

    Both raise EngineAway("kms") when it can't be reached, EngineSetup when it won't have us.
    """

    def wrap(self, key: bytes, context: str) -> str: ...

    def unwrap(self, wrapped: str, context: str) -> bytes: ...


@dataclass(frozen=True)
class VaultTransit:
    """A named key of a transit engine (POST /v1/<mount>/encrypt|decrypt/<key>; associated data: Vault 1.13, OpenBao).

    ``token_file``: the file that holds the token, read anew for each call, as an agent beside us renews it.
    """

    address: str
    key: str
    token_file: str
    mount: str = "transit"
    namespace: str = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        if not self.address.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("a key management service is reached over https, or on this machine")

    def wrap(self, key: bytes, context: str) -> str:
        """`vault:v<version>:…`"""
        return self._call("encrypt", "ciphertext", plaintext=_b64(key), associated_data=_b64(context.encode()))

    def unwrap(self, wrapped: str, context: str) -> bytes:
        """The key of `wrap`."""
        opened = self._call("decrypt", "plaintext", ciphertext=wrapped, associated_data=_b64(context.encode()))
        try:
            return base64.b64decode(opened, validate=True)
        except binascii.Error as error:
            raise _no_transit() from error

    def _call(self, verb: str, wanted: str, **body: str) -> str:
        try:
            headers = {"X-Vault-Token": Path(self.token_file).read_text().strip(), "X-Vault-Request": "true"}
        except OSError as error:
            raise EngineSetup("kms", "needs a token file that can't be read", "token_file in the keyring") from error
        if self.namespace:
            headers["X-Vault-Namespace"] = self.namespace
        address = f"{self.address.rstrip('/')}/v1/{self.mount}/{verb}/{self.key}"
        try:
            with httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=_trusted(self.ca_file)) as client:
                response = client.post(address, json=body, headers=headers)
        except httpx.TransportError as error:
            raise EngineAway("kms") from error
        if response.status_code in (429, 472, 473, 503) or response.status_code >= 500:  # sealed, standby, busy
            raise EngineAway("kms")
        if response.status_code != 200:
            raise EngineSetup("kms", f"answers {response.status_code}", "address, mount, key and token of the keyring")
        try:
            return str(response.json()["data"][wanted])
        except (ValueError, KeyError, TypeError) as error:
            raise _no_transit() from error

    def as_json(self) -> dict[str, str]:
        """As it stands in a keyring; nothing of it is secret."""
        return {"type": "vault-transit", **{name: value for name, value in asdict(self).items() if value}}


def key_service(described: Mapping[str, str]) -> KeyService:
    """The service that a keyring names; raises ValueError for a type or field that is not known."""
    fields = dict(described)
    if fields.pop("type", None) != "vault-transit":
        raise ValueError("a keyring names a key management service of a type that is not known")
    try:
        return VaultTransit(**fields)
    except TypeError as error:
        raise ValueError("a keyring describes its key management service wrongly") from error


def _no_transit() -> EngineSetup:
    return EngineSetup("kms", "gives an answer that is none of a transit engine", "address and mount in the keyring")


def _trusted(ca_file: str) -> ssl.SSLContext | bool:
    if not ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise EngineSetup("kms", "needs a file that can't be read", "ca_file in the keyring") from error


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
