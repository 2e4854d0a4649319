"""Numbers by which a reporter could be known, hidden in what leaves the system on paper. Pure.

Names that a reporter writes in a free text can't be told from other names: of a guarded case no word of the reporter's
is printed at all.
"""

import re

HIDDEN = "（号码已隐去）"

# \d takes full-width digits too.
_NUMBERS = re.compile(
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"  # mail
    r"|(?<!\d)\d{17}[\dXxＸｘ](?![\dA-Za-z])"  # identity card
    r"|(?<!\d)(?:\+?86[-\s]?)?[1１][3-9３-９]\d(?:[-\s]?\d{4}){2}(?!\d)"  # mobile telephone
    r"|(?<!\d)[0０]\d{2,3}[-—\s]?\d{7,8}(?!\d)"  # telephone
    r"|(?:微信|[Vv]信|QQ|[Ww]e[Cc]hat)(?:号|号码)?\s*[:：是为]?\s*[A-Za-z0-9_-]{5,20}"
)


def masked(text: str) -> str:
    """The text without telephone and identity card numbers, mail and messenger addresses."""
    return _NUMBERS.sub(HIDDEN, text)
