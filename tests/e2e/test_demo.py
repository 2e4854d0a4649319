"""The demonstration as a test: every written complaint on its own way, and every reporter answered."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contracts.lifecycle import LADDER
from deploy.commands.clock import change
from deploy.demo.client import Officers, Reporters
from deploy.demo.driver import Driver, Played
from deploy.demo.plan import samples
from deploy.stack import Stack

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]
SECONDS_PER_DAY = 4.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def played(stack: Stack, people: tuple[Reporters, Officers]) -> list[Played]:
    """All samples, played while the business clock runs fast."""
    before = datetime.now(UTC) - timedelta(days=50)
    await change(stack.settings, 86_400 / SECONDS_PER_DAY, before)
    try:
        driver = Driver(*people, progress=lambda case: None)
        async with asyncio.timeout(300):
            return list(await asyncio.gather(*(driver.play(sample) for sample in samples())))
    finally:
        await change(stack.settings, 1.0, datetime.now(UTC))


def of(played: list[Played], plan: str) -> Played:
    return next(case for case in played if case.sample.plan == plan)


def acts(case: Played) -> list[str]:
    return [step["act"] for step in case.view["timeline"]]


async def test_three_channels_two_tracks_three_jurisdictions(played: list[Played]) -> None:
    assert len(played) >= 20
    assert {case.view["facts"]["channel"] for case in played} == {"HOTLINE", "MINI_PROGRAM", "WEB"}
    assert {case.view["facts"]["track"] for case in played} == {"GENERAL", "INTEGRITY"}
    assert {case.view["facts"]["named"] for case in played} == {True, False}
    holders = {case.view["holder"]["unit_id"] for case in played if case.view["holder"]}
    assert len(holders) >= 6
    assert {case.view["facts"]["region"] for case in played} == {"990100", "990200", "990121"}


async def test_every_case_ends(played: list[Played]) -> None:
    ends = Counter(case.stage for case in played)
    assert ends["REJECTED"] == 2
    assert ends["CLOSED"] + ends["ARCHIVED"] == len(played) - 2


async def test_each_goes_its_own_way(played: list[Played]) -> None:
    assert {"REQUEST_SUPPLEMENT", "SUPPLEMENT"} <= set(acts(of(played, "supplement")))
    assert "SUPPLEMENT_LAPSED" in acts(of(played, "supplement_lapsed"))
    assert "SIGN_LAPSED" in acts(of(played, "silent_sign"))
    late = acts(of(played, "overdue"))
    assert late.index("DUE_SOON") < late.index("OVERDUE") < late.index("URGE") < late.index("REPLY")
    redo = acts(of(played, "redo"))
    assert redo.count("REPLY") == 2
    assert redo.count("RATE") == 2
    assert "REVIEW_FAIL" in acts(of(played, "review_fail"))
    assert acts(of(played, "silence"))[-1] in ("SILENCE_LAPSED", "ARCHIVE")
    assert "TRANSFER" in acts(of(played, "transfer"))


async def test_handed_to_another_jurisdiction_and_still_seen_by_the_sender(played: list[Played]) -> None:
    case = of(played, "other_jurisdiction")
    assert case.view["desk"]["unit_id"] == "desk-990200"
    assert case.observer == "supervisor.desk-990100", "the one who looks is of the desk that handed it over"


async def test_the_accused_unit_is_refused_to_the_dispatcher(played: list[Played]) -> None:
    case = of(played, "accused_refused")
    assert case.refusals == ["ACCUSED"]
    assert "hosp-990100-1" not in {(step["holder"] or step["desk"])["unit_id"] for step in case.view["timeline"]}


async def test_every_reporter_reads_the_answer(played: list[Played], people: tuple[Reporters, Officers]) -> None:
    for case in played:
        async with asyncio.timeout(20):
            while True:
                page = await people[0].track(case.receipt)
                if page["stage"] == case.stage or page["stage"] == "ARCHIVED":
                    break
                await asyncio.sleep(0.2)
        assert case.sample.narrative not in str(page)
        if case.stage != "REJECTED":
            assert page["reply"]["available"]
            assert len(page["reply"]["text"]) > 10


async def test_every_notice_is_settled_and_mail_arrived(
    played: list[Played], people: tuple[Reporters, Officers], stack: Stack, http: httpx.AsyncClient
) -> None:
    for case in played:
        rows = await settled(case, people[1], stack, http)
        states = Counter(row["state"] for row in rows if row["recipient"] == "reporter")
        assert set(states) <= {"DELIVERED", "SKIPPED"}
        assert (states["DELIVERED"] > 0) == bool(case.sample.ways), case.sample.title


async def test_the_unit_hears_of_its_task_its_deadline_and_the_reminder(
    played: list[Played], people: tuple[Reporters, Officers], stack: Stack, http: httpx.AsyncClient
) -> None:
    case = of(played, "overdue")
    token = await people[1].login("handler.wj-990100")
    headers = {"Authorization": f"Bearer {token}"}
    told: list[tuple[str, str, str]] = []
    after = 0
    while page := (
        await http.get(stack.url("notifications") + "/v1/notices", params={"after": after}, headers=headers)
    ).json():
        told += [
            (notice["at"], notice["kind"], notice["text"])
            for notice in page["notices"]
            if notice["case_id"] == case.case_id
        ]
        if not page["notices"]:
            break
        after = page["next"]
    # Reminders wait for working hours: what happened later may be told before. On a slow machine signing is late too.
    kinds = [kind for _, kind, text in sorted(told) if kind in ("NEW_TASK", "URGED") or "办理答复" in text]
    assert kinds[0] == "NEW_TASK"
    assert [kind for kind in kinds if kind not in ("NEW_TASK", *LADDER)] == ["DUE_SOON", "OVERDUE", "URGED"]


async def settled(case: Played, officers: Officers, stack: Stack, http: httpx.AsyncClient) -> list[dict[str, Any]]:
    token = await officers.login(case.observer)
    async with asyncio.timeout(60):
        while True:
            answer = await http.get(
                stack.url("notifications") + "/v1/deliveries",
                params={"case_id": case.case_id},
                headers={"Authorization": f"Bearer {token}"},
            )
            rows: list[dict[str, Any]] = answer.json()["deliveries"]
            if rows and all(row["settled_at"] for row in rows):
                return rows
            await asyncio.sleep(0.3)
