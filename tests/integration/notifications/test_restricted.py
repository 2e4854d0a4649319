"""An INTEGRITY case's notices and ledger are for the units in its seats: none above, none that gave it away."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.cases import CaseTransitioned, UnitRef
from contracts.complaints import ComplaintSubmitted
from contracts.lifecycle import Act, Role, Stage, Track
from services.chassis.db import Database
from services.notifications.settings import NotificationSettings
from tests.integration.notifications.test_api import REFERRALS, standing
from tests.integration.notifications.test_api import client as client
from tests.integration.notifications.test_ledger import take
from tests.unit.notifications.events import DESK, HOLDER, submitted, transitioned

LOWER_DESK = UnitRef(unit_id="rdesk-370702", name="县举报专席", region="370702")
ACCUSED = "wj-370700"
"""It stands above the desk that registered the report."""


def steps(complaint: ComplaintSubmitted) -> list[CaseTransitioned]:
    """Registered at a desk below the accused, handed to the desk above, dispatched."""
    case: dict[str, Any] = {
        "case_id": complaint.case_ids[0],
        "complaint_ids": (complaint.complaint_id,),
        "track": Track.INTEGRITY,
    }
    first, triage = {"desk": LOWER_DESK, "holder": None, **case}, Stage.TRIAGE
    return [
        transitioned(Act.REGISTER, Stage.SUBMITTED, triage, sequence=1, **first),
        transitioned(Act.HAND_TO_DESK, triage, triage, sequence=2, holder=None, **case),
        transitioned(Act.DISPATCH, Stage.PENDING_DISPATCH, Stage.DISPATCHED, sequence=3, **case),
    ]


@pytest.fixture
async def case(db: Database) -> ComplaintSubmitted:
    """A report that is with its holder; its first step is told again at the end, as a redelivery would."""
    complaint = submitted(track=Track.INTEGRITY)
    told = steps(complaint)
    await take(db, uuid4(), complaint)
    for event in (*told, told[0]):
        await take(db, uuid4(), event)
    return complaint


@pytest.mark.parametrize(
    ("units", "restricted", "sees"),
    [
        ((LOWER_DESK.unit_id,), True, False),
        ((ACCUSED, LOWER_DESK.unit_id, HOLDER.unit_id), False, False),
        ((DESK.unit_id,), True, True),
        (("rdesk-370000", DESK.unit_id), True, True),
        ((HOLDER.unit_id,), False, True),
    ],
)
async def test_only_who_has_the_case_sees_what_was_told(
    client: httpx.AsyncClient,
    settings: NotificationSettings,
    case: ComplaintSubmitted,
    units: tuple[str, ...],
    restricted: bool,
    sees: bool,
) -> None:
    me = REFERRALS.log_in(settings, standing(*units, role=Role.SUPERVISOR, restricted=restricted))
    told = [
        notice
        for unit in units
        for notice in (await client.get("/v1/notices", params={"unit_id": unit}, headers=me)).json()["notices"]
    ]
    ledger = await client.get("/v1/deliveries", params={"case_id": str(case.case_ids[0])}, headers=me)
    assert (bool(told), bool(ledger.json()["deliveries"])) == (sees, sees)
    first = await client.post("/v1/notices/1/read", headers=me)
    assert first.status_code == 404  # the first one is the lower desk's, which gave the case away
