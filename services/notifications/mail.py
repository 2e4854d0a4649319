"""A notice as a mail: text and simple HTML. Pure; an address is checked before it comes into a header."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from uuid import UUID

from services.notifications.domain import Template
from services.notifications.templates import paragraphs, subject

# RFC 5321's unquoted form and nothing else: no white space, control characters, quotes, comments or second @.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)

_FRAME = {
    "zh": {
        "title": "【回音】来件{number}：{subject}",
        "hello": "您好！",
        "number": "来件编号：{number}",
        "look": "凭来件编号和查询码，可在提交的渠道随时查询进展",
        "at": "：{url}",
        "safe": "本邮件由系统自动发出，请勿回复。我们不会向您索要查询码。",
    },
    "en": {
        "title": "[Huiyin] Submission {number}: {subject}",
        "hello": "Hello,",
        "number": "Your number: {number}",
        "look": "Follow it at any time with your number and query code where you submitted it",
        "at": ": {url}",
        "safe": "This mail was sent automatically, please do not answer it. We never ask for your query code.",
    },
}


class AddressMalformed(ValueError):
    """The address can't be used for mail. The text never holds it."""


def mailbox(address: str) -> str:
    """The address in the form that SMTP takes, its domain in ASCII; raises AddressMalformed."""
    local, at, domain = address.partition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower() if at else ""
    except UnicodeError:
        raise AddressMalformed("the address has no usable domain") from None
    if (
        not _LOCAL.fullmatch(local)
        or not _DOMAIN.fullmatch(ascii_domain)
        or len(local) > 64
        or len(local) + len(ascii_domain) > 253
    ):
        raise AddressMalformed("the address is not of the form name@domain")
    return f"{local}@{ascii_domain}"


def one_line(text: str) -> str:
    """The text without line breaks and other control characters, for headers and single lines."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def compose(
    *,
    notice_id: UUID,
    template: Template,
    data: dict[str, str],
    case_number: str,
    language: str,
    sender: str,
    to: str,
    tracking_url: str,
    date: datetime,
) -> EmailMessage:
    """The mail for one notice.

    ``Message-ID`` is made of the notice id: a mail that goes twice is known as the same one. ``language`` is zh or en;
    ``to`` must be a bare address. Raises AddressMalformed for any other. ``tracking_url`` empty: no address is named.
    """
    frame = _FRAME[language]
    number = one_line(case_number)
    lines = [one_line(text) for text in paragraphs(template, data, language)]
    message = EmailMessage(policy=SMTP)
    message["Subject"] = frame["title"].format(number=number, subject=subject(template, language))
    message["From"] = Address("回音" if language == "zh" else "Huiyin", addr_spec=sender)
    message["To"] = Address(addr_spec=mailbox(to))
    message["Date"] = format_datetime(date)
    message["Message-ID"] = f"<{notice_id}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message["X-Huiyin-Notice"] = str(notice_id)
    message["Content-Language"] = language
    parts = [frame["hello"], *lines, frame["number"].format(number=number)]
    look = frame["look"] + (frame["at"].format(url=tracking_url) if tracking_url else "")
    message.set_content("\n\n".join([*parts, look, frame["safe"]]) + "\n")
    message.add_alternative(_html(parts, frame, tracking_url, language), subtype="html")
    return message


def _html(parts: list[str], frame: dict[str, str], url: str, language: str) -> str:
    link = f'<a href="{escape(url, quote=True)}">{escape(url)}</a>'
    body = "\n".join(f"<p>{escape(part)}</p>" for part in parts)
    look = escape(frame["look"]) + (frame["at"].format(url=link) if url else "")
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8"><title>Huiyin</title></head>\n'
        f"<body>\n{body}\n<p>{look}</p>\n<p><small>{escape(frame['safe'])}</small></p>\n</body></html>\n"
    )
