"""Who may ask for a reporter's identity, and who is the second person that decides. Pure.

Nobody looks without a chief's approval (关于保护、奖励职务犯罪举报人的若干规定, 2016). The unit that holds an ordinary
case asks its own leader; all others the case's desk, which also decides for a report and where the holder is accused.
"""

from collections.abc import Collection, Iterable

from contracts import judge
from contracts.judge import Standing
from contracts.lifecycle import ROLES_AT, Role
from services.referrals.permissions import Officer, may_read_texts

AT_DESK = frozenset({Role.SUPERVISOR, Role.LEADER})
AT_HOLDER = frozenset({Role.LEADER})
_WORKING = frozenset[Role]().union(*ROLES_AT.values())


def refuse_ask(officer: Officer, case: Standing) -> str | None:
    """Why the officer may not ask, a code; None when he may."""
    if officer.account_id in case.course.barred:
        return judge.EXCLUDED
    if not may_read_texts(officer, case) or not officer.roles & _WORKING:
        return "NO_GRANT"
    if case.course.extract is not None:
        return "EXTRACT_ONLY"
    return None if case.facts.named or len(case.facts.complaint_ids) > 1 else "OPENING_NO_IDENTITY"


def refuse_yes(asker: Officer | None, case: Standing, asking_unit: str) -> str | None:
    """Why nobody can agree to what this officer (None: he has left) asked for in a unit, a code; None: nothing."""
    stays = asker is not None and asker.unit_id == asking_unit and refuse_ask(asker, case) is None
    return None if stays else "OPENING_ASKER_CHANGED"


def deciding(case: Standing, asking_unit: str, holder_path: Collection[str], accused: Iterable[str]) -> str:
    """The unit whose second person decides. ``holder_path``: the holder and the units above it."""
    assert case.desk is not None
    desk, holder = case.desk.unit_id, case.holder
    own = holder is not None and holder.unit_id == asking_unit and asking_unit != desk
    own = own and asking_unit not in case.course.leaderless
    return asking_unit if own and not judge.guarded(case) and not set(holder_path) & set(accused) else desk


def roles_of(case: Standing, unit_id: str) -> frozenset[Role]:
    """The roles that decide in a unit; none where it has no say."""
    if case.desk is not None and unit_id == case.desk.unit_id:
        return AT_DESK
    if case.holder is not None and unit_id == case.holder.unit_id and not judge.guarded(case):
        return AT_HOLDER
    return frozenset()


def refuse_decision(
    officer: Officer, case: Standing, asked_by: str, decides_unit: str | None, deciding_now: str
) -> str | None:
    """Why the officer may not decide on a request, a code; None when he may. ``decides_unit`` was asked, and by now the
    case, its holder or the accused may be others, so that ``deciding_now`` would be."""
    if officer.account_id in case.course.barred:
        return judge.EXCLUDED
    if officer.unit_id != decides_unit:
        return judge.NOT_YOUR_UNIT
    if decides_unit != deciding_now:
        return "OPENING_OTHER_DECIDES"
    if not officer.roles & roles_of(case, officer.unit_id):
        return judge.NOT_YOUR_ROLE
    return "OPENING_OWN_REQUEST" if officer.account_id == asked_by else None
