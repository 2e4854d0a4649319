"""When officers are reminded: in their unit's working hours. Deadline, record and lamp never wait for them."""

from contracts.cases import UnitRef, WorkingMoment
from contracts.lifecycle import LADDER, Act
from contracts.messages import Transition
from contracts.reference import categories, working_hours
from services.referrals.counting import EXACT, Calendar
from services.referrals.hours import next_working_moment
from services.referrals.service.clocks import rule_of

REMINDERS = frozenset({Act.DUE_SOON, Act.OVERDUE, *LADDER})


def remind_at(step: Transition, calendar: Calendar, others: tuple[UnitRef, ...] = ()) -> tuple[WorkingMoment, ...]:
    """When desk, holder and others work next, for a reminder; empty when it is none, or must not wait.

    Urgent are cases marked so, the categories of high priority, clocks in hours or minutes, and a warning that working
    hours would bring after the deadline.
    """
    deadline = step.deadline
    if step.act not in REMINDERS or deadline is None:
        return ()
    category, rule = categories(step.at).get(step.facts.category), rule_of(deadline)
    high = category is not None and category.priority == "HIGH"
    if step.course.urgent or high or (rule is not None and rule.unit in EXACT):
        return ()
    units = dict.fromkeys(unit.unit_id for unit in (step.desk, step.holder or step.desk, *others))
    found = (
        WorkingMoment(unit_id=unit_id, at=next_working_moment(step.at, working_hours(unit_id, step.at), calendar))
        for unit_id in units
    )
    return tuple(moment for moment in found if step.act is not Act.DUE_SOON or moment.at < deadline.due_at)
