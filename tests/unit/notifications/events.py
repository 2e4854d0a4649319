"""Events as the other services send them, with everything that a test does not care about filled in."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from contracts.cases import CaseTransitioned, Deadline, UnitRef
from contracts.complaints import ComplaintSubmitted, ContactWay
from contracts.lifecycle import DUTY, Act, Channel, Purpose, Stage, Track

DESK = UnitRef(unit_id="desk-370700", name="潍坊市受理中心", region="370700")
HOLDER = UnitRef(unit_id="wj-370702", name="潍城区卫生健康局", region="370702")
AT = datetime(2026, 9, 18, 1, 30, tzinfo=UTC)
DUE = datetime(2026, 9, 25, 16, 0, tzinfo=UTC)
"""Midnight after 25 September in China."""


def submitted(**changed: Any) -> ComplaintSubmitted:
    """A reporter with a mail address, unless told otherwise."""
    values: dict[str, Any] = {
        "complaint_id": uuid4(),
        "case_ids": (uuid4(),),
        "at": AT,
        "case_number": "HY-20260918-000017",
        "channel": Channel.WEB,
        "track": Track.GENERAL,
        "category": "0801",
        "region": "370702",
        "named": True,
        "ways": (ContactWay.EMAIL,),
        "contact_token": uuid4(),
        "respondent_count": 1,
        "content_hash": "0" * 64,
    }
    return ComplaintSubmitted(**(values | changed))


def deadline(purpose: Purpose = Purpose.HANDLE, due_at: datetime = DUE) -> Deadline:
    """A deadline of record."""
    return Deadline(
        purpose=purpose,
        clock_id="12345-WF",
        article="潍坊市12345政务服务便民热线条例 art. 20",
        started_at=AT,
        due_at=due_at,
        due_soon_at=due_at - timedelta(days=1),
        provisional=False,
        calendar_version="cn-1.11.0",
    )


def transitioned(
    act: Act, from_stage: Stage, to_stage: Stage, *, complaint_ids: tuple[UUID, ...] = (), **changed: Any
) -> CaseTransitioned:
    """One step of a case. The reporter is told by default; the task is the stage's."""
    duty = DUTY.get(to_stage)
    values: dict[str, Any] = {
        "case_id": uuid4(),
        "case_number": "HY-20260918-000017",
        "complaint_ids": complaint_ids or (uuid4(),),
        "sequence": 4,
        "act": act,
        "from_stage": from_stage,
        "to_stage": to_stage,
        "at": AT,
        "track": Track.GENERAL,
        "channel": Channel.WEB,
        "category": "0801",
        "region": "370702",
        "told": True,
        "desk": DESK,
        "holder": HOLDER,
        "task": duty.kind if duty else None,
        "history_hash": "0" * 64,
    }
    return CaseTransitioned(**(values | changed))
