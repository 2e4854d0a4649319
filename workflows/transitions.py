"""A step as it is recorded. Pure."""

from datetime import datetime

from contracts.cases import Deadline
from contracts.lifecycle import Act, Purpose
from contracts.messages import Actor, CaseState, Command, Transition
from workflows import clocks

_ABOUT = {
    Act.REQUEST_SUPPLEMENT: (Purpose.SUPPLEMENT,),
    Act.APPROVE_RETURN: (Purpose.DESIGNATE, Purpose.HANDLE),
    Act.REFER: (Purpose.RECEIPT,),
    Act.RECORD_RECEIPT: (Purpose.DISPOSAL,),
    Act.RECORD_DISPOSAL: (Purpose.ANSWER,),
    Act.REVIEW_PASS: (Purpose.VISIT,),
    Act.RECORD_VISIT: (Purpose.SILENCE,),
}
_ELSE = (Purpose.REDO, Purpose.HANDLE, Purpose.ACKNOWLEDGE)


def transition(
    old: CaseState,
    new: CaseState,
    act: Act,
    actor: Actor,
    at: datetime,
    command: Command | None,
    about: Deadline | None,
    before: Deadline | None = None,
) -> Transition:
    """The record of the step from ``old`` to ``new`` at business time ``at``.

    ``about``: the deadline it speaks of, and ``before`` what a recount replaced.
    """
    assert new.desk is not None
    return Transition(
        facts=new.facts,
        sequence=new.sequence,
        changed_sequence=max(1, new.changed_sequence),
        act=act,
        actor=actor,
        at=at,
        from_stage=old.stage,
        to_stage=new.stage,
        desk=new.desk,
        holder=new.holder,
        task=new.task,
        clocks=new.clocks,
        respondent_units=new.respondent_units,
        linked=new.linked,
        redo_count=new.redo_count,
        course=new.course,
        command_id=command.command_id if command else None,
        reason_code=command.reason_code if command else None,
        ground=command.ground if command else None,
        note=command.note if command else None,
        public_document=new.public_document,
        outcome=new.outcome,
        satisfaction=new.satisfaction,
        deadline=about or _about(new, act),
        deadline_before=before,
    )


def _about(state: CaseState, act: Act) -> Deadline | None:
    """The deadline that a told act names: what the reporter must meet, else when the holder must answer."""
    found = (clocks.running(state.clocks, purpose) for purpose in _ABOUT.get(act, _ELSE))
    return next((clock.deadline for clock in found if clock is not None and not clock.suspended), None)
