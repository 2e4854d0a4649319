"""What a reporter could be known by is hidden on paper; what a complaint is about stays."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.referrals.masking import HIDDEN, NAME_HIDDEN, masked, masked_name

DIGITS = "0123456789"
ALPHABETS = (DIGITS, "０１２３４５６７８９", "〇一二三四五六七八九", "零幺二三四五六七八九", "零壹贰叁肆伍陆柒捌玖")
SEPARATORS = ("", " ", "-", ".", "·", "—", "　", "－", "/", ",", " - ", "\u200b")
BEFORE = ("", "请打", "电话：", "tel", "一，", "（", "phone")
AFTER = ("", "找我", "。", "，二", "）", " 谢谢")
NUMBERS = (
    (11, (3, 4, 4)), (11, (4, 3, 4)), (18, (6, 8, 4)), (15, (6, 6, 3)), (19, (4, 4, 4, 4, 3)), (8, (4, 4)), (7, (3, 4)),
)  # fmt: skip
FIRST = {11: "1", 18: "1", 15: "3", 19: "6", 8: "8", 7: "5"}


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A telephone, identity card or bank card as people write it, and its digits."""
    length, groups = draw(st.sampled_from(NUMBERS))
    rest = draw(st.text(DIGITS, min_size=length - 1, max_size=length - 1))
    number = FIRST[length] + rest
    if length == 18 and draw(st.booleans()):
        number = number[:-1] + draw(st.sampled_from("Xx"))
    at = [0]
    for group in groups:
        at.append(at[-1] + group)
    separator = draw(st.sampled_from(SEPARATORS))
    written = separator.join(number[start:end] for start, end in pairwise(at))
    prefix = draw(st.sampled_from(("", "+86 ", "(010)", "（0531）", "86-"))) if length in (7, 8, 11) else ""
    alphabet = draw(st.sampled_from(ALPHABETS))
    return prefix + written.translate(str.maketrans(DIGITS, alphabet)), number


def digits(text: str) -> str:
    """Every digit of a text, whatever it is written in."""
    for alphabet in ALPHABETS[1:]:
        text = text.translate(str.maketrans(alphabet, DIGITS))
    return "".join(char for char in unicodedata.normalize("NFKC", text) if char.isascii() and char.isdigit())


@given(numbers(), st.sampled_from(BEFORE), st.sampled_from(AFTER))
@example(("110105 19491231 002X", "11010519491231002X"), "", "")
@example(("138.0013.8000", "13800138000"), "", "")
@example(("1380 013 8000", "13800138000"), "", "")
@example(("(010)88889999", "88889999"), "", "")
@example(("一三八〇〇一三八〇〇〇", "13800138000"), "我电话", "")
def test_no_number_survives_in_any_writing(number: tuple[str, str], before: str, after: str) -> None:
    left = masked(before + number[0] + after)
    assert HIDDEN in left
    # What stands around it stays; of the number itself nothing does, but for what is a digit in the surroundings.
    assert digits(left) in ("", digits(before), digits(after), digits(before + after))
    assert number[0] not in left


@given(
    st.from_regex(r"[a-z][a-z0-9._+]{2,12}[a-z0-9]", fullmatch=True),
    st.sampled_from(("qq.com", "163.com", "mail.example.org", "QQ.COM")),
    st.sampled_from(("@", "＠", " @ ", "﹫", "(at)", "（at）")),
    st.sampled_from(BEFORE),
    st.sampled_from(AFTER),
)
def test_no_mail_address_survives(name: str, host: str, at: str, before: str, after: str) -> None:
    left = masked(f"{before}{name}{at}{host}{after}")
    assert name not in left
    assert host not in left


@pytest.mark.parametrize(
    "address",
    [
        "微信号：abc_12345", "QQ 123456789", "qq:12345", "qq：123456", "v:zhangsan88", "V：zhangsan88",
        "加v zhangsan88", "vx zhangsan88", "微信是zhangsan88", "someone.else+tag@mail.example.org", "user＠qq.com",
        "扣扣 12 34 56",
    ],
)  # fmt: skip
def test_no_messenger_address_survives(address: str) -> None:
    left = masked(f"联系我，{address}，谢谢")
    assert left == f"联系我，{HIDDEN}，谢谢"


@pytest.mark.parametrize("number", ["E12345678", "EA1234567", "H12345678", "1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣0️⃣", "phone13812345670"])
def test_no_other_number_of_seven_digits_survives(number: str) -> None:
    left = masked(f"我的{number}。")
    assert HIDDEN in left
    assert digits(left) == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("我叫王小明，今年四十岁", "王小明"),
        ("我叫王明是病人家属", "王明"),
        ("本人李雷系患者儿子", "李雷"),
        ("本人姓名：韩梅", "韩梅"),
        ("我的名字是欧阳小红。", "欧阳小红"),
        ("我叫古丽娜尔·买买提，", "古丽娜尔·买买提"),
        ("我是张三丰，电话", "张三丰"),
        ("举报人：赵某喆", "赵某喆"),
        ("联系人姓名:钱多多", "钱多多"),
    ],
)
def test_who_says_their_name_is_not_named(text: str, name: str) -> None:
    assert masked(text) == text.replace(name, NAME_HIDDEN)


@pytest.mark.parametrize(
    "text",
    [
        "床位费12345.60元",
        "骗取1234567元、1,234,567.00元",
        "2026年11月22日9时，2026-11-22 09:30，2026/1/2，2024.1.1-2024.12.31，2023-2025年",
        "先收5000，后收3000，共8000",
        "费用1200，1300，1400元",
        "二〇二六年十一月二十二日",
        "三甲医院2楼",
        "微信转账500元",
        "被举报人：李主任，王医生收红包",
        "我叫医生来，他不来；本人陈述如下：我是病人家属",
        "（全角，标点）　不变。",
    ],
)
def test_amounts_dates_places_and_the_accused_stay(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("我叫王丽13800001111的录音.m4a", f"我叫{NAME_HIDDEN}{HIDDEN}的录音.m4a"),
        ("138_0000_1111.jpg", f"{HIDDEN}.jpg"),
        ("举报人_王丽.PDF", f"举报人_{NAME_HIDDEN}.PDF"),
        ("我是王丽_录音.mp3", f"我是{NAME_HIDDEN}_录音.mp3"),
        ("微信wang123456.m4a", f"{HIDDEN}.m4a"),
        ("wang@example.org.docx", f"{HIDDEN}.docx"),
        ("138000.01111", HIDDEN),
        ("合同_2024-01-02.pdf", "合同_2024-01-02.pdf"),
        ("IMG_0042", "IMG_0042"),
    ],
)
def test_a_file_is_called_nothing_that_tells_who_sent_it_and_stays_of_its_kind(name: str, shown: str) -> None:
    assert masked_name(name) == shown


@given(st.text())
def test_what_holds_nothing_to_hide_is_as_it_was_written(text: str) -> None:
    left = masked(text)
    if HIDDEN not in left and NAME_HIDDEN not in left:
        assert left == text
