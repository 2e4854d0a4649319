"""Query codes and case numbers: read over the telephone, typed on a phone, and never mistaken for another one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.complaints.domain import (
    ALPHABET,
    check_symbol,
    encode_code,
    new_case_number,
    normalise_case_number,
    normalise_code,
)

SECRETS = st.binary(min_size=10, max_size=10)
POSITIONS = st.integers(min_value=0, max_value=16)


@given(SECRETS)
def test_a_code_is_five_groups_and_reads_back(secret: bytes) -> None:
    code = encode_code(secret)
    groups = code.split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 4, 1]
    assert normalise_code(code) == "".join(groups)


@given(SECRETS, POSITIONS, st.sampled_from(ALPHABET))
def test_every_single_wrong_symbol_is_noticed(secret: bytes, position: int, wrong: str) -> None:
    symbols = encode_code(secret).replace("-", "")
    typed = symbols[:position] + wrong + symbols[position + 1 :]
    assert normalise_code(typed) == (symbols if typed == symbols else None)


@given(SECRETS, st.integers(min_value=0, max_value=15))
def test_every_swap_of_two_neighbours_is_noticed(secret: bytes, position: int) -> None:
    symbols = encode_code(secret).replace("-", "")
    typed = symbols[:position] + symbols[position + 1] + symbols[position] + symbols[position + 2 :]
    assert normalise_code(typed) == (symbols if typed == symbols else None)


@given(SECRETS, SECRETS)
def test_two_secrets_give_two_codes(one: bytes, other: bytes) -> None:
    assert (encode_code(one) == encode_code(other)) == (one == other)


@given(SECRETS)
def test_a_code_is_understood_as_people_type_it(secret: bytes) -> None:
    code = encode_code(secret)
    plain = normalise_code(code)
    full_width = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in code)
    misread = code.replace("1", "l").replace("0", "O")
    for typed in (code.lower(), code.replace("-", " "), f"  {code} ", full_width, misread, misread.replace("l", "I")):
        assert normalise_code(typed) == plain


@given(st.text(max_size=60))
def test_any_text_is_a_code_or_none(text: str) -> None:
    symbols = normalise_code(text)
    assert symbols is None or (len(symbols) == 17 and check_symbol(symbols[:16]) == symbols[16])


def test_a_code_has_80_bits() -> None:
    with pytest.raises(ValueError, match="80 bits"):
        encode_code(b"short")


def test_a_case_number_bears_the_beijing_day() -> None:
    number = new_case_number(datetime(2026, 9, 24, 16, 0, tzinfo=UTC))
    assert number.startswith("HY260925-")
    assert normalise_case_number(number.lower().replace("-", " ")) == number


@pytest.mark.parametrize("text", ["", "HY", "HY260925", "XX260925-ABCDEFGH", "HY２６ ", "HY26092٥-ABCDEFGH", "\x00"])
def test_what_is_no_case_number_is_none(text: str) -> None:
    assert normalise_case_number(text) is None
