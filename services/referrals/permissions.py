"""What an officer may do with a case now: the table of contracts/lifecycle.py applied to an account. Pure.

The workflow judges again by the same table; this is what makes the answer quick, complete and worded.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from contracts.lifecycle import INSTEAD, RULE, RULES, Act, Field, Party, Role, Rule, Seat, Stage, Track
from contracts.terms import ACT_ZH

ALWAYS_WELCOME = frozenset({Field.NOTE})
OPTIONAL: dict[Act, frozenset[Field]] = {Act.RECORD_VISIT: frozenset({Field.SATISFACTION})}
"""What an act may bring beyond what it needs. A note may always be added."""

TEXT_FIELDS = (Field.NOTE, Field.PUBLIC_REPLY)


@dataclass(frozen=True)
class Officer:
    """The account that acts."""

    account_id: str
    unit_id: str
    roles: frozenset[Role]


@dataclass(frozen=True)
class OpenTask:
    """The case's open task."""

    unit_id: str
    role: Role
    assignee: str | None


@dataclass(frozen=True)
class Standing:
    """What of a case decides who may act."""

    stage: Stage
    track: Track
    sequence: int
    changed_sequence: int
    desk: str
    holder: str | None
    task: OpenTask | None
    respondent_count: int
    linked: bool

    def seat(self, seat: Seat) -> str | None:
        """The unit in a seat."""
        return self.desk if seat is Seat.DESK else self.holder


def is_stale(case: Standing, expected_sequence: int) -> bool:
    """True when the case moved on in a way that the officer has not seen, or the number is none of this case."""
    return not case.changed_sequence <= expected_sequence <= case.sequence


def refuse(act: Act, officer: Officer, case: Standing) -> str | None:
    """Why the officer may not do this now: a code of refusals.TEXTS; None when it is legal."""
    rule = RULE[act]
    if rule.party is not Party.OFFICER or case.stage not in rule.stages:
        return "ILLEGAL_ACT"
    if act is Act.CLAIM:
        return _refuse_claim(officer, case.task)
    refusal = _refuse_place(rule, officer, case)
    if refusal is None and act is Act.ACCEPT and unlinked(case):
        return "NOT_LINKED"
    return refusal


def unlinked(case: Standing) -> bool:
    """A report whose respondents are not yet linked to units stays at the restricted desk (信访工作条例 art. 30)."""
    return case.track is Track.INTEGRITY and not case.linked


def _refuse_claim(officer: Officer, task: OpenTask | None) -> str | None:
    if task is None:
        return "ILLEGAL_ACT"
    if task.unit_id != officer.unit_id:
        return "NOT_YOUR_UNIT"
    if task.role not in officer.roles:
        return "NOT_YOUR_ROLE"
    if task.assignee is None:
        return None
    return "ALREADY_YOURS" if task.assignee == officer.account_id else "NOT_YOURS"


def _refuse_place(rule: Rule, officer: Officer, case: Standing) -> str | None:
    if not officer.roles.intersection(rule.roles):
        return "NOT_YOUR_ROLE"
    if rule.seat is None:
        return None
    if case.seat(rule.seat) != officer.unit_id:
        return "NOT_YOUR_UNIT"
    task = case.task
    if task is not None and task.unit_id == officer.unit_id and task.assignee not in (None, officer.account_id):
        return "NOT_YOURS"
    return None


def refuse_fields(act: Act, given: Iterable[str]) -> tuple[str, str] | None:
    """A code and the field at fault: what the act needs and did not get, or got and can't use; None when it fits."""
    rule, brought = RULE[act], set(given)
    missing = next((need.value for need in rule.needs if not brought.intersection((need, INSTEAD.get(need)))), None)
    if missing is not None:
        return f"MISSING_{missing.upper()}", missing
    welcome = {field.value for field in (*rule.needs, *OPTIONAL.get(act, ()), *ALWAYS_WELCOME)}
    surplus = sorted(brought - welcome)
    return ("UNEXPECTED_FIELD", surplus[0]) if surplus else None


def legal_acts(officer: Officer, case: Standing) -> list[dict[str, Any]]:
    """The acts that the officer may do now, in the table's order, with the fields that each needs and may take."""
    return [
        {
            "act": rule.act.value,
            "name": ACT_ZH[rule.act],
            "needs": [need.value for need in rule.needs],
            "may": sorted(
                field.value for field in ALWAYS_WELCOME | OPTIONAL.get(rule.act, frozenset()) if field not in rule.needs
            ),
        }
        for rule in RULES
        if rule.party is Party.OFFICER and refuse(rule.act, officer, case) is None
    ]


def may_read_texts(officer: Officer, case: Standing) -> bool:
    """Whether the officer's unit has the case in hand: its desk or its holder."""
    return officer.unit_id in (case.desk, case.holder)
