"""What intake seals and derives: identities for the vault, texts under a complaint's key, codes, keyed hashes."""

import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal
from uuid import UUID

from services.chassis.crypto import (
    CaseCipher,
    HashKey,
    Keyring,
    field_aad,
    keyed_hash,
    load_code_key,
    load_keyring,
    new_case_key,
    unwrap,
)
from services.chassis.vault_keys import VaultPublic, load_vault_public
from services.complaints.domain import CODE_BYTES, encode_code, normalise_code

Form = Literal["original", "copy"]

NO_CODE = b"\x00" * 32
"""The hash of no query code."""


class Frames:
    """Seals the frames of one file (see frames.py): each bound to the file, its place, and whether it is the last."""

    def __init__(self, cipher: CaseCipher, file: bytes) -> None:
        self._cipher = cipher
        self._file = file

    def seal(self, data: bytes, index: int, *, last: bool) -> bytes:
        return self._cipher.seal_bytes(data, self._aad(index, last=last))

    def open(self, blob: bytes, index: int, *, last: bool) -> bytes:
        """Raises SealBroken."""
        return self._cipher.open_bytes(blob, self._aad(index, last=last))

    def _aad(self, index: int, *, last: bool) -> bytes:
        return self._file + f"/frame/{index}/{'last' if last else 'more'}".encode()


class ComplaintCipher:
    """The key of one complaint: seals and opens its texts and files, each bound to its field."""

    def __init__(self, key: bytes, complaint_id: UUID) -> None:
        self._cipher = CaseCipher(key)
        self._complaint_id = complaint_id

    def seal(self, text: str, field: str) -> bytes:
        return self._cipher.seal(text, field_aad(self._complaint_id, field))

    def open(self, blob: bytes, field: str) -> str:
        """Raises SealBroken."""
        return self._cipher.open(blob, field_aad(self._complaint_id, field))

    def seal_list(self, texts: Iterable[str], field: str) -> bytes:
        return self.seal(json.dumps(list(texts), ensure_ascii=False), field)

    def open_list(self, blob: bytes, field: str) -> list[str]:
        """Raises SealBroken."""
        return [str(item) for item in json.loads(self.open(blob, field))]

    def frames(self, evidence_id: UUID, form: Form) -> Frames:
        """Of a file as it came, or of its copy without metadata: neither opens in the other's place."""
        return Frames(self._cipher, field_aad(self._complaint_id, f"evidence/{evidence_id}/{form}"))

    def open_file(self, blob: bytes, evidence_id: UUID) -> bytes:
        """A file from before files were sealed in frames. Raises SealBroken."""
        return self._cipher.open_bytes(blob, field_aad(self._complaint_id, f"evidence/{evidence_id}"))


class Sealer:
    """The keys of the complaints process. It can seal an identity, and can't open one."""

    def __init__(self, keyring: Keyring, vault_key: VaultPublic, code_key: HashKey) -> None:
        self.keyring = keyring
        self._vault_key = vault_key
        self._code_key = code_key

    @classmethod
    def load(cls, keys_dir: Path) -> "Sealer":
        """Raises OSError or ValueError when a key file is missing or wrong."""
        return cls(load_keyring(keys_dir, "complaints"), load_vault_public(keys_dir), load_code_key(keys_dir))

    def new_key(self, complaint_id: UUID) -> tuple[bytes, ComplaintCipher]:
        """A fresh key of a complaint: wrapped as it is stored, and ready for use."""
        wrapped = new_case_key(self.keyring, complaint_id)
        return wrapped, self.cipher(wrapped, complaint_id)

    def cipher(self, wrapped: bytes, complaint_id: UUID) -> ComplaintCipher:
        """The key of a stored complaint; raises SealBroken."""
        return ComplaintCipher(unwrap(self.keyring, wrapped, complaint_id), complaint_id)

    def seal_identity(self, contact_token: UUID, complaint_id: UUID, identity: Mapping[str, object]) -> bytes:
        """For the vault only, bound to its token and its complaint."""
        data = json.dumps(identity, ensure_ascii=False).encode()
        return self._vault_key.seal_identity(data, contact_token, complaint_id)

    @property
    def sealed_for(self) -> str:
        """The fingerprint of the vault's key that identities and new codes are sealed to now."""
        return self._vault_key.sealed_for

    def query_code(self, complaint_id: UUID, seed: str) -> str:
        """The code of a complaint: the same for the same request, guessable by nobody who lacks our key."""
        digest = bytes.fromhex(keyed_hash(self._code_key, "query-code", str(complaint_id), seed))
        return encode_code(digest[:CODE_BYTES])

    @staticmethod
    def new_code() -> str:
        """A code that follows from nothing."""
        return encode_code(secrets.token_bytes(CODE_BYTES))

    def seal_code(self, reissue_id: UUID, code: str) -> bytes:
        """A new code, for the vault only, bound to its reissue."""
        return self._vault_key.seal(code.encode(), f"code/{reissue_id}".encode())

    def code_hash(self, typed: str) -> bytes:
        """What is kept of a query code, from the code as typed; NO_CODE for what can't be one, after the same work."""
        symbols = normalise_code(typed)
        digest = bytes.fromhex(keyed_hash(self._code_key, "query-code-hash", symbols or ""))
        return digest if symbols else NO_CODE

    def digest(self, purpose: str, *parts: str | bytes) -> bytes:
        """A keyed hash: equal for equal parts, and no dictionary turns it back."""
        return bytes.fromhex(keyed_hash(self._code_key, purpose, *parts))

    def derived_id(self, purpose: str, *parts: str) -> UUID:
        """An id that the same request gets again: a UUID of version 8 (RFC 9562), set by hand in Python 3.11."""
        number = int.from_bytes(self.digest(purpose, *parts)[:16])
        return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | (0x8 << 76) | (0x2 << 62))
