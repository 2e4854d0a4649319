"""Papers on a case's page: the package for a unit that is not on the system, and what was given out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from contracts.lifecycle import Act, Stage
from services.chassis.web.forms import form_of
from services.referrals.api.papers import Form, as_file
from services.referrals.domain import Unit
from services.referrals.service.papers import Slip
from services.referrals.views import CaseView
from services.referrals.web.session import HOME, Officer, Visit

router = APIRouter(include_in_schema=False)

_LIMIT = 4096
_CASE = HOME + "/cases/{case_id}"


@dataclass(frozen=True)
class PapersShown:
    """What the page shows: how a slip is keyed in, where one is to come back, and what was given out by whom."""

    slip: Slip | None
    exports: Sequence[Mapping[str, Any]]
    units: Mapping[str, Unit]


async def papers_of(visit: Visit, view: CaseView) -> PapersShown | None:
    """None for a case of which there is no paper."""
    if not any(step.act is Act.REFER for step in view.timeline):
        return None
    uses, case_id = visit.uses, view.case_id
    slip = await uses.papers.slip(visit.who, case_id) if view.stage is Stage.REFERRED else None
    exports = await uses.papers.exports(visit.who, case_id)
    return PapersShown(slip, exports, await uses.casebook.units_of({row["unit_id"] for row in exports}))


@router.post(f"{_CASE}/package")
async def package(visit: Officer, case_id: UUID) -> Response:
    """The letter to a unit that is not on the system, to be saved; on record before it is given."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        signed = form.get("form") == Form.SIGNED
    return as_file(await visit.uses.papers.package(visit.who, case_id, signed=signed))
