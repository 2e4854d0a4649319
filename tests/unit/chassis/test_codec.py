"""Payloads on their way to Temporal: sealed, deflated where that helps, and old ones still open."""

import pytest
from temporalio.api.common.v1 import Payload

from services.chassis import temporal
from services.chassis.crypto import Keyring, SealBroken
from services.chassis.temporal import EncryptionCodec

RING = Keyring({"k1": bytes(32)}, "k1")
CODEC = EncryptionCodec(RING)


def plain(size: int) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=b'{"stage": "TRIAGE"}' * (size // 19 + 1))


@pytest.mark.parametrize("size", [0, 100, 240, 260, 2_000, 500_000])
async def test_a_payload_comes_back_as_it_went(size: int) -> None:
    given = plain(size)
    (sealed,) = await CODEC.encode([given])
    assert b"TRIAGE" not in sealed.SerializeToString()
    assert await CODEC.decode([sealed]) == [given]


async def test_a_long_payload_gets_shorter() -> None:
    given = plain(2_000)
    (sealed,) = await CODEC.encode([given])
    assert len(sealed.data) < len(given.data) / 2


@pytest.mark.parametrize("size", [0, 2_000])
async def test_what_was_sealed_before_payloads_were_deflated_opens(size: int) -> None:
    given = plain(size)
    old = Payload(
        metadata={"encoding": temporal.ENCODING, "key-id": b"k1"},
        data=RING.encrypt(given.SerializeToString(), b"huiyin/temporal"),
    )
    assert await CODEC.decode([old]) == [given]


async def test_a_changed_payload_is_refused() -> None:
    (sealed,) = await CODEC.encode([plain(2_000)])
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(SealBroken):
        await CODEC.decode([sealed])
