"""On the case page: likely duplicates and joining by one of them, and the cases that belong to it."""

import asyncio
import re
from collections.abc import Callable
from uuid import UUID

import pytest

from contracts.lifecycle import Track
from services.chassis.db import SYSTEM, Database
from services.referrals.repository import cases
from tests.integration.referrals.browsing import Browser, Browsers, Page
from tests.integration.referrals.likeness import Complaints
from tests.integration.referrals.office import Office, received, submitted

pytestmark = pytest.mark.asyncio(loop_scope="session")
_PART = {"HX-Request": "true"}


def _case(case_id: UUID, *more: str) -> str:
    return "/".join(("/workbench/cases", str(case_id), *more))


async def _until(browser: Browser, path: str, there: Callable[[Page], bool]) -> Page:
    """The page once it is as the workflows will make it."""
    async with asyncio.timeout(20):
        while not there(page := await browser.get(path)):
            await asyncio.sleep(0.05)
    return page


async def _split(office: Office, db: Database, username: str, case_id: UUID) -> UUID:
    """The id of the part that was split off; who splits may not see it."""
    await office.act(username, case_id, "SPLIT", category="0802", extract="窗口人员态度恶劣。")
    async with db.read(SYSTEM) as session:
        row = await cases.get(session, case_id)
    assert row is not None
    assert row.course.split_case is not None
    return row.course.split_case


def _linked(page: Page) -> set[str]:
    """The cases that a page leads to."""
    return set(re.findall(r'href="/workbench/cases/([0-9a-f-]{36})"', page.answer.text))


async def test_a_likely_duplicate_is_told_with_why_and_joined_after_a_second_look(
    browsers: Browsers, office: Office, complaints: Complaints
) -> None:
    main, case_id = await office.new_case(), await office.new_case()
    complaints.finds(main, reporter=True, text=True)
    number = (await office.view("clerk.desk", main))["case_number"]
    browser = await browsers.of("clerk.desk")
    assert _case(case_id, "duplicates") in (await browser.get(_case(case_id))).answer.text
    page = await browser.get(_case(case_id, "duplicates"))
    assert number in page.text
    assert "反映人相同；诉求内容相似" in page.text
    address = re.search(r'href="([^"]+/acts/MERGE[^"]+)"', page.answer.text)
    assert address
    asked = await browser.get(address[1])
    assert (await office.view("clerk.desk", case_id))["stage"] == "TRIAGE", "a look joins nothing"
    form = asked.form("/acts/MERGE")
    assert form.fields["main_case_id"] == [str(main)]
    assert number in asked.text
    assert "主案的答复同样告知本案的反映人" in asked.text
    assert "此前的答复" not in asked.text
    done = await browser.send(form)
    assert done.answer.url.path == _case(case_id)
    view = await office.view("clerk.desk", case_id)
    assert (view["stage"], view["course"]["main_case"]) == ("MERGED", str(main))
    assert str(main) in _linked(done)
    assert "并入的主案" in done.text


async def test_who_joins_to_an_answered_case_is_told_that_the_answer_will_be_read(
    browsers: Browsers, office: Office
) -> None:
    main, case_id = await office.replied(), await office.new_case()
    await office.act("reviewer.desk", main, "REVIEW_PASS")
    browser = await browsers.of("clerk.desk")
    address = f"{_case(case_id, 'acts', 'MERGE')}?main_case_id={main}"
    assert "并入后，该案举报人将看到此前的答复" in (await browser.get(address)).text


async def test_who_may_not_join_is_told_of_duplicates_without_the_button(
    browsers: Browsers, office: Office, complaints: Complaints
) -> None:
    main, case_id = await office.new_case(), await office.new_case()
    complaints.finds(main, text=True)
    browser = await browsers.of("supervisor.desk")
    part = await browser.get(_case(case_id, "duplicates"), **_PART)
    assert str(main) in _linked(part)
    assert "/acts/MERGE" not in part.answer.text


async def test_what_can_not_be_joined_is_told_without_the_button(
    browsers: Browsers, office: Office, complaints: Complaints
) -> None:
    ended, case_id = await office.new_case(), await office.new_case()
    await office.act("clerk.desk", ended, "REJECT", reason_code="R01", note="不属于本系统。")
    complaints.finds(ended, text=True)
    part = await (await browsers.of("clerk.desk")).get(_case(case_id, "duplicates"), **_PART)
    assert str(ended) in _linked(part)
    assert "现在不能并入" in part.text
    assert "/acts/MERGE" not in part.answer.text


async def test_a_report_is_no_duplicate_on_the_page_of_who_may_not_see_it(
    browsers: Browsers, office: Office, complaints: Complaints
) -> None:
    report, case_id = await office.new_case(Track.INTEGRITY), await office.new_case()
    complaints.finds(report, reporter=True, text=True)
    part = await (await browsers.of("clerk.desk")).get(_case(case_id, "duplicates"), **_PART)
    assert "没有发现可能重复的案件" in part.text
    assert str(report) not in part.answer.text


async def test_without_complaints_the_panel_says_what_was_compared(
    browsers: Browsers, office: Office, complaints: Complaints
) -> None:
    complaints.away = True
    part = await (await browsers.of("clerk.desk")).get(_case(await office.new_case(), "duplicates"), **_PART)
    assert "只按被反映单位查找" in part.text


async def test_nobody_looks_for_duplicates_once_a_case_is_dispatched_nor_from_above(
    browsers: Browsers, office: Office
) -> None:
    case_id = await office.dispatched(to="wj-a")
    for username in ("clerk.desk", "handler.wj-a", "supervisor.wj"):
        page = await (await browsers.of(username)).get(_case(case_id))
        assert "可能重复的案件" not in page.text
    above = await (await browsers.of("supervisor.wj")).get(_case(case_id, "duplicates"))
    assert above.status == 403


async def test_the_main_case_and_those_joined_to_it_lead_to_one_another(browsers: Browsers, office: Office) -> None:
    main, joined = await office.new_case(), await office.new_case()
    await office.act("clerk.desk", joined, "MERGE", main_case_id=str(main))
    browser = await browsers.of("clerk.desk")
    page = await _until(browser, _case(main), lambda page: str(joined) in _linked(page))
    assert "并入本案" in page.text
    assert str(main) in _linked(await browser.get(_case(joined)))


async def test_the_parts_of_a_split_are_linked_for_who_has_both(
    browsers: Browsers, office: Office, db: Database
) -> None:
    report = await office.new_case(Track.INTEGRITY)
    part = await _split(office, db, "clerk.rdesk", report)
    await _until(await browsers.of("clerk.desk"), _case(part), lambda page: page.status == 200)
    for case_id, desk in ((report, "rdesk"), (part, "desk")):
        await office.act(f"clerk.{desk}", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
        await office.act(f"clerk.{desk}", case_id, "ACCEPT")
        await office.act(f"dispatcher.{desk}", case_id, "DISPATCH", unit_id="wj")
    browser = await browsers.of("handler.wj")
    origin, told = await browser.get(_case(report)), await browser.get(_case(part))
    assert str(part) in _linked(origin)
    assert "从本案拆出" in origin.text
    assert str(report) in _linked(told)
    assert "拆出本案的原案" in told.text


async def test_the_part_of_a_report_does_not_tell_of_the_report(
    browsers: Browsers, office: Office, db: Database
) -> None:
    report = await office.new_case(Track.INTEGRITY)
    part = await _split(office, db, "clerk.rdesk", report)
    browser = await browsers.of("clerk.desk")
    page = await _until(browser, _case(part), lambda page: page.status == 200)
    assert str(report) not in page.answer.text
    assert "相关案件" not in page.text
    assert "拆出本案的原案" not in page.text


async def test_a_report_of_retaliation_leads_to_the_case_before_and_not_back(
    browsers: Browsers, office: Office, db: Database
) -> None:
    seen, hidden = await office.dispatched(Track.INTEGRITY, to="wj"), await office.new_case(region="370202")
    event = submitted(Track.INTEGRITY, category="1304", urgent=True, linked_case_ids=(seen, hidden))
    async with db.session() as session:
        await office.bridge.handle(session, received(event))
    new = event.case_ids[0]
    browser = await browsers.of("clerk.rdesk")
    page = await _until(browser, _case(new), lambda page: page.status == 200)
    assert str(seen) in _linked(page)
    assert "反映遭打击报复" in page.text
    assert str(hidden) not in page.answer.text, "nothing tells of a case that the officer may not see"
    assert str(new) not in (await browser.get(_case(seen))).answer.text


async def test_cases_that_belong_together_are_named_to_those_alone_who_see_them(
    browsers: Browsers, office: Office
) -> None:
    main, joined = await office.new_case(), await office.new_case()
    await office.act("clerk.desk", joined, "MERGE", main_case_id=str(main))
    await office.act("clerk.desk", main, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.desk", main, "ACCEPT")
    await office.act("dispatcher.desk", main, "DISPATCH", unit_id="wj-a")
    desk = await browsers.of("clerk.desk")
    await _until(desk, _case(main), lambda page: str(joined) in _linked(page))
    page = await (await browsers.of("handler.wj-a")).get(_case(main))
    assert page.status == 200
    assert str(joined) not in page.answer.text
    assert "相关案件" not in page.text
