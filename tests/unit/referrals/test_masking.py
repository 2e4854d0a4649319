"""Numbers by which a reporter could be known are hidden on paper; what a complaint is about stays."""

import pytest

from services.referrals.masking import HIDDEN, masked


@pytest.mark.parametrize(
    "number",
    [
        "13812345670",
        "138 1234 5670",
        "138-1234-5670",
        "+86 13812345670",
        "8613812345670",
        "１３８１２３４５６７０",
        "0531-88123456",
        "053188123456",
        "110101199003077758",
        "11010119900307775X",
        "someone.else+tag@mail.example.org",
        "微信号：abc_12345",
        "QQ 123456789",
    ],
)
def test_a_number_is_hidden_wherever_it_stands(number: str) -> None:
    for text in (number, f"请打{number}找我", f"({number})。", f"一，{number}，二"):
        assert number not in masked(text)
        assert HIDDEN in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "床位费12345.60元",
        "2026年11月22日9时",
        "发票号码 4400173320",
        "第 1234567890123 号",
        "三甲医院2楼",
        "微信转账500元",
    ],
)
def test_amounts_dates_and_places_stay(text: str) -> None:
    assert masked(text) == text
