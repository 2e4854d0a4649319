"""Marks of likeness: the same reporter however written, texts that were reworded a little, and nothing to read back."""

import random

import pytest

from services.chassis.crypto import HashKey
from services.chassis.suites import Suite
from services.complaints.likeness import SIMILAR, Likeness, similarity
from services.complaints.schemas import Reporter

LIKENESS = Likeness(HashKey(Suite.AES, b"k" * 32))
TEXT = (
    "父亲住院九天,出院清单上床位费收了十二天,其中三天和重症监护的床位费同一天重复计算。"
    "我找过住院收费处两次,都说系统自动生成不能改,要求退还多收的床位费并说明原因。"
)


def marks(text: str = TEXT, likeness: Likeness = LIKENESS, **reporter: str) -> tuple[bytes, ...]:
    return likeness.of(text, Reporter(**reporter)).reporter


def alike(one: str, other: str) -> float:
    first, second = LIKENESS.of(one, None).sketch, LIKENESS.of(other, None).sketch
    assert first is not None
    assert second is not None
    return similarity(first, second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"phone": "13900000002"}, {"phone": "+86 139-0000-0002"}),
        ({"phone": "13900000002"}, {"phone": "008613900000002"}),
        ({"email": "Liu@Example.org"}, {"email": "liu@example.org"}),
        ({"id_number": "11010119900101123x"}, {"id_number": "110101 19900101 123X"}),
    ],
)
def test_a_reporter_is_the_same_however_written(one: dict[str, str], other: dict[str, str]) -> None:
    assert marks(**one) == marks(**other) != ()


def test_each_way_to_tell_a_reporter_has_a_mark_and_a_name_only_with_a_number() -> None:
    assert len(marks(name="刘建国", phone="13900000002", email="a@example.org", id_number="110101199001011234")) == 5
    assert marks(name="刘建国", address="某路一号") == ()
    assert LIKENESS.of(TEXT, None).reporter == ()


def test_the_same_digits_as_a_phone_and_as_an_id_number_differ() -> None:
    assert marks(phone="13900000002") != marks(id_number="13900000002")


def test_another_key_makes_other_marks_and_other_sketches() -> None:
    other = Likeness(HashKey(Suite.AES, b"o" * 32))
    assert marks(phone="13900000002") != marks(phone="13900000002", likeness=other)
    ours, theirs = LIKENESS.of(TEXT, None).sketch, other.of(TEXT, None).sketch
    assert ours is not None
    assert theirs is not None
    assert similarity(ours, theirs) < 0.1


def test_a_text_that_was_reworded_a_little_is_similar_and_shares_a_mark() -> None:
    reworded = TEXT.replace("两次", "三次").replace("我找过", "家属找过") + "请尽快处理。"
    assert alike(TEXT, reworded) >= SIMILAR
    assert set(LIKENESS.of(TEXT, None).all) & set(LIKENESS.of(reworded, None).all)


def test_punctuation_width_and_case_say_nothing() -> None:
    assert alike(TEXT, TEXT.replace(",", " , ").replace("。", "!")) == 1


def test_texts_about_other_things_are_not_similar() -> None:
    other = "某医生在门诊暗示收红包三千元,手术后又介绍病人到外面的药店买药,并且拒绝开具发票,希望有关部门认真调查。"
    assert alike(TEXT, other) < 0.2


def test_an_estimate_is_near_the_share_of_common_shingles() -> None:
    choice = random.Random(3)
    words = [chr(0x4E00 + choice.randrange(3000)) for _ in range(2000)]
    half = [*words[:1000], *(chr(0x4E00 + 4000 + choice.randrange(3000)) for _ in range(1000))]
    assert abs(alike("".join(words), "".join(half)) - 1 / 3) < 0.25


def test_a_short_text_has_no_sketch() -> None:
    assert LIKENESS.of("窗口态度恶劣", None).sketch is None
    assert LIKENESS.of("窗口态度恶劣", None).all == ()


def test_what_is_kept_does_not_grow_with_the_text() -> None:
    sketch = LIKENESS.of(TEXT * 200, None).sketch
    assert sketch is not None
    assert len(sketch) == 96
    assert len(LIKENESS.of(TEXT * 200, None).all) == 8
