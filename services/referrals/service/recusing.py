"""Recusal 回避 (信访工作条例 art. 28): whom an officer may have kept away from a case or let back, and who decides for
a leader."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Act, Role
from contracts.messages import Transition
from services.referrals.refusals import Refused
from services.referrals.repository import accounts, cases
from services.referrals.repository.accounts import Account
from services.referrals.repository.cases import CaseRow
from services.referrals.service.identity import Identity


async def unit_led(session: AsyncSession, who: Identity, case: CaseRow, act: Act, assignee: str | None) -> str | None:
    """The unit whose leader is to keep away from the case by the officer's order, if it is one; or that has a leader
    for the case again when the officer lifts it.

    Raises Refused UNKNOWN_ACCOUNT for who is neither of the officer's unit nor, for the desk, of the holder's; for an
    order LAST_OF_ROLE for the last whom the unit has for his work, a leader's apart, which goes to the desk; for a
    lifting DESK_LIFTS when another unit ordered it, the desk apart.
    """
    if act not in (Act.ORDER_RECUSAL, Act.LIFT_RECUSAL):
        return None
    people = await concerned(session, who, case)
    found = next((account for account in people if account.account_id == assignee), None)
    if found is None:
        raise Refused("UNKNOWN_ACCOUNT", extra={"field": "assignee"})
    unit = [one for one in people if one.unit_id == found.unit_id and one is not found]
    if act is Act.LIFT_RECUSAL:
        await _refuse_lifting(session, who, case, found.account_id)
        kept_away = [one for one in unit if one.account_id in case.course.recused]
        return None if any(Role.LEADER in one.roles for one in kept_away) else found.unit_id
    others = frozenset[Role]().union(*(one.roles for one in unit if one.account_id not in case.course.barred))
    if found.roles - {Role.LEADER} - others:
        raise Refused("LAST_OF_ROLE", extra={"field": "assignee"})
    return found.unit_id if Role.LEADER in found.roles else None


async def concerned(session: AsyncSession, who: Identity, case: CaseRow) -> list[Account]:
    """Whose recusal the officer may decide on: those of his unit and, for the desk, of the holder's."""
    of = {who.officer.unit_id, *((case.holder.unit_id,) if _at_desk(who, case) and case.holder else ())}
    return [account for unit_id in sorted(of) for account in await accounts.of_unit(session, unit_id)]


async def _refuse_lifting(session: AsyncSession, who: Identity, case: CaseRow, account_id: str) -> None:
    record = await cases.record(session, case.facts.case_id)
    entered = _entered([step.step for step in record.steps], account_id) if record is not None else None
    ordered = entered is not None and entered.act is Act.ORDER_RECUSAL
    if ordered and entered is not None and entered.actor.unit_id != who.officer.unit_id and not _at_desk(who, case):
        raise Refused("DESK_LIFTS")


def _entered(steps: Iterable[Transition], account_id: str) -> Transition | None:
    """The step since which the officer keeps away."""
    entered: Transition | None = None
    for step in steps:
        if account_id not in step.course.recused:
            entered = None
        elif entered is None:
            entered = step
    return entered


def _at_desk(who: Identity, case: CaseRow) -> bool:
    return who.officer.unit_id == case.desk.unit_id
