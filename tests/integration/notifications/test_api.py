"""The HTTP interface: officers read their units' notices; the ledger says how everybody was told."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.cases import WorkingMoment
from contracts.clock import BusinessClock
from contracts.complaints import CodeReissued, ComplaintSubmitted, RightsAnswered, RightsAsked
from contracts.lifecycle import Act, Role, Stage
from contracts.rights import Right
from contracts.sessions import Standing
from services.chassis.auth import ServiceTokens, Unauthenticated
from services.chassis.clock import read_clock, write_clock
from services.chassis.db import Database, Principal
from services.notifications import ledger as ledger_of
from services.notifications import service as notices
from services.notifications.main import build
from services.notifications.service import release_held
from services.notifications.settings import NotificationSettings
from tests.integration.notifications.helpers import Referrals
from tests.integration.notifications.test_ledger import life, take
from tests.unit.notifications.events import DESK, HOLDER, deadline, submitted, transitioned

REFERRALS = Referrals()


@pytest.fixture
async def client(db: Database, settings: NotificationSettings) -> AsyncIterator[httpx.AsyncClient]:
    """The application without its background tasks."""
    app = build(settings)
    app.state.db = db
    app.state.tokens = ServiceTokens("notifications", settings)
    app.state.officers = REFERRALS.officers(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notifications") as http:
        yield http


@pytest.fixture
async def case(db: Database) -> ComplaintSubmitted:
    """A case that came as far as overdue."""
    complaint = submitted()
    for event in (complaint, *life(complaint)):
        await take(db, uuid4(), event)
    return complaint


def officer(settings: NotificationSettings, *units: str, barred: tuple[UUID, ...] = ()) -> dict[str, str]:
    """The header of an officer of the first unit, who sees all of them."""
    return REFERRALS.log_in(settings, standing(*units, barred=barred))


def standing(*units: str, role: Role = Role.CLERK, restricted: bool = False, barred: tuple[UUID, ...] = ()) -> Standing:
    """What referrals says of an officer of the first unit."""
    return Standing(
        account_id="a1", name="某某", unit_id=units[0], unit_ids=units, roles=(role,), restricted=restricted,
        barred_cases=barred,
    )  # fmt: skip


def service(settings: NotificationSettings, purpose: str = "deliveries", name: str = "cli") -> dict[str, str]:
    """The header of the command line."""
    token = ServiceTokens(name, settings).issue("notifications", purpose)
    return {"Authorization": f"Bearer {token}"}


async def test_reminders_that_waited_for_the_same_morning_are_one_digest(
    client: httpx.AsyncClient, settings: NotificationSettings, db: Database
) -> None:
    async with db.read() as session:
        now = (await read_clock(session)).to_business(datetime.now(UTC))
    morning, noon = now + timedelta(hours=1), now + timedelta(hours=4)
    for act, moment in (
        (Act.OVERDUE, morning),
        (Act.URGE_NOTICE, morning),
        (Act.OVERDUE, morning),
        (Act.DUE_SOON, noon),
    ):
        waits = (WorkingMoment(unit_id=HOLDER.unit_id, at=moment),)
        event = transitioned(
            act, Stage.HANDLING, Stage.HANDLING, told=False, deadline=deadline(), at=now, remind_at=waits,
            concerned=(HOLDER,),
        )  # fmt: skip
        await take(db, uuid4(), event)
    async with db.session() as session:
        await write_clock(session, BusinessClock(anchor_wall=datetime.now(UTC), anchor_business=noon, rate=1))
        assert await release_held(session) == 4
    me = officer(settings, HOLDER.unit_id)
    page = (await client.get("/v1/notices", headers=me)).json()
    (digest,) = page["digests"]
    assert (digest["title"], digest["text"]) == ("今日提醒3件", "催办通知书1件、已超期2件。")
    assert datetime.fromisoformat(digest["at"]) == morning
    assert digest["ids"] == [notice["id"] for notice in page["notices"] if notice["kind"] != "DUE_SOON"]
    assert len(page["notices"]) == 4, "each is still a notice of its own in the ledger"
    english = (await client.get("/v1/notices", headers={**me, "Accept-Language": "en"})).json()["digests"][0]
    assert (english["title"], english["text"]) == ("3 reminders today", "written urging: 1, overdue: 2.")
    for notice_id in digest["ids"][1:]:
        await client.post(f"/v1/notices/{notice_id}/read", headers=me)
    assert (await client.get("/v1/notices", headers=me)).json()["digests"] == [], "one that is left is no digest"


async def test_a_unit_reads_its_notices_in_order_and_in_both_languages(
    client: httpx.AsyncClient, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    me = officer(settings, HOLDER.unit_id)
    page = (await client.get("/v1/notices", headers=me)).json()
    assert [(notice["kind"], notice["title"]) for notice in page["notices"]] == [
        ("NEW_TASK", "新任务"),
        ("OVERDUE", "已超期"),
    ]
    assert page["notices"][1]["text"] == "案件HY-20260918-000017的办理答复已超期。期限为2026年9月25日24:00。"
    english = (await client.get("/v1/notices", headers=me | {"Accept-Language": "en"})).json()
    assert english["notices"][1]["text"] == (
        "The answer in case HY-20260918-000017 is overdue. It was due: 24:00 on 25 September 2026 (Beijing time)."
    )


async def test_after_gives_what_came_later_and_nothing_twice(
    client: httpx.AsyncClient, db: Database, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    me = officer(settings, HOLDER.unit_id)
    first = (await client.get("/v1/notices", params={"limit": 1}, headers=me)).json()
    second = (await client.get("/v1/notices", params={"after": first["next"]}, headers=me)).json()
    assert [len(first["notices"]), len(second["notices"])] == [1, 1]
    nothing = (await client.get("/v1/notices", params={"after": second["next"]}, headers=me)).json()
    assert nothing == {"notices": [], "digests": [], "next": second["next"]}
    another = submitted()
    for event in (another, *life(another)):
        await take(db, uuid4(), event)
    later = (await client.get("/v1/notices", params={"after": second["next"]}, headers=me)).json()
    assert {notice["case_id"] for notice in later["notices"]} == {str(another.case_ids[0])}


async def test_reading_is_noted_once(
    client: httpx.AsyncClient, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    me = officer(settings, HOLDER.unit_id)
    notice = (await client.get("/v1/notices", headers=me)).json()["notices"][0]
    first = (await client.post(f"/v1/notices/{notice['id']}/read", headers=me)).json()
    again = (await client.post(f"/v1/notices/{notice['id']}/read", headers=me)).json()
    assert first["read_at"] == again["read_at"] is not None
    unread = (await client.get("/v1/notices", params={"unread": True}, headers=me)).json()
    assert [left["kind"] for left in unread["notices"]] == ["OVERDUE"]


async def test_other_units_notices_are_as_if_they_were_not(
    client: httpx.AsyncClient, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    mine = officer(settings, HOLDER.unit_id)
    notice = (await client.get("/v1/notices", headers=mine)).json()["notices"][0]
    stranger = officer(settings, "wj-999999")
    assert (await client.get("/v1/notices", headers=stranger)).json()["notices"] == []
    asked_for = await client.get("/v1/notices", params={"unit_id": HOLDER.unit_id}, headers=stranger)
    assert asked_for.json()["notices"] == []
    refused = await client.post(f"/v1/notices/{notice['id']}/read", headers=stranger)
    unknown = await client.post("/v1/notices/999999/read", headers=stranger)
    assert refused.status_code == unknown.status_code == 404
    assert refused.json() == unknown.json()


async def test_a_unit_above_sees_those_of_the_units_below_when_it_asks(
    client: httpx.AsyncClient, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    above = officer(settings, DESK.unit_id, HOLDER.unit_id)
    own = (await client.get("/v1/notices", headers=above)).json()["notices"]
    below = (await client.get("/v1/notices", params={"unit_id": HOLDER.unit_id}, headers=above)).json()["notices"]
    assert {notice["unit_id"] for notice in own} == {DESK.unit_id}
    assert {notice["unit_id"] for notice in below} == {HOLDER.unit_id}


async def test_the_ledger_of_a_case_says_how_everybody_was_told(
    client: httpx.AsyncClient, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    query = {"case_id": str(case.case_ids[0])}
    body = (await client.get("/v1/deliveries", params=query, headers=service(settings))).json()
    assert [(row["sequence"], row["template"], row["recipient"], row["state"]) for row in body["deliveries"][:3]] == [
        (0, "RECEIPT", "reporter", "PENDING"),
        (1, "REGISTERED", "reporter", "SKIPPED"),
        (1, "NEW_TASK", f"unit:{DESK.unit_id}", "DELIVERED"),
    ]
    assert str(case.complaint_id) not in str(body)
    seen = (await client.get("/v1/deliveries", params=query, headers=officer(settings, HOLDER.unit_id))).json()
    assert seen == body
    stranger = await client.get("/v1/deliveries", params=query, headers=officer(settings, "wj-999999"))
    assert stranger.json()["deliveries"] == []


async def test_mails_that_may_say_whose_a_case_is_are_in_no_list_and_count_of_an_officers(
    client: httpx.AsyncClient, db: Database, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    query = {"case_id": str(case.case_ids[0])}

    async def seen(by: dict[str, str]) -> list[str]:
        return [
            (await client.get(path, params=query, headers=by)).text
            for path in ("/v1/deliveries", "/v1/deliveries/summary", "/v1/notices")
        ]

    of_officer, of_operator = await seen(me := officer(settings, HOLDER.unit_id)), await seen(service(settings))
    told: dict[str, Any] = {"complaint_id": case.complaint_id, "case_ids": case.case_ids, "at": case.at}
    async with db.session() as session:
        await notices.on_reissued(session, uuid4(), CodeReissued(**told, reissue_id=uuid4()))
        asked = RightsAsked(**told, request_id=uuid4(), kind=Right.ACCESS)
        await notices.on_rights(session, uuid4(), asked)
        answered = RightsAnswered(**told, request_id=asked.request_id, kind=Right.ACCESS, granted=True, named=True)
        await notices.on_rights(session, uuid4(), answered)
    assert await seen(me) == of_officer
    assert await seen(service(settings)) != of_operator, "who runs the system sees how they went"


async def test_the_summary_counts_the_whole_ledger(
    client: httpx.AsyncClient, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    body = (await client.get("/v1/deliveries/summary", headers=service(settings))).json()
    assert body["by_state"] == {"PENDING": 4, "SKIPPED": 1, "DELIVERED": 5}
    assert (body["total"], body["unsettled"]) == (10, 4)
    assert sum(row["count"] for row in body["rows"]) == 10


async def test_an_officers_summary_counts_the_ledgers_that_he_sees_and_no_other_report(
    client: httpx.AsyncClient, db: Database, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    (case_id,) = case.case_ids
    me, stranger = officer(settings, HOLDER.unit_id), officer(settings, "wj-999999")
    barred = officer(settings, HOLDER.unit_id, barred=(case_id,))

    async def total(by: dict[str, str]) -> int:
        count: int = (await client.get("/v1/deliveries/summary", headers=by)).json()["total"]
        return count

    rows = (await client.get("/v1/deliveries", params={"case_id": str(case_id)}, headers=me)).json()["deliveries"]
    before = [await total(by) for by in (me, stranger, barred)]
    assert before == [len(rows), 0, 0]
    another = submitted()
    await take(db, uuid4(), another)
    await take(db, uuid4(), life(another)[0])
    assert [await total(by) for by in (me, stranger, barred)] == before
    assert await total(service(settings)) > before[0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/notices"),
        ("POST", "/v1/notices/1/read"),
        ("GET", f"/v1/deliveries?case_id={UUID(int=1)}"),
        ("GET", "/v1/deliveries/summary"),
    ],
)
async def test_nothing_without_a_token_for_it(
    client: httpx.AsyncClient, settings: NotificationSettings, method: str, path: str
) -> None:
    others = [service(settings, name=name) for name in ("complaints", "referrals", "vault", "notifications")]
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, service(settings, purpose="narrative"), *others):
        answer = await client.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_session_that_is_over_reads_nothing(
    client: httpx.AsyncClient, settings: NotificationSettings, case: ComplaintSubmitted
) -> None:
    me = officer(settings, HOLDER.unit_id)
    assert (await client.get("/v1/notices", headers=me)).json()["notices"]
    REFERRALS.sessions.clear()
    for path in ("/v1/notices", f"/v1/deliveries?case_id={case.case_ids[0]}", "/v1/deliveries/summary"):
        assert (await client.get(path, headers=me)).status_code == 401
    assert (await client.post("/v1/notices/1/read", headers=me)).status_code == 401


async def test_while_nobody_can_say_whether_it_is_over_it_reads_nothing(
    client: httpx.AsyncClient, settings: NotificationSettings
) -> None:
    me = officer(settings, HOLDER.unit_id)
    REFERRALS.away = True
    try:
        assert (await client.get("/v1/notices", headers=me)).status_code == 503
    finally:
        REFERRALS.away = False
    assert (await client.get("/v1/notices", headers=me)).status_code == 200


async def test_what_was_said_of_a_session_holds_for_the_stated_time_alone(settings: NotificationSettings) -> None:
    own = Referrals()
    token = own.log_in(settings, standing(HOLDER.unit_id))["Authorization"].removeprefix("Bearer ")
    officers = own.officers(settings)
    officers._fresh = 3600
    for _ in range(3):
        assert (await officers.of_token(token)).unit_id == HOLDER.unit_id
    assert own.asked == 1
    officers._known = {jti: (0.0, known) for jti, (_, known) in officers._known.items()}
    own.sessions.clear()
    with pytest.raises(Unauthenticated):
        await officers.of_token(token)


async def test_who_is_barred_from_a_case_has_no_notice_of_it(
    client: httpx.AsyncClient, settings: NotificationSettings, db: Database, case: ComplaintSubmitted
) -> None:
    (case_id,) = case.case_ids
    colleague, barred = officer(settings, HOLDER.unit_id), officer(settings, HOLDER.unit_id, barred=(case_id,))
    told = (await client.get("/v1/notices", headers=colleague)).json()["notices"]
    assert {notice["case_id"] for notice in told} == {str(case_id)}
    assert (await client.get("/v1/notices", headers=barred)).json()["notices"] == []
    ledger = await client.get("/v1/deliveries", params={"case_id": str(case_id)}, headers=barred)
    assert ledger.json()["deliveries"] == []
    assert (await client.post(f"/v1/notices/{told[0]['id']}/read", headers=barred)).status_code == 404
    # The second wall, without the first: the queries name no case that is barred.
    async with db.read(Principal("officer", "a1", (HOLDER.unit_id,), False, (case_id,))) as session:
        seen = await ledger_of.officer_notices(session, (HOLDER.unit_id,), barred=(), beyond=0, unread=False, limit=50)
        assert (seen, await ledger_of.was_told(session, case_id)) == ([], False)
    async with db.session(Principal("officer", "a1", (HOLDER.unit_id,), False, (case_id,))) as session:
        assert await ledger_of.mark_read(session, told[0]["id"], "a1", datetime.now(UTC)) is None
