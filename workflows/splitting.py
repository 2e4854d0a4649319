"""What a mixed submission is split into (拆单). Pure."""

from uuid import UUID, uuid5

from contracts.cases import DocumentRef
from contracts.course import Course
from contracts.lifecycle import Track
from contracts.messages import CaseState, Command


def split_case_id(state: CaseState, command: Command) -> UUID:
    """The id of the case that a split makes: the same for the same command."""
    return uuid5(state.facts.case_id, f"split/{command.command_id}")


def split_off(state: CaseState, command: Command) -> CaseState:
    """The general part as a case of its own (拆单): the same complaint, an extract in place of the submission."""
    case_id = split_case_id(state, command)
    assert command.extract is not None
    extract = DocumentRef(document_id=uuid5(case_id, "extract"), sha256=command.extract.sha256)
    facts = state.facts.model_copy(
        update={"case_id": case_id, "track": Track.GENERAL, "category": command.category or state.facts.category}
    )
    return CaseState(
        facts=facts,
        respondent_units=tuple(sorted(set(command.respondent_units))),
        linked=bool(command.respondent_units),
        course=Course(origin_case=state.facts.case_id, extract=extract, urgent=state.course.urgent),
        business_clock=state.business_clock,
        own_worker=True,
    )
