"""Papers on a case's page: the package for a unit that is not on the system, the two-way record, what was given out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter
from starlette.responses import Response

from contracts.lifecycle import Act, Stage
from services.chassis.web.forms import form_of
from services.referrals.api.papers import Form, as_file
from services.referrals.api.transfer_records import TransferRecordView
from services.referrals.api.transfer_records import view as shown
from services.referrals.clues import CLASSIFICATION_ZH, DISCIPLINE
from services.referrals.domain import Unit
from services.referrals.passages import PASSES
from services.referrals.service.papers import Slip
from services.referrals.views import CaseView
from services.referrals.web.record_form import Typed, of_description
from services.referrals.web.session import HOME, Officer, Visit

router = APIRouter(include_in_schema=False)

_LIMIT = 4096
_CASE = HOME + "/cases/{case_id}"
_CLASSES = {"OPEN": "not secret", "INTERNAL": "internal", "WORK_SECRET": "work secret"}


@dataclass(frozen=True)
class Retyped:
    """What was typed into the form of a transfer and could not be taken, with why."""

    sequence: int
    typed: Typed
    why: tuple[str, ...]


@dataclass(frozen=True)
class RecordShown:
    """A transfer with its form, for who may write; ``why``: what was wrong with what was typed."""

    record: TransferRecordView
    typed: Typed
    why: tuple[str, ...] = ()
    key: UUID = field(default_factory=uuid4)


@dataclass(frozen=True)
class PapersShown:
    """What the page shows: how a slip is keyed in, where one is to come back; the transfers to and from discipline
    inspection; what was given out, by whom."""

    slip: Slip | None
    records: Sequence[RecordShown]
    exports: Sequence[Mapping[str, Any]]
    units: Mapping[str, Unit]
    classes: Mapping[str, str]


async def papers_of(visit: Visit, view: CaseView, retyped: Retyped | None = None) -> PapersShown | None:
    """None for a case of which there is no paper."""
    passed = [step for step in view.timeline if step.act in PASSES]
    if not passed:
        return None
    uses, case_id, who = visit.uses, view.case_id, visit.who
    referred = any(step.act is Act.REFER for step in passed)
    slip = await uses.papers.slip(who, case_id) if view.stage is Stage.REFERRED else None
    sides = {step.unit_id for step in passed} | {step.holder.unit_id for step in passed if step.holder}
    known = await uses.casebook.units_of(side for side in sides if side)
    concerned = referred or any(unit.department == DISCIPLINE for unit in known.values())
    records = await uses.records.of_case(who, case_id) if concerned else []
    exports = await uses.papers.exports(who, case_id) if concerned else []
    units = await uses.casebook.units_of({row["unit_id"] for row in exports})
    made = [_shown(shown(record), retyped) for record in records]
    words = {code.value: visit.words.pick(zh, _CLASSES[code]) for code, zh in CLASSIFICATION_ZH.items()}
    return PapersShown(slip, made, exports, units, words)


def _shown(record: TransferRecordView, retyped: Retyped | None) -> RecordShown:
    if retyped is not None and retyped.sequence == record.sequence:
        return RecordShown(record, retyped.typed, retyped.why)
    return RecordShown(record, of_description(record.description) if record.description else Typed())


@router.post(f"{_CASE}/package")
async def package(visit: Officer, case_id: UUID) -> Response:
    """The letter to a unit that is not on the system, to be saved; on record before it is given."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        signed = form.get("form") == Form.SIGNED
    return as_file(await visit.uses.papers.package(visit.who, case_id, signed=signed))
