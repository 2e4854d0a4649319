"""The public site as browsers speak to it: once whatever is sent twice, nothing lost, nothing forged, nothing told."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from contracts.lifecycle import Act, Stage, Track
from services.chassis.db import Database
from services.complaints.projection import project
from tests.integration.complaints.browsing import FORM, OTHER_PAGE, PNG, codes, file, follow, hidden
from tests.integration.complaints.people import Referrals, answered, files_under, step


async def stored(admin: "asyncpg.Connection[Any]", number: str) -> "asyncpg.Record":
    row = await admin.fetchrow(
        "SELECT *, (SELECT count(*) FROM complaints) AS all, (SELECT count(*) FROM evidence e"
        " WHERE e.complaint_id = c.complaint_id) AS files, (SELECT case_id FROM complaint_cases cc"
        " WHERE cc.complaint_id = c.complaint_id) AS case_id FROM complaints c WHERE case_number = $1",
        number,
    )
    assert row is not None
    return row


async def test_a_form_becomes_a_complaint_with_its_place_its_respondents_and_files(
    browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]"
) -> None:
    answer = await file(browser, [("账单.png", PNG), ("说明.txt", "床位费".encode())])
    assert (answer.status_code, answer.headers["location"]) == (303, "/receipt")
    row = await stored(admin, codes((await browser.get("/receipt")).text)[0])
    assert (row["category"], row["region"], row["track"], row["channel"]) == ("0704", "330106", "GENERAL", "WEB")
    assert (row["named"], row["contact_token"]) == (False, None)
    assert row["files"] == 2


async def test_a_double_click_is_one_complaint_and_each_file_is_kept_once(
    browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]"
) -> None:
    before = await admin.fetchval("SELECT count(*) FROM complaints")
    key = hidden((await browser.get("/file")).text, "key")
    clicks = await asyncio.gather(*(file(browser, [("账单.png", PNG)], key=key) for _ in range(4)))
    assert {click.status_code for click in clicks} == {303}
    row = await stored(admin, codes((await browser.get("/receipt")).text)[0])
    assert row["all"] == before + 1
    assert row["files"] == 1


async def test_the_same_page_with_other_content_is_asked_about_and_then_is_another_complaint(
    browser: httpx.AsyncClient,
) -> None:
    key = hidden((await browser.get("/file")).text, "key")
    assert (await file(browser, key=key)).status_code == 303
    asked = await file(browser, key=key, narrative="另一件事。")
    assert asked.status_code == 422
    assert "您已提交过这一页" in asked.text
    assert "另一件事。" in asked.text
    again = hidden(asked.text, "key")
    assert again != key
    assert (await file(browser, key=again, narrative="另一件事。")).status_code == 303


async def test_a_general_category_may_be_filed_as_a_report(
    browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]"
) -> None:
    await file(browser, as_report="yes")
    row = await stored(admin, codes((await browser.get("/receipt")).text)[0])
    assert row["track"] == "INTEGRITY"


async def test_who_chose_to_stay_anonymous_stays_so_whatever_the_fields_hold(
    browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]"
) -> None:
    await file(browser, name="王某", phone="13800138000", email="wang@example.org")
    row = await stored(admin, codes((await browser.get("/receipt")).text)[0])
    assert row["contact_token"] is None


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"category": ""}, "category", "请选择类别。"),
        ({"category": "9999"}, "category", "没有这个类别"),
        ({"place": ""}, "place", "请填写事情发生的地方。"),
        ({"place": "没有这个地方"}, "place", "没有找到这个地方"),
        ({"place": "鼓楼区"}, "place_code", "有几个地方叫这个名字"),
        ({"narrative": "  "}, "narrative", "请写下发生了什么。"),
        ({"respondents": "一" * 201}, "respondents", "每行最多 200 字"),
        ({"identity": "contact"}, "phone", "请填写电话或邮箱"),
        ({"identity": "contact", "phone": "电话"}, "phone", "电话号码的格式不正确"),
        ({"identity": "named", "name": ""}, "name", "请填写姓名"),
        ({"identity": "named", "name": "王某", "email": "wang"}, "email", "邮箱的格式不正确"),
        ({"identity": "contact", "phone": "13800138000", "notify": "EMAIL"}, "email", "选择了这种通知方式"),
    ],
)
async def test_each_error_stands_beside_its_field_and_what_was_typed_stays(
    browser: httpx.AsyncClient, changes: dict[str, str], field: str, text: str
) -> None:
    page = await file(browser, **{"wants": "退还<床位费>", **changes})
    assert page.status_code == 422
    told = re.search(rf'id="{field}-error">([^<]+)<', page.text)
    assert told, "the error is not beside its field"
    assert text in told[1]
    assert "退还&lt;床位费&gt;" in page.text


async def test_errors_are_in_the_pages_language(browser: httpx.AsyncClient) -> None:
    await browser.get("/?lang=en")
    page = await file(browser, category="9999", place="")
    assert "Say where it happened." in page.text
    assert 'lang="en"' in page.text


async def test_a_file_of_no_kind_we_take_is_refused_before_anything_is_stored(
    browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]"
) -> None:
    before = await admin.fetchval("SELECT count(*) FROM complaints")
    page = await file(browser, [("程序.exe", b"MZ\x90\x00\x03\x00\x00\x00")])
    assert page.status_code == 415
    assert 'id="files-error">不支持这种文件' in page.text
    assert await admin.fetchval("SELECT count(*) FROM complaints") == before


async def test_while_the_database_is_away_the_page_says_so_and_keeps_what_was_typed(
    browser: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = hidden((await browser.get("/file")).text, "key")

    def away(*_: object) -> None:
        raise ConnectionRefusedError("no PostgreSQL here")

    monkeypatch.setattr(db, "session", away)
    page = await file(browser, key=key)
    assert page.status_code == 503
    assert "没有处理" in page.text
    assert "多收三天床位费。" in page.text
    assert hidden(page.text, "key") == key


async def test_number_and_code_are_in_no_address_and_the_code_is_shown_until_it_is_kept(
    browser: httpx.AsyncClient,
) -> None:
    number, code, page = await follow(browser)
    assert number in page
    assert code not in page
    assert FORM["respondents"].split("\r\n")[0] not in page
    assert "多收三天床位费" not in page
    assert (await browser.get("/receipt")).headers["location"] == "/tracking"
    for answer in (await browser.get("/tracking/case"), await browser.get("/receipt")):
        assert answer.headers["cache-control"] == "no-store"
    for cookie in browser.cookies.jar:
        assert code not in str(cookie.value)


async def test_what_another_sites_page_sends_is_refused(browser: httpx.AsyncClient) -> None:
    _, _, page = await follow(browser)
    token = hidden(page, "form_token")
    for path in ("/file", "/tracking", "/tracking/case/additions", "/tracking/case/rating", "/tracking/leave"):
        answer = await browser.post(path, data={**FORM, "form_token": token}, headers=OTHER_PAGE)
        assert answer.status_code == 403, path
        assert "没有处理" in answer.text


async def test_an_addition_needs_the_token_of_its_visit_and_is_kept_when_it_has_ended(
    browser: httpx.AsyncClient,
) -> None:
    await follow(browser)
    for token in ("", "wrong"):
        answer = await browser.post("/tracking/case/additions", data={"form_token": token, "text": "还有一张发票。"})
        assert answer.status_code == 403
        assert "还有一张发票。" in answer.text
    assert (await browser.post("/tracking/case/rating", data={"satisfaction": "5"})).status_code == 403


async def test_an_addition_sent_twice_is_one_and_an_empty_one_is_none(
    browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]"
) -> None:
    number, _, page = await follow(browser)
    sent = {name: hidden(page, name) for name in ("form_token", "key")}
    empty = await browser.post("/tracking/case/additions", data={**sent, "text": " "})
    assert empty.status_code == 422
    assert "请写下要补充的内容" in empty.text
    for _ in range(2):
        added = await browser.post(
            "/tracking/case/additions", data={**sent, "text": "心内科。"}, files=[("files", ("单据.png", PNG))]
        )
        assert added.headers["location"] == "/tracking/case?done=addition"
    row = await stored(admin, number)
    assert row["files"] == 1
    assert await admin.fetchval("SELECT count(*) FROM supplements WHERE complaint_id = $1", row["complaint_id"]) == 1
    page = (await browser.get("/tracking/case")).text
    assert "您补充了文字说明" in page
    assert "您补交了 1 个文件" in page
    assert "心内科" not in page
    assert "单据" not in page


async def test_the_reporter_reads_the_answer_and_rates_it_once(
    browser: httpx.AsyncClient, db: Database, admin: "asyncpg.Connection[Any]", referrals: Referrals
) -> None:
    number, _, _ = await follow(browser)
    row = await stored(admin, number)
    await moved(db, answered(row["case_id"], row["complaint_id"], referrals.publish("经查属实，<已退费>。")))
    page = (await browser.get("/tracking/case")).text
    assert "经查属实，&lt;已退费&gt;。" in page
    assert "已答复，请您评价" in page
    sent = {name: hidden(page, name) for name in ("form_token", "key")}
    none = await browser.post("/tracking/case/rating", data=sent)
    assert "请选择一项评价。" in none.text
    for _ in range(2):
        rated = await browser.post("/tracking/case/rating", data={**sent, "satisfaction": "4"})
        assert rated.headers["location"] == "/tracking/case?done=rating"
    assert 'name="satisfaction"' not in (await browser.get("/tracking/case")).text


@pytest.mark.parametrize("track", list(Track))
@pytest.mark.parametrize("stage", [Stage.PENDING_VISIT, Stage.CLOSED])
async def test_who_is_joined_to_an_answered_case_is_shown_what_is_theirs_and_no_rating(
    browser: httpx.AsyncClient,
    db: Database,
    admin: "asyncpg.Connection[Any]",
    referrals: Referrals,
    stage: Stage,
    track: Track,
) -> None:
    number, _, _ = await follow(browser)
    main = await stored(admin, number)
    await browser.post("/tracking/leave")
    number, _, _ = await follow(browser)
    own = await stored(admin, number)
    answer = answered(main["case_id"], main["complaint_id"], referrals.publish("此前已作的答复。"))
    last = answer[-1].sequence
    absorbed = step(main["case_id"], main["complaint_id"], last + 1, Act.ABSORB, to_stage=stage)
    both = {"complaint_ids": (main["complaint_id"], own["complaint_id"]), "told": False}
    events = [
        *answer,
        step(own["case_id"], own["complaint_id"], 1, Act.MERGE, to_stage=Stage.MERGED),
        absorbed.model_copy(update=both),
    ]
    await moved(db, [event.model_copy(update={"track": track}) for event in events])
    page = (await browser.get("/tracking/case")).text
    english = (await browser.get("/tracking/case?lang=en")).text
    await browser.get("/tracking/case?lang=zh")
    assert ("此前已作的答复。" in page) == (track is Track.GENERAL)
    if track is Track.GENERAL:
        assert "由当时的反映人评价" in page
        assert "those who were in the case then rate it" in english
    else:
        assert "受理单位将另行答复您" in page
        assert "answers you by a new reply" in english
        assert "2026年9月1日" in page
    assert "请您评价" not in page
    assert 'name="satisfaction"' not in page
    sent = {name: hidden(page, name) for name in ("form_token", "key")} if stage is Stage.PENDING_VISIT else {}
    if sent:
        refused = await browser.post("/tracking/case/rating", data={**sent, "satisfaction": "5"})
        assert refused.status_code == 409
        assert "由当时的反映人评价" in refused.text


async def test_a_deadline_is_told_to_its_last_hour_and_marked_while_it_is_provisional(
    browser: httpx.AsyncClient, db: Database, admin: "asyncpg.Connection[Any]"
) -> None:
    number, _, _ = await follow(browser)
    row = await stored(admin, number)
    steps = answered(row["case_id"], row["complaint_id"])[:4]
    deadline = steps[3].deadline
    assert deadline
    await moved(
        db, [*steps[:3], steps[3].model_copy(update={"deadline": deadline.model_copy(update={"provisional": True})})]
    )
    page = (await browser.get("/tracking/case")).text
    assert "2026年9月25日24:00(暂定)" in page
    assert "放假安排公布后可能调整" in page


@pytest.mark.parametrize("stage", list(Stage))
async def test_every_stage_shows_well_in_both_languages(
    browser: httpx.AsyncClient, db: Database, admin: "asyncpg.Connection[Any]", stage: Stage
) -> None:
    number, _, _ = await follow(browser)
    row = await stored(admin, number)
    await moved(db, [step(row["case_id"], row["complaint_id"], 1, Act.REGISTER, to_stage=stage)])
    for language in ("zh", "en"):
        page = await browser.get(f"/tracking/case?lang={language}")
        assert page.status_code == 200
        assert stage.value not in page.text


async def test_a_split_complaint_shows_both_parts_and_both_answers(
    browser: httpx.AsyncClient, db: Database, admin: "asyncpg.Connection[Any]", referrals: Referrals
) -> None:
    number, _, _ = await follow(browser)
    row = await stored(admin, number)
    first, second = row["case_id"], uuid4()
    await moved(db, answered(first, row["complaint_id"], referrals.publish("多收的三天已退。")))
    await moved(db, answered(second, row["complaint_id"], referrals.publish("收费员已受处理。"))[:6])
    page = (await browser.get("/tracking/case")).text
    assert "另一部分：正在办理" in page
    assert "须于" in page
    await moved(db, answered(second, row["complaint_id"], referrals.publish("收费员已受处理。"))[6:])
    page = (await browser.get("/tracking/case")).text
    assert "多收的三天已退。" in page
    assert "收费员已受处理。" in page


async def test_of_a_complaint_with_an_ended_part_the_running_one_stands_first(
    browser: httpx.AsyncClient, db: Database, admin: "asyncpg.Connection[Any]"
) -> None:
    number, _, _ = await follow(browser)
    row = await stored(admin, number)
    running = step(uuid4(), row["complaint_id"], 1, Act.REGISTER)
    await moved(db, [running, step(row["case_id"], row["complaint_id"], 5, Act.REJECT, reason_code="R01")])
    page = (await browser.get("/tracking/case")).text
    assert page.index("正在审看") < page.index("另一部分：不予受理")


@pytest.mark.parametrize("path", ["/", "/file", "/tracking"])
async def test_a_first_look_is_light(browser: httpx.AsyncClient, path: str) -> None:
    page = await browser.get(path)
    sent = int(page.headers["content-length"])
    for address in re.findall(r'(?:href|src)="(/assets/[^"]+)"', page.text):
        sent += int((await browser.get(address)).headers["content-length"])
    assert sent <= 200 * 1024


async def test_leaving_closes_the_complaint_on_this_machine(browser: httpx.AsyncClient) -> None:
    await follow(browser)
    left = await browser.post("/tracking/leave")
    assert left.headers["location"] == "/"
    assert len(browser.cookies) == 0
    assert (await browser.get("/tracking/case")).headers["location"] == "/tracking?ended=1"


async def test_nothing_of_an_upload_lies_on_the_disk_unsealed(browser: httpx.AsyncClient, evidence_dir: Any) -> None:
    secret = "只有我知道的话".encode()
    await file(browser, [("说明.txt", secret)])
    for path in files_under(evidence_dir):
        assert secret not in path.read_bytes()


async def moved(db: Database, steps: list[Any]) -> None:
    for event in steps:
        async with db.session() as session:
            await project(session, event)
