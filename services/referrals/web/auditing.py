"""The audit, for its administrator: of an area or of one account, the latest first; to read it is on record too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.lifecycle import Role
from services.chassis import audit
from services.referrals.counting import CHINA
from services.referrals.refusal_text import Text
from services.referrals.refusals import TEXTS
from services.referrals.service.auditing import Sought
from services.referrals.service.registry import USERNAME
from services.referrals.web.session import AUDIT, Officer, Visit
from services.referrals.web.words import Words
from services.referrals.web.words_accounts import AUDIT_ACTS, AUDIT_DETAILS

router = APIRouter(include_in_schema=False)

ROWS = 50
ACCOUNT = "account"
_AREAS: Mapping[str, tuple[str, str]] = {
    "accounts": ("账号与岗位管理", "accounts and roles"),
    ACCOUNT: ("一个账号的登录与密码", "log-ins and passwords of one account"),
    "units": ("单位管理", "units"),
    "reference": ("基础数据", "tables of the agency"),
    "audit": ("审计查阅", "readings of the audit"),
}
_ORDER = {name: place for place, name in enumerate(AUDIT_DETAILS)}
_NOBODY = Text(422, "请填写用户名。", "Write the user name.")
_NO_DAY = Text(422, "日期格式不正确。", "That is no date.")


@dataclass(frozen=True)
class Asked:
    """The form of the page, as it was sent."""

    area: str = ""
    username: str = ""
    act: str = ""
    first: str = ""
    last: str = ""

    def url(self, before: int | None = None) -> str:
        """The address of what was asked for."""
        given = {**vars(self), "before": before}
        return f"{AUDIT}?{urlencode({name: value for name, value in given.items() if value})}"


Field = Annotated[str, Query(max_length=80)]


@router.get(AUDIT)
async def read(
    visit: Officer,
    area: Field = "",
    username: Field = "",
    act: Field = "",
    first: Field = "",
    last: Field = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """A page of what was asked for, nothing at first. Raises Refused FORBIDDEN."""
    visit.who.require(Role.AUDIT_ADMIN)
    asked = Asked(area if area in _AREAS else "", username.strip(), act if act in AUDIT_ACTS else "", first, last)
    sought = await _sought(visit, asked) if asked.area else None
    refused = sought if isinstance(sought, Text) else None
    looked = await visit.uses.auditing.back(visit.who, sought, before, ROWS) if isinstance(sought, Sought) else None
    return await visit.page(
        "audit.html",
        refused.status if refused else 200,
        queues=None,
        asked=asked,
        areas={code: visit.words.pick(*pair) for code, pair in _AREAS.items()},
        acts=list(AUDIT_ACTS),
        refused=refused,
        looked=looked,
        who_of=lambda actor: _name(actor, looked.names if looked else {}),
        details=lambda row: _details(row["action"], row["details"], visit.words),
        first_page=before is None,
        next=asked.url(looked.following) if looked and looked.following else None,
    )


async def _sought(visit: Visit, asked: Asked) -> Sought | Text:
    """What is to be read, or why it can't be."""
    try:
        since, until = _midnight(asked.first), _midnight(asked.last, days=1)
    except (ValueError, OverflowError):
        return _NO_DAY
    account_id = None
    if asked.username and asked.area in (ACCOUNT, "accounts"):
        known = re.fullmatch(USERNAME, asked.username) is not None
        account = await visit.uses.directory.named(asked.username) if known else None
        if account is None:
            return TEXTS["UNKNOWN_ACCOUNT"]
        account_id = account.account_id
    if asked.area != ACCOUNT:
        return Sought(audit.of_area(asked.area), account_id, asked.act or None, since, until)
    if account_id is None:
        return _NOBODY
    return Sought(audit.of_account(account_id), None, asked.act or None, since, until)


def _midnight(text: str, *, days: int = 0) -> datetime | None:
    """The beginning of a day in China, so many days on; raises ValueError."""
    return datetime.combine(date.fromisoformat(text) + timedelta(days), time(0), CHINA) if text else None


def _name(actor: str, names: Mapping[str, str]) -> str:
    """An actor or subject: an account by its name too."""
    account_id = actor.removeprefix("account/")
    return f"{names[account_id]}（{account_id}）" if account_id in names else actor


def _details(action: str, details: Mapping[str, object], words: Words) -> list[tuple[str, str]]:
    """What else the row says, in words: ids, classes and numbers."""
    return [
        (words.audit_detail(action, name), _shown(value, words))
        for name, value in sorted(details.items(), key=lambda item: _ORDER.get(item[0], len(_ORDER)))
        if value is not None
    ]


def _shown(value: object, words: Words) -> str:
    if isinstance(value, list):
        return words.pick("、", ", ").join(_shown(item, words) for item in value) or words.pick("无", "none")
    if isinstance(value, bool):
        return words.pick("是", "yes") if value else words.pick("否", "no")
    text = str(value)
    return words.role(text) if text in set(Role) else text
