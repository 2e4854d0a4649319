"""Keys that a key management service keeps: a ring holds them wrapped, and processes seal while the service is away."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.chassis import keyrings
from services.chassis.crypto import ensure_keys, load_keyring
from services.chassis.kms import VaultTransit
from services.chassis.outages import EngineAway, EngineSetup
from services.chassis.settings import Settings

RING = "complaints"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    chosen = Settings(state_dir=tmp_path)
    ensure_keys(chosen)
    return chosen.keys_dir


class Transit:
    """A server that speaks the transit engine's API, as HashiCorp documents it, over AES-256-GCM."""

    def __init__(self) -> None:
        self.cipher, self.token, self.asked, self.sealed = AESGCM(secrets.token_bytes(32)), "t-1", 0, False
        transit = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = transit.answer(self.path, self.headers.get("X-Vault-Token"), body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str, token: str | None, body: dict[str, str]) -> tuple[int, dict[str, object]]:
        self.asked += 1
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != self.token:
            return 403, {"errors": ["permission denied"]}
        aad = base64.b64decode(body["associated_data"])
        if path == "/v1/transit/encrypt/huiyin":
            nonce = secrets.token_bytes(12)
            sealed = nonce + self.cipher.encrypt(nonce, base64.b64decode(body["plaintext"]), aad)
            return 200, {"data": {"ciphertext": f"vault:v1:{base64.b64encode(sealed).decode()}", "key_version": 1}}
        assert path == "/v1/transit/decrypt/huiyin"
        sealed = base64.b64decode(body["ciphertext"].removeprefix("vault:v1:"))
        try:
            plain = self.cipher.decrypt(sealed[:12], sealed[12:], aad)
        except InvalidTag:
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}


@pytest.fixture
def transit() -> Iterator[Transit]:
    made = Transit()
    thread = Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def kms(transit: Transit, tmp_path: Path) -> VaultTransit:
    token = tmp_path / "token"
    token.write_text(transit.token + "\n")
    return VaultTransit(transit.address, "huiyin", str(token))


def test_a_key_that_a_service_keeps_is_in_no_file(keys: Path, transit: Transit, kms: VaultTransit) -> None:
    keyrings.add(keys, RING, kms=kms)
    keyrings.rotate(keys, RING)
    entry = keyrings.read(keys, RING).keys["k2"]
    assert entry.key is None
    assert entry.wrapped is not None
    assert entry.wrapped.startswith("vault:v1:")
    sealed = load_keyring(keys, RING).encrypt(b"x", b"")
    assert load_keyring(keys, RING).decrypt(sealed, b"") == b"x"
    added = keyrings.add(keys, RING)
    assert keyrings.read(keys, RING).keys[added].kms == entry.kms, "the next is kept there too"


def test_the_service_is_asked_at_the_start_and_never_while_values_are_sealed(
    keys: Path, transit: Transit, kms: VaultTransit
) -> None:
    keyrings.add(keys, RING, kms=kms)
    keyrings.rotate(keys, RING)
    running = load_keyring(keys, RING)
    asked, transit.sealed = transit.asked, True
    for _ in range(100):
        assert running.decrypt(running.encrypt(b"x", b""), b"") == b"x"
    keyrings.destroy(keys, RING, "k1", "cli/x", "RETIRED")
    running.reload()
    assert transit.asked == asked, "a change of the ring asks for keys that are new alone"
    with pytest.raises(EngineAway):
        load_keyring(keys, RING)


def test_a_wrapped_key_opens_in_its_own_place_only(keys: Path, transit: Transit, kms: VaultTransit) -> None:
    keyrings.add(keys, RING, kms=kms)
    path = keys / keyrings.file_name(RING)
    content = json.loads(path.read_text())
    content["keys"]["k7"] = content["keys"].pop("k2")
    path.write_text(json.dumps(content))
    with pytest.raises(EngineSetup, match="400"):
        load_keyring(keys, RING)


def test_a_service_that_refuses_us_is_said_with_what_to_look_at(
    keys: Path, transit: Transit, kms: VaultTransit
) -> None:
    transit.token = "another"
    before = (keys / keyrings.file_name(RING)).read_bytes()
    with pytest.raises(EngineSetup, match=r"403.*token"):
        keyrings.add(keys, RING, kms=kms)
    assert (keys / keyrings.file_name(RING)).read_bytes() == before
    with pytest.raises(ValueError, match="https"):
        VaultTransit("http://kms.example:8200", "huiyin", "token")
