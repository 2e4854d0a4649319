"""Why a TLS handshake failed, so that we can say which setting to look at."""

import ssl
from enum import StrEnum

_OTHER_NAME = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH, and the same for an address."""


class Trouble(StrEnum):
    """The part of a handshake that failed, in words that follow the engine's name."""

    UNTRUSTED = "shows a certificate that we don't trust"
    OTHER_NAME = "shows a certificate for another name"
    WANTS_OURS = "wants a certificate that we don't show"
    NO_TLS = "does not speak TLS as we do"
    BROKEN_OFF = "takes the connection and breaks it off"


def trouble(error: BaseException | None) -> Trouble | None:
    """What failed, from an error or from what caused it; None when it was no handshake."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return Trouble.OTHER_NAME if error.verify_code in _OTHER_NAME else Trouble.UNTRUSTED
        if isinstance(error, ssl.SSLError):
            # What the other side tells us of certificates is about ours.
            return Trouble.WANTS_OURS if "CERTIFICATE" in (error.reason or "") else Trouble.NO_TLS
        error = error.__cause__ or error.__context__
    return None
