"""A guarded case's notices and ledger are for the units in its seats: none above, none that gave it away."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from contracts.cases import CaseTransitioned, UnitRef
from contracts.complaints import ComplaintSubmitted
from contracts.lifecycle import Act, Role, Stage, Track
from services.chassis.db import Database
from services.chassis.migrate import upgrade
from services.notifications import reading
from services.notifications.settings import NotificationSettings
from tests.integration.notifications.test_api import REFERRALS, standing
from tests.integration.notifications.test_api import client as client
from tests.integration.notifications.test_ledger import take
from tests.unit.notifications.events import DESK, HOLDER, deadline, submitted, transitioned

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


RDESK = UnitRef(unit_id="rdesk-370700", name="市举报专席", region="370700")
"""Above the accused desk: where a complaint goes that was sent past it."""


def bypassed(complaint: ComplaintSubmitted) -> list[CaseTransitioned]:
    """A complaint that its desk triaged and that was then sent past it."""
    case: dict[str, Any] = {"case_id": complaint.case_ids[0], "complaint_ids": (complaint.complaint_id,)}
    before = {"desk": DESK, "holder": None, **case}
    past = {"desk": RDESK, "restricted": True, **case}
    return [
        transitioned(Act.REGISTER, Stage.SUBMITTED, Stage.TRIAGE, sequence=1, **before),
        transitioned(Act.DUE_SOON, Stage.TRIAGE, Stage.TRIAGE, sequence=2, told=False, deadline=deadline(), **before),
        transitioned(Act.ACCEPT, Stage.TRIAGE, Stage.PENDING_DISPATCH, sequence=3, **before),
        transitioned(Act.BYPASS, Stage.PENDING_DISPATCH, Stage.TRIAGE, sequence=4, holder=None, **past),
        transitioned(Act.DISPATCH, Stage.PENDING_DISPATCH, Stage.DISPATCHED, sequence=5, **past),
    ]


async def sees(client: httpx.AsyncClient, me: dict[str, str], complaint: ComplaintSubmitted, *units: str) -> list[bool]:
    """Has the officer notices of any of these units, and the case's ledger?"""
    told = [(await client.get("/v1/notices", params={"unit_id": unit}, headers=me)).json()["notices"] for unit in units]
    ledger = await client.get("/v1/deliveries", params={"case_id": str(complaint.case_ids[0])}, headers=me)
    return [any(told), bool(ledger.json()["deliveries"])]


@pytest.mark.parametrize(
    ("units", "restricted", "has"),
    [
        ((DESK.unit_id,), False, False),
        ((DESK.unit_id,), True, False),
        (("wj-370000", DESK.unit_id, RDESK.unit_id, HOLDER.unit_id), False, False),
        ((RDESK.unit_id,), True, True),
        ((HOLDER.unit_id,), False, True),
    ],
)
async def test_what_was_sent_past_an_accused_desk_is_out_of_its_sight_with_all_that_came_before(
    client: httpx.AsyncClient,
    db: Database,
    settings: NotificationSettings,
    units: tuple[str, ...],
    restricted: bool,
    has: bool,
) -> None:
    complaint = submitted()
    me = REFERRALS.log_in(settings, standing(*units, role=Role.SUPERVISOR, restricted=restricted))
    await take(db, uuid4(), complaint)
    for event in bypassed(complaint):
        await take(db, uuid4(), event)
    assert await sees(client, me, complaint, *units) == [has, has]


async def test_what_was_sent_past_a_desk_before_the_upgrade_is_out_of_its_sight_after_it(
    databases: Callable[..., tuple[str, str]],
) -> None:
    own, owner = await asyncio.to_thread(databases, "notifications_0008")
    before, dealt, barely = submitted(), submitted(), submitted()
    db = Database(own, name="notifications-test")
    for complaint, steps_taken in ((before, 3), (dealt, 5), (barely, 4)):
        for event in bypassed(complaint)[:steps_taken]:
            await take(db, uuid4(), event)
    connection = await asyncpg.connect(owner)
    await connection.execute("DELETE FROM restricted_cases")  # as the version before left it
    await connection.close()
    await asyncio.to_thread(upgrade, "notifications", owner)
    old, new, holder = standing(DESK.unit_id), standing(RDESK.unit_id, restricted=True), standing(HOLDER.unit_id)
    seen = {
        complaint.complaint_id: [
            bool(await reading.deliveries(db, officer, complaint.case_ids[0])) for officer in (old, new, holder)
        ]
        for complaint in (before, barely, dealt)
    }
    await db.close()
    assert list(seen.values()) == [[True, False, False], [False, True, False], [False, False, True]]
