"""Setting the officer's own password; and what happened to the account lately, so that he sees what he did not do."""

from fastapi import APIRouter
from starlette.responses import Response

from services.chassis.web.forms import form_of
from services.referrals.refusal_text import Text
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.passwords import LONGEST, SHORTEST
from services.referrals.service.second_factors import Factor
from services.referrals.web.session import HOME, PASSWORD, TOKEN, Arrival, Officer, Visit

router = APIRouter(include_in_schema=False)

_LIMIT = 4096
_CODE = 40
_LINKED = "linked"
_DIFFER = Text(422, "两次输入的新密码不一致。", "The two new passwords differ.")


async def _page(visit: Visit, refused: Text | None = None, link_refused: Text | None = None) -> Response:
    who, said = visit.who, refused or link_refused
    return visit.part(
        "password.html",
        said.status if said else 200,
        queues=None,
        refused=refused,
        link_refused=link_refused,
        links=visit.uses.openid is not None and who.settled and who.factor is not Factor.PROVIDER,
        linked=visit.just_done() == _LINKED,
        shortest=SHORTEST,
        until=who.account.password_until if who.must_set_password else None,
        code=await visit.uses.vouching.code(who),
        happened=await visit.uses.auditing.own(who),
    )


@router.get(PASSWORD)
async def show(visit: Arrival) -> Response:
    """The form, and the account's record."""
    return visit.said(await _page(visit))


@router.post(PASSWORD)
async def set_own(visit: Arrival) -> Response:
    """Set: every session ends, this one goes on with a new token."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        current, new, again = (str(form.get(name, ""))[: LONGEST + 1] for name in ("current", "new", "again"))
    if new != again:
        return await _page(visit, _DIFFER)
    try:
        token, _ = await visit.uses.passwords.set_own(visit.who, current, new)
    except Refused as refused:
        return await _page(visit, TEXTS[refused.code])
    response = visit.go(HOME)
    visit.bench.cookie.write(response, {TOKEN: token})
    return response


@router.post(f"{PASSWORD}/openid")
async def link(visit: Officer) -> Response:
    """The officer is who came from the OpenID provider and was shown this code: he logs in by it from now on."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        code = str(form.get("code", ""))[:_CODE]
    try:
        await visit.uses.vouching.link(visit.who, code)
    except Refused as refused:
        return await _page(visit, link_refused=TEXTS[refused.code])
    visit.uses.identities.forget(visit.who)
    return visit.go(PASSWORD, done=_LINKED)
