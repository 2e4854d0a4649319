"""Seals: each text is bound to its complaint and field, an identity to the vault, a code to its request."""

from pathlib import Path
from uuid import uuid4

import pytest

from services.chassis import vault_keys
from services.chassis.crypto import SealBroken
from services.chassis.keyfiles import ensure_keys
from services.chassis.settings import Settings
from services.chassis.vault_keys import load_vault_private, load_vault_public
from services.complaints.domain import normalise_code
from services.complaints.sealing import NO_CODE, Sealer


@pytest.fixture(scope="module")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    ensure_keys(Settings(keys_dir=folder, vault_keys_dir=folder / "vault", signers_dir=folder / "signing"))
    return folder


@pytest.fixture(scope="module")
def sealer(keys_dir: Path) -> Sealer:
    return Sealer.load(keys_dir)


def test_a_text_opens_for_its_complaint_and_field_only(sealer: Sealer) -> None:
    one, other = uuid4(), uuid4()
    wrapped, cipher = sealer.new_key(one)
    sealed = cipher.seal("收红包", "narrative")
    assert "收红包".encode() not in sealed
    assert sealer.cipher(wrapped, one).open(sealed, "narrative") == "收红包"
    with pytest.raises(SealBroken):
        cipher.open(sealed, "wants")
    with pytest.raises(SealBroken):
        sealer.cipher(wrapped, other)


def test_an_identity_opens_in_the_vault_only_and_for_its_token_and_complaint_only(
    sealer: Sealer, keys_dir: Path
) -> None:
    token, complaint = uuid4(), uuid4()
    sealed = sealer.seal_identity(token, complaint, {"name": "张三"})
    assert "张三".encode() not in sealed
    private = load_vault_private(keys_dir / "vault")
    assert "张三" in private.open_identity(sealed, token, complaint).decode()
    for other in ((uuid4(), complaint), (token, uuid4())):
        for blob in (sealed, vault_keys.MARK + sealed[len(vault_keys.BOUND) :]):
            with pytest.raises(SealBroken):
                private.open_identity(blob, *other)


def test_an_identity_of_before_opens_until_all_are_bound(keys_dir: Path) -> None:
    token, complaint = uuid4(), uuid4()
    old = load_vault_public(keys_dir).seal(b"{}", str(token).encode())
    private = load_vault_private(keys_dir / "vault")
    bound = private.reseal_identity(old, token, complaint)
    assert private.open_identity(old, token, complaint) == private.open_identity(bound, token, complaint) == b"{}"
    private.bound_only = True
    for blob in (old, vault_keys.BOUND + old[len(vault_keys.MARK) :]):
        with pytest.raises(SealBroken):
            private.open_identity(blob, token, complaint)
    assert private.open_identity(bound, token, complaint) == b"{}"


def test_the_same_request_gets_the_same_code_and_no_other_request_does(sealer: Sealer) -> None:
    complaint = uuid4()
    code = sealer.query_code(complaint, "key:abc")
    assert sealer.query_code(complaint, "key:abc") == code
    assert sealer.query_code(complaint, "key:abd") != code
    assert sealer.query_code(uuid4(), "key:abc") != code


def test_the_hash_of_a_code_is_that_of_the_code_as_typed(sealer: Sealer) -> None:
    code = sealer.query_code(uuid4(), "key:abc")
    assert sealer.code_hash(code) == sealer.code_hash(code.lower().replace("-", " ")) != NO_CODE
    assert (normalise_code(code) or "").encode() not in sealer.code_hash(code)
    assert sealer.code_hash("not a code") == NO_CODE
