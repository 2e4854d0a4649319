"""What a mail says and what it can't be made to say."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.lifecycle import Purpose
from services.notifications.domain import Template
from services.notifications.mail import AddressMalformed, compose, mailbox
from services.notifications.templates import BY_LANGUAGE, last_moment, paragraphs
from tests.unit.notifications.events import DESK, DUE, HOLDER

NOTICE = UUID("5b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a5b")
DATA = {
    "at": "2026-09-18T01:30:00+00:00",
    "case_number": "HY-1",
    "desk": DESK.name,
    "holder": HOLDER.name,
    "purpose": Purpose.HANDLE.value,
    "due_at": DUE.isoformat(),
    "reason_code": "R03",
    "outcome": "PARTLY_SUBSTANTIATED",
    "task": "SIGN",
}
REPORTERS = [template for template in Template if template not in list(Template)[-5:]]


def mail(template: Template = Template.HANDED_OVER, **changed: Any) -> EmailMessage:
    """The mail as a receiving program reads it back from its bytes."""
    values: dict[str, Any] = {
        "notice_id": NOTICE,
        "template": template,
        "data": DATA,
        "case_number": "HY-20260918-000017",
        "language": "zh",
        "sender": "huiyin@example.org",
        "to": "reporter@example.com",
        "tracking_url": "https://huiyin.example/tracking",
        "date": datetime(2026, 9, 18, 1, 31, tzinfo=UTC),
    }
    parsed = email.message_from_bytes(compose(**(values | changed)).as_bytes(), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_handed_over_says_to_whom_and_by_when() -> None:
    text = body(mail(), "plain")
    assert "您的来件已转交潍城区卫生健康局办理。" in text
    assert "须于2026年9月25日24:00前答复您。" in text
    assert "HY-20260918-000017" in text
    assert "https://huiyin.example/tracking" in text


def test_in_english_when_asked_for() -> None:
    message = mail(language="en")
    assert message["Subject"] == "[Huiyin] Submission HY-20260918-000017: handed over"
    assert "by 24:00 on 25 September 2026 (Beijing time)" in body(message, "plain")


def test_a_refusal_says_why_and_where_to_go() -> None:
    text = body(mail(Template.REJECTED), "plain")
    assert "理由：应由纪检监察机关处理。" in text
    assert "请拨打12388或向纪检监察机关反映。" in text


def test_a_reply_asks_for_a_rating_and_keeps_the_reply_itself_on_the_tracking_page() -> None:
    text = body(mail(Template.REPLIED), "plain")
    assert "办理结论：部分属实。" in text
    assert "作出评价" in text


@pytest.mark.parametrize(
    ("due_at", "words"),
    [
        (datetime(2026, 9, 25, 16, tzinfo=UTC), "2026年9月25日24:00"),
        (datetime(2026, 12, 31, 16, tzinfo=UTC), "2026年12月31日24:00"),
        (datetime(2026, 9, 25, 16, 30, tzinfo=UTC), "2026年9月26日00:30"),
    ],
)
def test_a_deadline_is_worded_as_the_end_of_its_last_day(due_at: datetime, words: str) -> None:
    assert last_moment(due_at, "zh") == words


def test_a_date_that_rests_on_an_unpublished_year_is_marked() -> None:
    due = {"due_at": datetime(2027, 3, 3, 16, tzinfo=UTC).isoformat(), "purpose": "HANDLE", "provisional": "yes"}
    assert "须于2027年3月3日24:00（暂定）前答复您。" in paragraphs(Template.ACCEPTED, due, "zh")
    assert "You must be answered by 24:00 on 3 March 2027 (Beijing time) (provisional)." in paragraphs(
        Template.ACCEPTED, due, "en"
    )


def test_officers_read_the_date_before_and_after_a_recount() -> None:
    moved = {
        "case_number": "HY-1",
        "purpose": "SIGN",
        "due_before": datetime(2027, 3, 2, 16, tzinfo=UTC).isoformat(),
        "provisional_before": "yes",
        "due_at": datetime(2027, 3, 3, 16, tzinfo=UTC).isoformat(),
    }
    assert paragraphs(Template.RECOUNTED, moved, "zh") == [
        "因日历调整，案件HY-1的签收期限重新计算。原期限：2027年3月2日24:00（暂定）。期限：2027年3月3日24:00。"
    ]
    (text,) = paragraphs(Template.RECOUNTED, moved, "en")
    assert "It was due: 24:00 on 2 March 2027 (Beijing time) (provisional)." in text


def test_the_message_id_is_the_notices_so_that_a_repetition_is_known() -> None:
    assert mail()["Message-ID"] == f"<{NOTICE}@example.org>" == mail(language="en")["Message-ID"]


def test_it_is_text_and_simple_html_that_fetches_nothing() -> None:
    message = mail()
    assert message.get_content_type() == "multipart/alternative"
    html = body(message, "html")
    assert not re.search(r"<(script|img|link|style|iframe|object)|\son\w+=", html)
    assert html.count("https://") == 2  # the link and its text


def test_mail_programs_do_not_answer_it() -> None:
    assert mail()["Auto-Submitted"] == "auto-generated"


def test_it_passes_servers_that_know_seven_bits_only() -> None:
    raw = compose(
        notice_id=NOTICE,
        template=Template.REPLIED,
        data=DATA,
        case_number="HY-1",
        language="zh",
        sender="huiyin@example.org",
        to="reporter@example.com",
        tracking_url="https://huiyin.example/tracking",
        date=datetime.now(UTC),
    ).as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.splitlines()) <= 998


@pytest.mark.parametrize("language", BY_LANGUAGE)
@pytest.mark.parametrize("template", Template)
def test_every_template_has_words_in_both_languages_whatever_the_data_lacks(template: Template, language: str) -> None:
    for data in (DATA, {}, {"case_number": "HY-1"}, DATA | {"task": "NEW", "purpose": "NEW", "outcome": "NEW"}):
        said = paragraphs(template, data, language)
        assert said
        assert not any("{" in text or "None" in text for text in said)
    other = "".join(paragraphs(template, DATA | {"holder": "H", "desk": "D"}, language))
    assert (language == "zh") == bool(re.search("[\u4e00-\u9fff]", other))


@pytest.mark.parametrize("template", REPORTERS)
def test_no_mail_says_that_it_is_a_report_or_whom_it_accuses(template: Template) -> None:
    """The mailbox may be read by others: it is a submission, with a number."""
    message = mail(template)
    text = body(message, "plain") + message["Subject"]
    assert not re.search("举报|投诉|被反映|查询码[：:]", text)


INJECTIONS = [
    "a@b.example\r\nBcc: victim@example.com",
    "a@b.example\nX: y",
    "a@b.example\r",
    "a@b.example,c@d.example",
    "a@b.example>",
    "<a@b.example>",
    "a b@c.example",
    '"a b"@c.example',
    "a@b@c.example",
    "a\x00@b.example",
    "a@[127.0.0.1]",
    "a@b.example SIZE=1",
    "张三@b.example",
    "a@-b.example",
    "@b.example",
    "a@",
    "a",
    "",
    "a" * 65 + "@b.example",
    "a@" + "b" * 64 + ".example",
    "a@" + "b." * 130 + "example",
    "a\u2028@b.example",
]


@pytest.mark.parametrize("address", INJECTIONS)
def test_an_address_that_is_more_than_an_address_is_refused_and_not_repeated_in_the_error(address: str) -> None:
    with pytest.raises(AddressMalformed) as caught:
        mailbox(address)
    assert "b.example" not in str(caught.value)
    with pytest.raises(AddressMalformed):
        mail(to=address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("reporter@example.com", "reporter@example.com"),
        ("first.last+tag@Mail.Example.COM", "first.last+tag@mail.example.com"),
        ("reporter@例子.中国", "reporter@xn--fsqu00a.xn--fiqs8s"),
        ("o'brien@example.ie", "o'brien@example.ie"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_usual_addresses_are_taken(address: str, expected: str) -> None:
    assert mailbox(address) == expected
    assert mail(to=address)["To"] == expected


@given(st.text(max_size=60))
def test_no_text_anywhere_makes_a_header_or_markup_of_its_own(text: str) -> None:
    usual = set(mail().keys())
    message = mail(case_number=text, data=DATA | {"holder": text, "desk": text, "case_number": text})
    assert set(message.keys()) == usual
    assert message["To"] == "reporter@example.com"
    html = body(message, "html")
    assert re.findall(r"<(\w+)", html) == re.findall(r"<(\w+)", body(mail(), "html"))


@given(st.text(max_size=80))
def test_whatever_is_taken_as_an_address_is_one_plain_mailbox(text: str) -> None:
    try:
        taken = mailbox(text)
    except AddressMalformed:
        return
    assert re.fullmatch(r"[!-~]+@[a-z0-9.-]+", taken)
    assert not set('<>,;:"()[]\\ ') & set(taken)


def test_dates_in_mails_are_chinas() -> None:
    late_evening = datetime(2026, 9, 18, 16, 30, tzinfo=UTC)
    text = body(mail(Template.RECEIPT, data={"at": late_evening.isoformat()}), "plain")
    assert "2026年9月19日00:30" in text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_a_public_site_no_address_is_named(language: str) -> None:
    message = mail(tracking_url="", language=language)
    assert "http" not in body(message, "plain") + body(message, "html")
