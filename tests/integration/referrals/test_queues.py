"""Queues and the board's lists page by page: urgent cases first, and every task of a case exactly once."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from contracts.lifecycle import TaskKind, Track
from services.chassis.db import Database, Principal
from services.referrals.paging import Place
from services.referrals.repository import watching
from services.referrals.repository.queues import Page
from services.referrals.watch import Watch
from tests.integration.referrals.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _held_with_a_request(office: Office) -> UUID:
    """A report that the health commission handles, and for which its leader is asked for more time."""
    case_id = await office.dispatched(Track.INTEGRITY, to="wj")
    await office.act("handler.wj", case_id, "SIGN")
    asked = {"purpose": "HANDLE", "amount": 3, "note": "案情复杂。"}
    await office.act("handler.wj", case_id, "REQUEST_EXTENSION", **asked)
    return case_id


async def _walk(office: Office, username: str, path: str, limit: int, **query: Any) -> list[tuple[str, str]]:
    """Case and kind of task of every row, over all pages."""
    found: list[tuple[str, str]] = []
    after: str | None = None
    while True:
        asked = {**query, "limit": limit, **({"after": after} if after else {})}
        page = (await office.get(username, path, **asked)).json()
        assert len(page["items"]) <= limit
        found += [(item["case_id"], item["task"]["kind"]) for item in page["items"]]
        after = page["next"]
        if after is None:
            return found


async def test_a_case_with_two_tasks_at_a_page_border_is_listed_with_both_and_once_each(office: Office) -> None:
    cases = [await _held_with_a_request(office) for _ in range(2)]
    by_one = await _walk(office, "handler.wj", "/v1/queues/unit", 1)
    assert by_one == await _walk(office, "handler.wj", "/v1/queues/unit", 200)
    assert len(set(by_one)) == len(by_one)
    for case_id in cases:
        assert sorted(kind for listed, kind in by_one if listed == str(case_id)) == ["APPROVE", "HANDLE"]


async def test_urgent_cases_come_before_what_is_due_sooner(office: Office) -> None:
    sooner, later = await office.new_case(), await office.new_case()
    await office.act("clerk.desk", later, "MARK_URGENT", note="患者称生命安全受到威胁。")
    listed = (await office.get("clerk.desk", "/v1/queues/unit", limit=200)).json()["items"]
    marks = [item["urgent"] for item in listed]
    assert marks == sorted(marks, reverse=True)
    assert (str(later), True) in {(item["case_id"], item["urgent"]) for item in listed}
    order = [case_id for case_id, _ in await _walk(office, "clerk.desk", "/v1/queues/unit", 1, kind="TRIAGE")]
    assert order.index(str(later)) < order.index(str(sooner))
    assert len(set(order)) == len(order)


async def test_what_was_claimed_is_listed_urgent_first_too(office: Office) -> None:
    sooner, later = await office.new_case(), await office.new_case()
    for case_id in (sooner, later):
        await office.act("clerk2.desk", case_id, "CLAIM")
    await office.act("clerk2.desk", later, "MARK_URGENT", note="涉及人身安全。")
    mine = [case_id for case_id, _ in await _walk(office, "clerk2.desk", "/v1/queues/mine", 1)]
    assert [case_id for case_id in mine if case_id in (str(sooner), str(later))] == [str(later), str(sooner)]


async def test_a_supervisor_s_list_tells_of_every_helping_unit_once(office: Office, db: Database) -> None:
    case_id = await office.dispatched(to="wj-a")
    await office.act("handler.wj-a", case_id, "SIGN")
    for unit_id in ("hospital", "wj"):
        await office.act("handler.wj-a", case_id, "ADD_SUPPORT", unit_id=unit_id, note="请协助核查。")
    listed: list[tuple[UUID, TaskKind, str]] = []
    after: Place | None = None
    async with db.read(Principal("officer", "x", ("desk",))) as session:
        while True:
            now = datetime.now(UTC)
            found, after = await watching.listed(session, Watch.OPEN, Page(1, after), now)
            listed += [(row.facts.case_id, row.task.kind, row.task.unit_id) for row in found if row.task]
            if after is None:
                break
        counted = await watching.by_unit(session, now)
    assert len(set(listed)) == len(listed) == sum(unit.counts[Watch.OPEN] for unit in counted)
    assert {(kind, unit_id) for listed_id, kind, unit_id in listed if listed_id == case_id} == {
        (TaskKind.HANDLE, "wj-a"),
        (TaskKind.SUPPORT, "hospital"),
        (TaskKind.SUPPORT, "wj"),
    }


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "MXx4", "Mnw5OTk5LTEyLTMxVDAwOjAwOjAwKzAwOjAwfHh8VFJJQUdFfGRlc2s="],
    ids=["empty", "no base64", "parts missing", "neither urgent nor not"],
)
async def test_a_cursor_that_is_not_ours_is_refused(office: Office, cursor: str) -> None:
    answer = await office.get("clerk.desk", "/v1/queues/unit", after=cursor)
    assert (answer.status_code, answer.json()["code"]) == (422, "BAD_CURSOR")
