"""Recusal 回避 (信访工作条例 art. 28): whom an officer may have kept away from a case, and who decides for a leader."""

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Act, Role
from services.referrals.refusals import Refused
from services.referrals.repository import accounts
from services.referrals.repository.cases import CaseRow
from services.referrals.service.identity import Identity


async def leaderless(session: AsyncSession, who: Identity, case: CaseRow, act: Act, assignee: str | None) -> str | None:
    """The unit whose leader is to keep away from the case by the officer's order, if it is one.

    Raises Refused UNKNOWN_ACCOUNT for who is neither of the officer's unit nor, for the desk, of the holder's; and
    LAST_OF_ROLE for the last whom the unit has for his work, a leader's apart, which goes to the desk.
    """
    if act is not Act.ORDER_RECUSAL:
        return None
    at_desk = who.officer.unit_id == case.desk.unit_id
    of = {who.officer.unit_id, *((case.holder.unit_id,) if at_desk and case.holder else ())}
    people = [account for unit_id in sorted(of) for account in await accounts.of_unit(session, unit_id)]
    found = next((account for account in people if account.account_id == assignee), None)
    if found is None:
        raise Refused("UNKNOWN_ACCOUNT", extra={"field": "assignee"})
    left = [one for one in people if one.unit_id == found.unit_id and one.account_id not in case.course.barred]
    others = frozenset[Role]().union(*(one.roles for one in left if one is not found))
    if found.roles - {Role.LEADER} - others:
        raise Refused("LAST_OF_ROLE", extra={"field": "assignee"})
    return found.unit_id if Role.LEADER in found.roles else None
