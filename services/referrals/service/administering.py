"""What each administrator may do to an account, and to whose: one rule for API and pages (等保三级: 三员分立)."""

from collections.abc import Mapping
from enum import StrEnum

from contracts.lifecycle import ADMINISTRATORS, Role
from services.chassis import audit
from services.referrals.repository.accounts import Account


class AccountAct(StrEnum):
    """What administrators do to accounts; the value is its place in the pages' addresses."""

    ADD = "new"
    ROLES = "roles"
    VOUCH = "vouching"
    FACTOR = "second-factor"
    PASSWORD = "password"
    UNLOCK = "pause"
    CLOSE = "departure"


MAY: Mapping[AccountAct, frozenset[Role]] = {
    AccountAct.ADD: frozenset({Role.SYSTEM_ADMIN}),
    AccountAct.ROLES: frozenset({Role.SECURITY_ADMIN}),
    AccountAct.VOUCH: frozenset({Role.SECURITY_ADMIN}),
    AccountAct.FACTOR: frozenset({Role.SECURITY_ADMIN}),
    AccountAct.PASSWORD: frozenset({Role.SYSTEM_ADMIN}),
    AccountAct.UNLOCK: frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN}),
    AccountAct.CLOSE: frozenset({Role.SYSTEM_ADMIN}),
}
KEEPERS = frozenset().union(*MAY.values())
"""Who keeps the accounts: the audit administrator does nothing to them."""

_OF_OTHERS = {
    AccountAct.ROLES: "OWN_ROLES",
    AccountAct.FACTOR: "OWN_ROLES",
    AccountAct.PASSWORD: "OWN_PASSWORD",
    AccountAct.CLOSE: "OWN_ACCOUNT",
}
_AT_THE_MACHINE = {
    AccountAct.PASSWORD: "ADMINISTRATORS_PASSWORD",
    AccountAct.CLOSE: "ADMINISTRATORS_ACCOUNT",
}
_OF_ACTIVE = frozenset({AccountAct.ROLES, AccountAct.VOUCH, AccountAct.PASSWORD})


def refusal(act: AccountAct, account: Account, by: str) -> str | None:
    """Why this is not done to this account, a code of refusals, or None; ``by``: the actor, an account's or who runs
    the command on the machine, who alone sets an administrator's password and closes his account: else one could become
    another, or be rid of whom the others are kept in check by."""
    if act in _OF_ACTIVE and not account.active:
        return "UNKNOWN_ACCOUNT"
    if act in _OF_OTHERS and by == audit.officer(account.account_id):
        return _OF_OTHERS[act]
    if act in _AT_THE_MACHINE and account.roles & ADMINISTRATORS and by != audit.operator():
        return _AT_THE_MACHINE[act]
    return None
