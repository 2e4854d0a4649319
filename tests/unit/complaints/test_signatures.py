"""Signed requests: what is signed can't be changed, moved in time, or sent by somebody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.complaints.domain import Refusal
from services.complaints.signatures import WINDOW_SECONDS, Signature, check, read_headers, sign

NOW = 1_790_000_000
SECRET = "a secret"
PATH = "/v1/platform/orders"
NONCE = "0123456789abcdef"


def signed(body: bytes, *, secret: str = SECRET, path: str = PATH, at: int = NOW) -> Signature:
    return Signature("hy_1", at, NONCE, sign(secret, "POST", path, at, NONCE, body))


def refusal(signature: Signature, secret: str | None, body: bytes) -> str:
    with pytest.raises(Refusal) as refused:
        check(signature, secret, "POST", PATH, body)
    return refused.value.code


@given(st.binary(max_size=200))
def test_the_secret_s_own_signature_holds(body: bytes) -> None:
    check(signed(body), SECRET, "POST", PATH, body)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_another_body_does_not(body: bytes, other: bytes) -> None:
    if body != other:
        assert refusal(signed(body), SECRET, other) == "SIGNATURE_INVALID"


def test_another_secret_path_or_time_does_not() -> None:
    assert refusal(signed(b"x", secret="other"), SECRET, b"x") == "SIGNATURE_INVALID"
    assert refusal(signed(b"x", path="/v1/operator/complaints"), SECRET, b"x") == "SIGNATURE_INVALID"
    moved = Signature("hy_1", NOW + 1, NONCE, signed(b"x").value)
    assert refusal(moved, SECRET, b"x") == "SIGNATURE_INVALID"


def test_an_unknown_client_is_answered_like_a_wrong_signature() -> None:
    assert refusal(signed(b"x"), None, b"x") == "SIGNATURE_INVALID"
    assert refusal(signed(b"x", secret="no such client"), None, b"x") == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("skew", "taken"),
    [(0, True), (WINDOW_SECONDS, True), (-WINDOW_SECONDS, True), (301, False), (-301, False), (-NOW, False)],
)
def test_the_time_must_be_within_the_window(skew: int, taken: bool) -> None:
    def read() -> Signature:
        return read_headers("hy_1", str(NOW + skew), NONCE, "00", NOW)

    if taken:
        assert read().timestamp == NOW + skew
    else:
        with pytest.raises(Refusal) as refused:
            read()
        assert refused.value.code == "SIGNATURE_EXPIRED"


@pytest.mark.parametrize("missing", range(4))
def test_a_missing_header_is_said(missing: int) -> None:
    headers: list[str | None] = ["hy_1", str(NOW), NONCE, "00"]
    headers[missing] = None
    with pytest.raises(Refusal) as refused:
        read_headers(*headers, now=NOW)  # type: ignore[misc]
    assert refused.value.code == "SIGNATURE_MISSING"


@pytest.mark.parametrize("timestamp", ["١٢٣٤", "-5", "1e9", "9" * 40, "1790000000 "])
def test_rubbish_for_a_time_is_refused(timestamp: str) -> None:
    with pytest.raises(Refusal):
        read_headers("hy_1", timestamp, NONCE, "00", NOW)
