"""What an officer may do with a case now, and what an act takes: contracts/judge for an account. Pure.

The workflow judges again by the same rules; this is what makes the answer quick, complete and worded.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts import judge
from contracts.judge import Standing
from contracts.lifecycle import INSTEAD, RECUSALS, RULE, Act, Field, Role, Seat
from contracts.messages import Transition
from contracts.terms import ACT_ZH

ALWAYS_WELCOME = frozenset({Field.NOTE})
"""A note may always be added."""

_TO_SUPERIOR = frozenset({Act.MARK_MAJOR, Act.REPORT_MAJOR})
"""Acts whose note is for the authority to which a major clue was reported."""

DECIDING = frozenset({Role.SUPERVISOR, Role.LEADER})
"""For whom the reasons of recusals are."""

TEXT_FIELDS = (Field.NOTE, Field.PUBLIC_REPLY, Field.EXTRACT)


@dataclass(frozen=True)
class Officer:
    """The account that acts."""

    account_id: str
    unit_id: str
    roles: frozenset[Role]


def refuse_fields(act: Act, given: Iterable[str], needs: Iterable[Field] = ()) -> tuple[str, str] | None:
    """A code and the field at fault: what the act needs and did not get, or got and can't use; None when it fits.

    ``needs``: what it needs in this case, as well as what it always does (judge.needs).
    """
    rule, brought = RULE[act], set(given)
    missing = next(
        (need.value for need in (*rule.needs, *needs) if not brought.intersection((need, INSTEAD.get(need)))), None
    )
    if missing is not None:
        return f"MISSING_{missing.upper()}", missing
    welcome = {field.value for field in (*rule.needs, *rule.may, *ALWAYS_WELCOME)}
    surplus = sorted(brought - welcome)
    return ("UNEXPECTED_FIELD", surplus[0]) if surplus else None


def legal_acts(officer: Officer, case: Standing) -> list[dict[str, Any]]:
    """The acts that the officer may do now, in the table's order, with the fields that each needs and may take."""
    return [
        {
            "act": rule.act.value,
            "name": ACT_ZH[rule.act],
            "needs": [need.value for need in needs],
            "may": sorted(field.value for field in {*ALWAYS_WELCOME, *rule.may} if field not in needs),
        }
        for rule in judge.legal(officer, case)
        for needs in [judge.needs(rule.act, case)]
    ]


def may_read_texts(officer: Officer, case: Standing) -> bool:
    """Whether the officer's unit has the case in hand: desk, holder, helping unit, arbiter, or who was referred it."""
    return any(officer.unit_id in judge.units_at(case, seat) for seat in Seat) or officer.unit_id in {
        support.unit.unit_id for support in case.course.supports
    }


def readable(officer: Officer, case: Standing, steps: Iterable[Transition]) -> frozenset[UUID]:
    """The ids of the officers' texts that the officer may read: all of them where the unit has the case in hand, else
    those that the unit wrote itself, and what was written for it as the authority above. Why a recusal was lifted is
    for those who decide."""
    has_it = may_read_texts(officer, case)
    major = case.course.major
    above = major is not None and major.superior is not None and major.superior.unit_id == officer.unit_id
    written = [
        document
        for step in steps
        if has_it or step.actor.unit_id == officer.unit_id or (above and step.act in _TO_SUPERIOR)
        if step.act not in RECUSALS or DECIDING & officer.roles
        for document in (step.note, step.public_document)
    ]
    if has_it:
        written += [case.course.extract, *(support.document for support in case.course.supports)]
    return frozenset(document.document_id for document in written if document is not None)
