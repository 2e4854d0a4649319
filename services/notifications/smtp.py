"""One SMTP talk, told as an outcome. Reply texts are dropped: servers like to repeat the address in them."""

import asyncio
import ssl
from email.message import EmailMessage
from enum import IntEnum

import aiosmtplib

from services.notifications.attempts import Outcome, Result
from services.notifications.domain import Reason
from services.notifications.settings import NotificationSettings

_AUTH_WANTED = frozenset({530, 534, 535, 538})
"""RFC 4954: the server wants us to log in, or otherwise. Our set-up is at fault, not the recipient."""


class _Phase(IntEnum):
    """How far the talk has come; what an error means depends on it."""

    GREETING = 0
    RECIPIENT = 1
    DATA = 2


class Mailer:
    """Sends one mail per connection through the relay of the settings."""

    def __init__(self, settings: NotificationSettings) -> None:
        self._settings = settings
        self._tls = _tls(settings) if settings.smtp_starttls else None

    async def send(self, message: EmailMessage, to: str) -> Outcome:
        """Hand the mail to the relay. Never raises for what a server can do; ``to`` is a checked address."""
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            timeout=settings.smtp_timeout_seconds,
            start_tls=settings.smtp_starttls,
            tls_context=self._tls,
            username=settings.smtp_username or None,
            password=settings.smtp_password or None,
        )
        phase = _Phase.GREETING
        try:
            async with asyncio.timeout(settings.smtp_timeout_seconds):
                await client.connect()
                await client.mail(settings.mail_from, encoding="ascii")
                phase = _Phase.RECIPIENT
                await client.rcpt(to, encoding="ascii")
                phase = _Phase.DATA
                await client.data(message.as_bytes())
        except aiosmtplib.SMTPResponseException as error:
            return _answered(phase, error.code)
        except aiosmtplib.SMTPNotSupported:
            return Outcome(Result.TRY_AGAIN, Reason.SERVER_SETUP)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            if phase is _Phase.DATA:
                # Its yes may have been on the way when the connection broke.
                return Outcome(Result.UNCERTAIN, Reason.BROKEN_OFF)
            return Outcome(Result.TRY_AGAIN, Reason.SERVER_AWAY)
        finally:
            client.close()
        return Outcome(Result.SENT, code=250)


def _answered(phase: _Phase, code: int) -> Outcome:
    """What a negative reply means: 4xx is for now; 5xx is a refusal when it is about the recipient or the message."""
    if code < 0:  # the library's sign for a reply that is none
        return Outcome(Result.UNCERTAIN if phase is _Phase.DATA else Result.TRY_AGAIN, Reason.BROKEN_OFF)
    if code < 500:
        return Outcome(Result.TRY_AGAIN, Reason.SERVER_BUSY, code)
    if phase is _Phase.GREETING or code in _AUTH_WANTED:
        return Outcome(Result.TRY_AGAIN, Reason.SERVER_SETUP, code)
    reason = Reason.RECIPIENT_REFUSED if phase is _Phase.RECIPIENT else Reason.MESSAGE_REFUSED
    return Outcome(Result.REFUSED, reason, code)


def _tls(settings: NotificationSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.smtp_ca_file or None)
