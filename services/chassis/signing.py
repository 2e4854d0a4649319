"""Documents that leave the system: a detached signature (JWS, RFC 7515, Ed25519) that tells of a changed byte."""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.chassis import signers
from services.chassis.settings import Settings
from services.chassis.signers import public_file, signing_key, term_of

TYPE = "huiyin-document"
"""The `typ` of the header: a token of the same key is no signature of a document, nor the other way round."""


class BadSignature(Exception):
    """The document is not the one that was signed, or not by this key; the text says which."""


def sign(settings: Settings, issuer: str, data: bytes, claims: Mapping[str, str]) -> str:
    """The signature of a document, to be kept beside it: its SHA-256 and the claims, signed by the issuer."""
    payload = {**claims, "iss": issuer, "iat": int(time.time()), "sha256": hashlib.sha256(data).hexdigest()}
    content = json.dumps(payload, ensure_ascii=False, sort_keys=True).encode()
    return jwt.PyJWS().encode(content, signing_key(settings, issuer), algorithm="EdDSA", headers={"typ": TYPE})


def verify(public_pem: bytes, data: bytes, signature: str) -> dict[str, Any]:
    """The claims of a document's signature. Raises BadSignature; ValueError when the key is no Ed25519 key."""
    return verify_with(term_of(public_pem).key, data, signature)


def verify_with(key: Ed25519PublicKey, data: bytes, signature: str) -> dict[str, Any]:
    """The same with a key that is loaded. `iat` among the claims says when it was signed, or so says who signed it."""
    try:
        signed = jwt.PyJWS().decode_complete(signature.strip(), key, algorithms=["EdDSA"])
    except (jwt.PyJWTError, ValueError) as error:
        raise BadSignature("the signature is not of this key, or was changed") from error
    if signed["header"].get("typ") != TYPE:
        raise BadSignature("this is a signature of something else")
    claims: dict[str, Any] = json.loads(signed["payload"])
    if not isinstance(claims.get("iat"), int):
        raise BadSignature("it does not say when it was signed")
    if claims.get("sha256") != hashlib.sha256(data).hexdigest():
        raise BadSignature("the document was changed after it was signed")
    return claims


def public_key(keys_dir: Path, issuer: str) -> bytes:
    """The PEM of the key that verifies an issuer's signatures; raises OSError when it is not there."""
    return public_file(keys_dir, issuer).read_bytes()


def fingerprint(public_pem: bytes) -> str:
    """SHA-256 of a public key, for people to compare by telephone."""
    return grouped(signers.fingerprint(term_of(public_pem).key))


def grouped(digest: str) -> str:
    """A digest as people read it out."""
    return " ".join(digest[at : at + 4] for at in range(0, 64, 4))
