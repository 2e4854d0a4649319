"""The accounts, for who keeps them: found by name or unit, and what the visitor's own role may do to each."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, TypeVar
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.responses import Response

from contracts.lifecycle import ADMINISTRATORS, Role
from services.chassis import audit
from services.chassis.web.forms import form_of
from services.referrals.api.administration import (
    AccountRequest,
    DepartureRequest,
    PasswordRequest,
    RolesRequest,
    VouchingRequest,
)
from services.referrals.refusal_text import Text
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.administering import KEEPERS, MAY, AccountAct, refusal
from services.referrals.service.directory import AccountState, Entry
from services.referrals.service.passwords import LONGEST, SHORTEST
from services.referrals.service.registry import NewAccount
from services.referrals.web.session import ACCOUNTS, Officer, Visit

router = APIRouter(include_in_schema=False)

ROWS = 50
_LIMIT = 8192
_NEW = f"{ACCOUNTS}/{AccountAct.ADD}"
_GRANTED = [role for role in Role if role is not Role.ADMIN]
_MISTYPED = {
    "username": Text(
        422,
        "用户名只能用字母、数字和 . _ @ -，不超过 80 个字符。",
        "A user name has letters, digits and . _ @ -, and at most 80 of them.",
    ),
    "name": Text(422, "请填写姓名，不超过 80 个字符。", "Write the name, in at most 80 characters."),
    "unit_id": TEXTS["UNKNOWN_UNIT"],
    "password": TEXTS["PASSWORD_TOO_SHORT"],
    "code": TEXTS["WRONG_VOUCHING_CODE"],
    "heir": TEXTS["UNKNOWN_ACCOUNT"],
}
_FORM = Text(422, "表单内容不完整，没有处理。", "The form is not complete, and nothing was done.")
_SURE = Text(422, "请先勾选确认。", "Tick that you are sure first.")


M = TypeVar("M", bound=BaseModel)


class _Mistyped(Exception):
    """A field of a form can't be what was typed."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def _checked(model: type[M], fields: Mapping[str, object]) -> M:
    """The form as the API's body has it; raises _Mistyped."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _Mistyped(_MISTYPED.get(str(error.errors()[0]["loc"][0]), _FORM)) from None


def _typed(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


@router.get(ACCOUNTS)
async def accounts(
    visit: Officer,
    text: Annotated[str, Query(max_length=80)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """A page of the accounts, by user name. Raises Refused FORBIDDEN."""
    visit.who.require(*KEEPERS)
    text, wanted = text.strip(), AccountState(state) if state in set(AccountState) else None
    entries, following = await visit.uses.directory.page(text, wanted, after, ROWS)
    asked = {"text": text, "state": wanted or ""}
    return await visit.page(
        "accounts.html",
        queues=None,
        entries=entries,
        text=text,
        state=wanted,
        states=list(AccountState),
        adds=bool(visit.who.account.roles & MAY[AccountAct.ADD]),
        first=not after,
        first_url=f"{ACCOUNTS}?{urlencode(asked)}",
        next=f"{ACCOUNTS}?{urlencode({**asked, 'after': following})}" if following else None,
    )


@router.get(_NEW)
async def new(visit: Officer) -> Response:
    """The form for another account. Raises Refused FORBIDDEN."""
    visit.who.require(*MAY[AccountAct.ADD])
    return await _new_page(visit, {"key": str(uuid4()), "password": _made_up()})


@router.post(_NEW)
async def add(visit: Officer) -> Response:
    """Added, once for each form that was shown; on to its page."""
    visit.who.require(*MAY[AccountAct.ADD])
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        fields = {name: _typed(form, name) for name in ("username", "name", "unit_id", "password")}
        typed = {**fields, "key": _typed(form, "key")}
    try:
        key = _key(typed["key"])
        body = _checked(AccountRequest, {**fields, "unit_id": fields["unit_id"] or None})
        account_id = await visit.uses.registry.add_account(
            NewAccount(body.username, body.name, body.unit_id, ()), body.password, by=_actor(visit), key=key
        )
    except _Mistyped as mistyped:
        return await _new_page(visit, typed, mistyped.text)
    except Refused as refused:
        return await _new_page(visit, typed, TEXTS[refused.code])
    return visit.go(f"{ACCOUNTS}/{account_id}", done=AccountAct.ADD)


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _Mistyped(_FORM) from None


async def _new_page(visit: Visit, typed: dict[str, str], refused: Text | None = None) -> Response:
    values = {"username": "", "name": "", "unit_id": "", **typed}
    return await visit.page(
        "account_new.html",
        refused.status if refused else 200,
        queues=None,
        typed=values,
        refused=refused,
        units=await visit.uses.directory.units(),
        shortest=SHORTEST,
        longest=LONGEST,
    )


@router.get(f"{ACCOUNTS}/{{account_id}}")
async def account(visit: Officer, account_id: str) -> Response:
    """One account. Raises Refused FORBIDDEN or NOT_FOUND."""
    visit.who.require(*KEEPERS)
    return visit.said(await _page(visit, await _entry(visit, account_id)))


@router.post(f"{ACCOUNTS}/{{account_id}}/{{act}}")
async def act(visit: Officer, account_id: str, act: AccountAct) -> Response:
    """Done, and back to the account's page; said again it changes nothing. A refusal stands at its form."""
    visit.who.require(*MAY[act])
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
    entry = await _entry(visit, account_id)
    if act not in _DO:
        raise Refused("NOT_FOUND")
    try:
        await _DO[act](visit, entry, form)
    except _Mistyped as mistyped:
        return await _page(visit, entry, act, mistyped.text, form)
    except Refused as refused:
        return await _page(visit, await _entry(visit, account_id), act, TEXTS[refused.code], form)
    return visit.go(f"{ACCOUNTS}/{account_id}", done=act)


async def _grant(visit: Visit, entry: Entry, form: FormData) -> None:
    wanted = _checked(RolesRequest, {"roles": form.getlist("roles")}).roles
    seen = _checked(RolesRequest, {"roles": _typed(form, "seen").split()}).roles
    await visit.uses.registry.grant_roles(
        entry.account.username, wanted, visit.who.account.account_id, seen=frozenset(seen)
    )


async def _vouch(visit: Visit, entry: Entry, form: FormData) -> None:
    code = _checked(VouchingRequest, {"code": _typed(form, "code")}).code
    if not entry.account.vouched:
        await visit.uses.vouching.vouch(entry.account.username, code, visit.who)


async def _reset_factor(visit: Visit, entry: Entry, form: FormData) -> None:
    await visit.uses.factors.reset(entry.account.username, _actor(visit))


async def _reset_password(visit: Visit, entry: Entry, form: FormData) -> None:
    password = _checked(PasswordRequest, {"password": _typed(form, "password")}).password
    await visit.uses.passwords.reset(entry.account.username, password, visit.who)


async def _unlock(visit: Visit, entry: Entry, form: FormData) -> None:
    if entry.paused:
        await visit.uses.registry.unlock(entry.account.username, by=_actor(visit))


async def _close(visit: Visit, entry: Entry, form: FormData) -> None:
    if _typed(form, "sure") != "yes":
        raise _Mistyped(_SURE)
    heir = _checked(DepartureRequest, {"heir": _typed(form, "heir") or None}).heir
    if entry.account.active:
        await visit.uses.registry.leave(entry.account.username, heir, by=_actor(visit))


_DO: dict[AccountAct, Callable[[Visit, Entry, FormData], Awaitable[None]]] = {
    AccountAct.ROLES: _grant,
    AccountAct.VOUCH: _vouch,
    AccountAct.FACTOR: _reset_factor,
    AccountAct.PASSWORD: _reset_password,
    AccountAct.UNLOCK: _unlock,
    AccountAct.CLOSE: _close,
}


async def _entry(visit: Visit, account_id: str) -> Entry:
    found = await visit.uses.directory.entry(account_id)
    if found is None:
        raise Refused("NOT_FOUND")
    return found


async def _page(
    visit: Visit,
    entry: Entry,
    refused_act: AccountAct | None = None,
    refused: Text | None = None,
    form: FormData | None = None,
) -> Response:
    account, done = entry.account, visit.just_done()
    has_factor = await visit.uses.factors.in_use(account.account_id)
    offered, barred = _offered(visit, entry, has_factor=has_factor)
    chosen = set(form.getlist("roles")) if form and refused_act is AccountAct.ROLES else account.roles
    return await visit.page(
        "account.html",
        refused.status if refused else 200,
        queues=None,
        entry=entry,
        has_factor=has_factor,
        offered=offered,
        barred=barred,
        done=done if refused is None and done in set(AccountAct) else None,
        refused_act=refused_act,
        refused=refused,
        roles=[role for role in _GRANTED if role not in ADMINISTRATORS],
        duties=[role for role in _GRANTED if role in ADMINISTRATORS],
        chosen=chosen,
        heirs=await visit.uses.directory.heirs(account) if AccountAct.CLOSE in offered else [],
        heir=_typed(form, "heir") if form else "",
        password=(_typed(form, "password") if form else "") or _made_up(),
        shortest=SHORTEST,
        longest=LONGEST,
    )


def _offered(visit: Visit, entry: Entry, *, has_factor: bool) -> tuple[set[AccountAct], dict[AccountAct, Text]]:
    """The acts that the visitor may do here and that do something, and those that are refused whatever is typed."""
    account = entry.account
    useful = {
        AccountAct.ROLES: account.active,
        AccountAct.VOUCH: account.active and not account.vouched,
        AccountAct.FACTOR: has_factor or account.provided,
        AccountAct.PASSWORD: account.active,
        AccountAct.UNLOCK: entry.paused,
        AccountAct.CLOSE: account.active,
    }
    own = [act for act, use in useful.items() if use and visit.who.account.roles & MAY[act]]
    codes = {act: refusal(act, account, _actor(visit)) for act in own}
    barred = {act: TEXTS[code] for act, code in codes.items() if code is not None}
    return set(own) - set(barred), barred


def _actor(visit: Visit) -> str:
    return audit.officer(visit.who.account.account_id)


def _made_up() -> str:
    return secrets.token_urlsafe(12)
