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
from deploy.demo.plan import acts, samples
from deploy.demo.report import way
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


def done(played: list[Played], plan: str) -> list[str]:
    return acts(of(played, plan).view)


def in_order(wanted: list[str], found: list[str]) -> bool:
    """True when the wanted acts stand among those found, in this order."""
    left = iter(found)
    return all(act in left for act in wanted)


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
    assert ends["MERGED"] == 1
    assert ends["CLOSED"] + ends["ARCHIVED"] == len(played) - 3


async def test_nothing_runs_on_in_a_case_that_has_ended_but_the_time_to_ask_for_review(played: list[Played]) -> None:
    for case in played:
        assert {clock["purpose"] for clock in case.view["clocks"]} <= {"REVIEW_REQUEST"}, case.sample.title


async def test_each_goes_its_own_way(played: list[Played]) -> None:
    assert in_order(["REQUEST_SUPPLEMENT", "SUPPLEMENT"], done(played, "supplement"))
    assert "SUPPLEMENT_LAPSED" in done(played, "supplement_lapsed")
    assert "SIGN_LAPSED" in done(played, "silent_sign")
    assert in_order(["DUE_SOON", "OVERDUE", "URGE", "REPLY"], done(played, "overdue"))
    assert in_order(["REPLY", "RATE", "REPLY", "RATE"], done(played, "redo"))
    assert "REVIEW_FAIL" in done(played, "review_fail")
    assert done(played, "silence")[-1] in ("SILENCE_LAPSED", "ARCHIVE")
    assert "TRANSFER" in done(played, "transfer")
    assert in_order(["PROPOSE_REFERRAL", "VERIFY_REFERRAL", "APPROVE_REFERRAL"], done(played, "off_system"))


async def test_no_two_of_the_ten_ways_have_one_name(played: list[Played]) -> None:
    plans = (
        "designated", "joint", "extended", "split", "merged", "off_system", "discipline", "suspended", "forwarded",
        "assigned",
    )  # fmt: skip
    names = {way(of(played, plan).view, []) for plan in plans}
    assert len(names) == len(plans)
    assert "转办" not in names


@pytest.mark.parametrize(("plan", "arbiter"), [("designated", "wj-990000"), ("conference", "conference-990100")])
async def test_the_second_return_is_designated_by_the_common_superior_or_the_conference(
    played: list[Played], plan: str, arbiter: str
) -> None:
    case = of(played, plan)
    bounce = ["DISPATCH", "REQUEST_RETURN", "APPROVE_RETURN"]
    assert in_order([*bounce, *bounce, "DESIGNATE", "REPLY"], acts(case.view))
    step = next(step for step in case.view["timeline"] if step["act"] == "DESIGNATE")
    assert (step["from_stage"], step["to_stage"], step["unit_id"]) == ("ARBITRATION", "SIGNED", arbiter)
    assert case.view["course"]["designated"]
    assert case.view["course"]["bounces"] == 2


async def test_the_lead_answers_the_reporter_once_the_helper_has_answered_the_lead(played: list[Played]) -> None:
    case = of(played, "joint")
    assert in_order(["ADD_SUPPORT", "SUPPORT_ANSWER", "REPLY"], acts(case.view))
    units = {step["act"]: step["unit_id"] for step in case.view["timeline"]}
    assert (units["SUPPORT_ANSWER"], units["REPLY"]) == ("wj-990200", "sj-990200")


async def test_an_extension_moves_the_deadline(played: list[Played]) -> None:
    case = of(played, "extended")
    steps = {step["act"]: step for step in case.view["timeline"]}
    assert in_order(["REQUEST_EXTENSION", "GRANT_EXTENSION", "REPLY"], acts(case.view))
    assert steps["GRANT_EXTENSION"]["roles"] == ["LEADER"]
    longer = moment(steps["GRANT_EXTENSION"]["due_at"]) - moment(steps["REQUEST_EXTENSION"]["due_at"])
    assert longer >= timedelta(days=15), "fifteen working days more"


async def test_a_suspended_clock_runs_on_for_what_was_left(played: list[Played]) -> None:
    case = of(played, "suspended")
    steps = {step["act"]: step for step in case.view["timeline"]}
    stood = moment(steps["RESUME_CLOCK"]["at"]) - moment(steps["SUSPEND_CLOCK"]["at"])
    assert stood >= timedelta(days=5)
    assert steps["SUSPEND_CLOCK"]["due_at"] is None
    assert moment(steps["RESUME_CLOCK"]["due_at"]) > moment(steps["ACCEPT"]["due_at"])


async def test_a_mixed_submission_is_split_and_the_general_part_shows_an_extract_alone(played: list[Played]) -> None:
    report, part = of(played, "split"), of(played, "split_part")
    assert "SPLIT" in acts(report.view)
    assert (report.view["facts"]["track"], part.view["facts"]["track"]) == ("INTEGRITY", "GENERAL")
    assert report.receipt == part.receipt, "one complaint, two cases"
    assert report.case_id != part.case_id
    assert part.view["course"]["extract"] is not None
    assert part.view["holder"]["unit_id"] == "hosp-990100-1"
    assert "hosp-990100-1" not in {(step["holder"] or step["desk"])["unit_id"] for step in report.view["timeline"]}


async def test_a_merged_case_is_answered_by_its_main_one(
    played: list[Played], people: tuple[Reporters, Officers]
) -> None:
    main, merged = of(played, "main"), of(played, "merged")
    assert merged.view["course"]["main_case"] == main.case_id
    assert main.view["course"]["merged_cases"] == [merged.case_id]
    pages = [await page_of(case, people[0], main.stage) for case in (main, merged)]
    assert pages[0]["reply"]["text"] == pages[1]["reply"]["text"]


@pytest.mark.parametrize(
    ("plan", "receiver", "keeper", "disposal"),
    [("discipline", "jj-990100", "jj-990100", "PRELIMINARY"), ("off_system", "ga-990200", "yb-990200", "FILED")],
)
async def test_a_referral_has_its_leaders_yes_its_receipt_and_its_disposal(
    played: list[Played], plan: str, receiver: str, keeper: str, disposal: str
) -> None:
    case = of(played, plan)
    wanted = ["PROPOSE_REFERRAL", "APPROVE_REFERRAL", "REFER", "RECORD_RECEIPT", "RECORD_DISPOSAL", "REPLY"]
    assert in_order(wanted, acts(case.view))
    steps = {step["act"]: step for step in case.view["timeline"]}
    assert steps["APPROVE_REFERRAL"]["roles"] == ["LEADER"]
    assert steps["REFER"]["to_stage"] == "REFERRED"
    assert steps["RECORD_RECEIPT"]["unit_id"] == keeper, "who is not on the system has it keyed in by the sender"
    course = case.view["course"]
    assert (course["receiver"]["unit_id"], course["disposal"]) == (receiver, disposal)


async def test_forwarded_is_answered_without_review_assigned_with_a_closing_report(played: list[Played]) -> None:
    forwarded, assigned = of(played, "forwarded"), of(played, "assigned")
    assert forwarded.view["course"]["kind"] == "FORWARD"
    assert "REVIEW_PASS" not in acts(forwarded.view)
    assert assigned.view["course"]["kind"] == "ASSIGN"
    reply = next(step for step in assigned.view["timeline"] if step["act"] == "REPLY")
    assert reply["note"] is not None
    assert "REVIEW_PASS" in acts(assigned.view)


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
        page = await page_of(case, people[0], case.stage)
        assert case.sample.narrative not in str(page)
        if case.stage != "REJECTED":
            answered = [part["reply"] for part in page["parts"] if part["reply"] is not None]
            assert answered
            assert all(reply["available"] and len(reply["text"]) > 10 for reply in answered)


async def page_of(case: Played, reporters: Reporters, stage: str) -> dict[str, Any]:
    """The reporter's page, once one of its cases is in that stage there."""
    async with asyncio.timeout(20):
        while True:
            page = await reporters.track(case.receipt)
            if {stage, "ARCHIVED"} & {part["stage"] for part in page["parts"]}:
                return page
            await asyncio.sleep(0.2)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


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
