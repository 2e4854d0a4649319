"""The two suites against published vectors, and what was sealed before values named their suite."""

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.chassis.crypto import (
    CaseCipher,
    HashKey,
    Keyring,
    SealBroken,
    field_aad,
    keyed_hash,
    new_case_key,
    rewrap,
    unwrap,
)
from services.chassis.suites import Suite
from services.chassis.vault_keys import load_vault_private

HERE = field_aad("case-1", "narrative")


def test_sm4_gcm_is_that_of_rfc_8998_appendix_a_1() -> None:
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    aad = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plain = bytes.fromhex("AA" * 8 + "BB" * 8 + "CC" * 8 + "DD" * 8 + "EE" * 8 + "FF" * 8 + "EE" * 8 + "AA" * 8)
    sealed = bytes.fromhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )
    cipher = Suite.SM.aead(key)
    assert cipher.encrypt(nonce, plain, aad) == sealed
    assert cipher.decrypt(nonce, sealed, aad) == plain
    with pytest.raises(InvalidTag):
        cipher.decrypt(nonce, sealed, aad[:-1])


def test_aes_256_gcm_is_that_of_nist_test_case_16() -> None:
    # McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B.
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = Suite.AES.aead(key).encrypt(bytes.fromhex("cafebabefacedbaddecaf888"), plain, aad)
    assert sealed[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_is_that_of_gb_t_32905_appendix_a(message: bytes, digest: str) -> None:
    sm3 = hashes.Hash(hashes.SM3())
    sm3.update(message)
    assert sm3.finalize().hex() == digest


@pytest.mark.parametrize(
    ("key", "message", "digest"),
    [
        (
            bytes(range(1, 33)),
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2,
            "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
        ),
        (
            bytes(range(1, 38)),
            b"\xcd" * 50,
            "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae",
        ),
        (b"\x0b" * 32, b"Hi There", "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e"),
        (b"Jefe", b"what do ya want for nothing?", "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882"),
    ],
)
def test_hmac_sm3_is_that_of_gm_t_0042_appendix_d_3(key: bytes, message: bytes, digest: str) -> None:
    assert Suite.SM.mac(key, message).hex() == digest
    assert Suite.SM.mac(key, message[:3], message[3:]).hex() == digest


def test_hmac_sha_256_is_that_of_rfc_4231_case_2() -> None:
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert Suite.AES.mac(b"Jefe", b"what do ya want ", b"for nothing?").hex() == digest


RING = Keyring({"k1": bytes(range(32))}, "k1")
BEFORE = {
    "value": "01026b318e5681bebca815f33ee2b7897a0a64d563824bd1781c1294f95d287a833cc4",
    "case key": "01026b31afc2441762b5a4dae9b977904e75f0fb2582dbda134eed99139369ea9aadcef25f24e4103cbf97b02caa7972"
    "b85da18d0d8f329ca36b879413db15d3",
    "text": "3f657228b92cd0a0bba59203d87c2e0cf753c18d6a0316c30d25661ba7157a7a6cea",
    "identity": "116eceaf1178c0b1bcdbbdc06f5d05242c3af1ef0d4b8ac95c7b64e9154c5848a071bfc4a834cc55ff7dd68b6176977e"
    "3c3eb0eb510f",
}
"""Made with the key above by the first version, which knew one suite and marked neither texts nor identities."""


def test_what_the_first_version_sealed_still_opens(tmp_path: Path) -> None:
    sealed = {name: bytes.fromhex(text) for name, text in BEFORE.items()}
    assert RING.decrypt(sealed["value"], b"here") == b"old"
    cipher = CaseCipher(unwrap(RING, sealed["case key"], "case-1"))
    assert cipher.open(sealed["text"], HERE) == "红包"
    assert cipher.open(cipher.seal("更多", HERE), HERE) == "更多"
    first = X25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = first.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "vault.private").write_bytes(pem)
    assert load_vault_private(tmp_path).open(sealed["identity"], b"token").decode() == "张三"


def test_a_stored_hash_is_found_again_whatever_new_keys_are_made_for() -> None:
    found = "dedc8318dc768c2234fbe50a5e01e6bce4208d8855578d148f35a70cb5332b91"
    assert keyed_hash(HashKey.read(bytes(range(32))), "query-code-hash", "ABC") == found
    of_sm = HashKey.read(b"\x02" + bytes(range(32)))
    assert keyed_hash(of_sm, "query-code-hash", "ABC") not in (found, keyed_hash(of_sm, "query-code-hash", "ABD"))
    with pytest.raises(ValueError, match="suite"):
        HashKey.read(b"\x07" + bytes(32))


def test_a_ring_changes_its_suite_and_old_seals_open_for_ever() -> None:
    before = Keyring({"k1": bytes(32)}, "k1")
    wrapped, value = new_case_key(before, "case-1"), before.encrypt(b"x", b"")
    old = CaseCipher(unwrap(before, wrapped, "case-1"))
    text = old.seal("旧案", HERE)
    after = Keyring({"k1": bytes(32), "k2": bytes(16)}, "k2", {"k2": Suite.SM})
    assert after.decrypt(value, b"") == b"x"
    assert after.encrypt(b"x", b"")[:1] == Suite.SM.byte
    # The case keeps the suite of its own key, under a ring's key of the other.
    again = rewrap(after, wrapped, "case-1")
    assert again[:1] == Suite.SM.byte
    assert CaseCipher(unwrap(after, again, "case-1")).open(text, HERE) == "旧案"
    new = CaseCipher(unwrap(after, new_case_key(after, "case-1"), "case-1"))
    assert new.seal("新案", HERE)[:1] == Suite.SM.byte
    assert old.seal("旧案", HERE)[:1] == Suite.AES.byte
    assert new.open(new.seal("新案", HERE), HERE) == "新案"


def test_a_value_that_names_another_suite_does_not_open() -> None:
    ring = Keyring({"k1": bytes(16)}, "k1", {"k1": Suite.SM})
    value = ring.encrypt(b"x", b"")
    for first in (b"\x01", b"\x03"):
        with pytest.raises(SealBroken):
            ring.decrypt(first + value[1:], b"")
    cipher = CaseCipher(unwrap(ring, new_case_key(ring, "case-1"), "case-1"))
    sealed = cipher.seal("字", HERE)
    for broken in (b"\x01" + sealed[1:], sealed[:-1], sealed[:20], b"\x02", b""):
        with pytest.raises(SealBroken):
            cipher.open(broken, HERE)
