"""Codes of the second factor: those of the standard, one step of drift, none but the secret's."""

import pytest

from services.referrals import second_factor

RFC = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B, the last six digits."""
    assert second_factor.code_at(RFC, seconds) == code
    assert second_factor.step_of(RFC, f" {code[:3]} {code[3:]} ", seconds) == seconds // 30


@pytest.mark.parametrize(("drift", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off(drift: int, taken: bool) -> None:
    now = 1_111_111_111
    step = second_factor.step_of(RFC, second_factor.code_at(RFC, now + drift), now)
    assert step == ((now + drift) // 30 if taken else None)


@pytest.mark.parametrize("typed", ["", "00000", "0000000", "abcdef", "二八七〇八二", "28708\x00", "１２３４５６"])
def test_rubbish_is_no_code(typed: str) -> None:
    assert second_factor.step_of(RFC, typed, 59) is None


def test_recovery_codes_have_80_bits_and_bear_how_people_type() -> None:
    codes = list(second_factor.recovery_codes())
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) * 5 == 80 for code in codes)
    kept = second_factor.recovery_hash("a-1", codes[0])
    assert second_factor.recovery_hash("a-1", f" {codes[0].upper().replace('-', ' ')} ") == kept
    assert second_factor.recovery_hash("a-2", codes[0]) != kept, "one account's code is nobody else's"


def test_the_qr_code_names_us_and_the_account() -> None:
    secret = second_factor.new_secret()
    assert second_factor.uri(secret, "clerk.desk").startswith("otpauth://totp/Huiyin")
    assert second_factor.as_text(secret) in second_factor.uri(secret, "clerk.desk")
