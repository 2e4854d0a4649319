"""A reporter at a phone whose browser runs no scripts: files, keeps the code, follows, adds, reads, rates."""

import asyncio
import hashlib
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Page, Route, expect

from deploy.demo.client import Officers, Reporters
from deploy.stack import Stack
from services.complaints.evidence import EvidenceStore
from services.complaints.sealing import Sealer
from tests.browser.conftest import DESK, Visit, Visits
from tests.browser.desks import Office

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

HOSPITAL = "云川市第一人民医院收费处"
STORY = "住院九天，床位费收了十二天，问了三次没人管。"


async def fill(page: Page, **changes: str) -> None:
    """Fill in the form of a complaint about double charging."""
    values = {"place": "云川", "respondents": HOSPITAL, "narrative": STORY, "wants": "退还多收的床位费", **changes}
    await page.get_by_label("哪一类问题").select_option("0704")
    for name, value in values.items():
        await page.locator(f"#{name}").fill(value)


async def filed(visit: Visit, **changes: str) -> tuple[str, str]:
    """File on the page; number and code as the receipt shows them."""
    await visit.go("/file")
    await fill(visit.page, **changes)
    await visit.page.get_by_role("button", name="提交").click()
    await expect(visit.page).to_have_title(re.compile("已收到"))
    return await receipt(visit.page)


async def receipt(page: Page) -> tuple[str, str]:
    number, code = await page.locator(".hy-code").all_inner_texts()
    return number, code


async def keep(page: Page) -> None:
    """Show that number and code are kept."""
    _, code = await receipt(page)
    await page.get_by_label("输入查询码的最后 4 位").fill(code[-5:])
    await page.get_by_role("button", name="已记好，查看进展").click()


async def shows(page: Page, text: str) -> None:
    """Look again until the page shows a text: what officers do arrives by way of events."""
    for _ in range(60):
        await page.goto(page.url.partition("?")[0])
        if await page.get_by_text(text).count():
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"never shown: {text}")


async def test_a_reporter_files_follows_adds_reads_and_rates_without_scripts(
    visit: Visits, people: tuple[Reporters, Officers], tmp_path: Path
) -> None:
    bill = tmp_path / "清单.txt"
    bill.write_text("床位费 12 天")
    answer = "经核查，多收三天床位费 360 元属实，已全额退还。"
    async with visit() as reporter:
        page = reporter.page
        await reporter.go("/")
        await reporter.picture("first")
        await page.get_by_role("link", name="我要反映问题").click()
        await fill(page)
        await page.get_by_label("照片、票据、录音、文档").set_input_files(bill)
        await page.get_by_label("实名").check()
        await page.get_by_label("姓名", exact=True).fill("王某")
        await page.get_by_label("邮箱").fill("wang@example.org")
        await reporter.picture("file")
        await page.get_by_role("button", name="提交").click()

        number, code = await receipt(page)
        await reporter.picture("receipt")
        await page.get_by_role("button", name="已记好，查看进展").click()
        await expect(page).to_have_title(re.compile("已收到"))  # the step is not skipped
        await keep(page)
        await expect(page.get_by_role("heading", name="办理进展")).to_be_visible()
        assert code not in await page.content()
        await shows(page, "已登记")
        await page.get_by_role("button", name="退出").click()

        await page.get_by_role("link", name="查询进展").click()
        await page.get_by_label("案件编号").fill(number)
        await page.get_by_label("查询码").fill(code.lower().replace("-", " "))
        await reporter.picture("tracking")
        await page.get_by_role("button", name="查询").click()

        office = Office(people[1], number)
        await office.act("clerk.desk-990100", "REQUEST_SUPPLEMENT", note="请写明住院科室和结算日期。")
        await shows(page, "请写明住院科室和结算日期。")
        await reporter.picture("asked")
        await page.get_by_label("补充的内容").fill("心内科，九月三日结算。")
        await page.get_by_label("文件").set_input_files(bill)
        await page.get_by_role("button", name="提交补充").click()
        await expect(page.get_by_text("已收到您补充的内容")).to_be_visible()

        await office.answer(answer)
        await shows(page, answer)
        await reporter.picture("answered")
        assert "须于" in await page.locator(".hy-course").inner_text()
        await page.get_by_label("满意", exact=True).check()
        await page.get_by_role("button", name="提交评价").click()
        await expect(page.get_by_text("已收到您的评价")).to_be_visible()
        await shows(page, "您已评价,案件办结。")
        await reporter.picture("closed")

        seen = await page.content()
        assert STORY not in seen
        assert HOSPITAL not in seen
        assert not [url for url in reporter.addresses if number in url or code in url]


async def test_who_is_joined_to_an_answered_case_reads_its_answer_and_the_first_reporter_rates_it(
    visit: Visits, people: tuple[Reporters, Officers]
) -> None:
    answer = "经核查，多收床位费属实，已全部退还。"
    async with visit() as first, visit(size={"width": 390, "height": 844}) as second:
        main, _ = await filed(first)
        await keep(first.page)
        await shows(first.page, "已登记")
        await Office(people[1], main).answer(answer)
        await shows(first.page, answer)

        number, _ = await filed(second)
        await keep(second.page)
        await shows(second.page, "已登记")
        main_case = await people[1].find("clerk.desk-990100", main)
        await Office(people[1], number).act("clerk.desk-990100", "MERGE", main_case_id=main_case)
        await shows(second.page, answer)
        await second.picture("joined-answered")
        await expect(second.page.get_by_text("由当时的反映人评价")).to_be_visible()
        await expect(second.page.get_by_role("button", name="提交评价")).to_have_count(0)
        await first.page.get_by_label("不满意", exact=True).check()
        await first.page.get_by_role("button", name="提交评价").click()
        await expect(first.page.get_by_text("已收到您的评价")).to_be_visible()
        await shows(first.page, "重新办理")


@pytest.mark.parametrize("size", [{"width": 390, "height": 844}, DESK], ids=["phone", "desk"])
async def test_retaliation_is_reported_where_the_complaint_is_followed(visit: Visits, size: dict[str, int]) -> None:
    async with visit(size=size) as reporter:
        page = reporter.page
        number, _ = await filed(reporter)
        await keep(page)
        await page.get_by_role("link", name="因为反映问题受到打击报复").click()
        await expect(page.get_by_text("新的紧急举报")).to_be_visible()
        await reporter.picture(f"retaliation-{size['width']}")
        await page.get_by_label("发生了什么").fill("因为我反映了收费问题，科室停了我家人的复诊号。")
        await page.get_by_role("button", name="提交紧急举报").click()
        new, code = await receipt(page)
        assert new != number
        await reporter.picture(f"retaliation-receipt-{size['width']}")
        await keep(page)
        await expect(page.get_by_text(new)).to_be_visible()
        await shows(page, "已登记")
        wide = int(await page.locator("html").evaluate("e => e.scrollWidth - window.innerWidth"))
        assert wide <= 0
        assert not [url for url in reporter.addresses if new in url or code in url]


async def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(visit: Visits) -> None:
    async with visit() as reporter:
        page = reporter.page
        await reporter.go("/file")
        await fill(page, place="鼓楼区", narrative="一" * 20_000)
        await page.get_by_label("不留姓名，只留联系方式").check()
        await page.get_by_label("电话").fill("电话保密")
        await page.get_by_role("button", name="提交").click()

        await reporter.picture("errors")
        phone = page.get_by_label("电话")
        await expect(phone).to_have_attribute("aria-invalid", "true")
        assert "格式不正确" in await page.locator("#phone-error").inner_text()
        await expect(page.get_by_label("经过")).to_have_value("一" * 20_000)
        await expect(page.get_by_label("哪一类问题")).to_have_value("0704")
        await expect(page.get_by_label("不留姓名，只留联系方式")).to_be_checked()

        await phone.fill("13800138000")
        await page.get_by_label("是下面的哪一个").select_option(label="江苏省南京市鼓楼区")
        await page.get_by_role("button", name="提交").click()
        await expect(page).to_have_title(re.compile("已收到"))


async def test_going_back_and_sending_again_is_one_complaint_and_another_matter_is_another(visit: Visits) -> None:
    async with visit() as reporter:
        page = reporter.page
        first = await filed(reporter)
        await page.go_back()
        await fill(page)
        await page.get_by_role("button", name="提交").click()
        await expect(page).to_have_title(re.compile("已收到"))
        assert await receipt(page) == first

        assert await filed(reporter, narrative="这是另一件事。") != first


async def test_a_wrong_code_and_a_wrong_number_look_alike(visit: Visits) -> None:
    async with visit() as reporter:
        number, code = await filed(reporter)
        other, other_code = await filed(reporter, narrative="另一件事。")
        told = []
        for typed in ((other, code), ("HY260101-00000000", code), (number, other_code)):
            await reporter.go("/tracking")
            await reporter.page.get_by_label("案件编号").fill(typed[0])
            await reporter.page.get_by_label("查询码").fill(typed[1])
            await reporter.page.get_by_role("button", name="查询").click()
            told.append(await reporter.page.get_by_role("alert").inner_text())
            await expect(reporter.page.get_by_label("案件编号")).to_have_value(typed[0])
        assert len(set(told)) == 1


async def test_a_visit_that_ended_keeps_what_was_written(visit: Visits) -> None:
    async with visit() as reporter:
        page = reporter.page
        number, code = await filed(reporter)
        await keep(page)
        await page.get_by_label("补充的内容").fill("还有一张发票。")
        await page.context.clear_cookies()
        await page.get_by_role("button", name="提交补充").click()
        await expect(page.get_by_label("您刚才写的内容")).to_have_value("还有一张发票。")
        await page.get_by_label("案件编号").fill(number)
        await page.get_by_label("查询码").fill(code)
        await page.get_by_role("button", name="查询").click()
        await expect(page.get_by_label("补充的内容")).to_have_value("还有一张发票。")
        await page.get_by_role("button", name="提交补充").click()
        await expect(page.get_by_text("已收到您补充的内容")).to_be_visible()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [None, DESK], ids=["phone", "desk"])
async def test_no_page_shuts_anybody_out(
    visit: Visits, stack: Stack, people: tuple[Reporters, Officers], language: str, size: dict[str, int] | None
) -> None:
    """Axe runs in the page, which needs scripts and a policy that lets them in; the other tests hold the policy."""
    how: dict[str, Any] = {"scripts": True, "bypass_csp": True, **({"size": size} if size else {})}
    async with visit(**how) as reporter:
        page = reporter.page
        found = {}
        await reporter.go("/file")
        number, code = await filed(reporter)
        found["receipt"] = await reporter.violations()
        await keep(page)
        for path in ("/", "/file", "/tracking", "/tracking/case", "/nothing"):
            await reporter.go(f"{path}?lang={language}")
            assert await page.locator("html").get_attribute("lang") == ("zh-CN" if language == "zh" else "en")
            found[path] = await reporter.violations()
            await reporter.picture(f"axe-{language}-{'phone' if size is None else 'desk'}{path.replace('/', '-')}")
            wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            assert not wide, f"{path} is wider than the screen"
        assert number
        assert code
        assert {path: items for path, items in found.items() if items} == {}


async def test_an_upload_that_broke_off_goes_on_where_it_was_and_arrives_whole(
    visit: Visits, people: tuple[Reporters, Officers], stack: Stack, tmp_path: Path
) -> None:
    big = tmp_path / "录音记录.txt"
    big.write_bytes("".join(f"{line:07d}\n" for line in range(900_000)).encode())
    lost: list[int] = []
    later: list[int] = []
    async with visit(scripts=True) as reporter:
        page = reporter.page
        number, _ = await filed(reporter)
        await keep(page)

        async def line_is_cut(route: Route) -> None:
            """The second part is lost on its way, and all that is tried after it."""
            lost.append(int(route.request.headers.get("upload-offset", 0)))
            await (route.continue_() if len(lost) == 1 else route.abort())

        await page.route("**/tracking/case/uploads/*", line_is_cut)
        await page.get_by_label("文件").set_input_files(big)
        await page.get_by_role("button", name="提交补充").click()
        async with asyncio.timeout(60):
            while len(lost) < 2:
                await asyncio.sleep(0.05)
        await page.reload()
        await page.unroute("**/tracking/case/uploads/*", line_is_cut)
        page.on("request", lambda sent: later.append(int(sent.headers.get("upload-offset", -1))))
        await page.get_by_label("文件").set_input_files(big)
        await page.get_by_role("button", name="提交补充").click()
        await expect(page.get_by_text("已收到您补充的内容")).to_be_visible(timeout=120_000)
    assert lost[0] == 0
    assert 0 not in later, "what had arrived was not sent again"
    assert await opened_evidence(stack, number) == hashlib.sha256(big.read_bytes()).hexdigest()


async def opened_evidence(stack: Stack, number: str) -> str:
    """The hash of the one file of a complaint, as its seal gives it back."""
    connection = await asyncpg.connect(stack.config.admin_dsn("huiyin_complaints"))
    try:
        (row,) = await connection.fetch(
            "SELECT complaint_id, evidence_id, file_name, case_key_wrapped FROM evidence JOIN complaints"
            " USING (complaint_id) WHERE case_number = $1",
            number,
        )
    finally:
        await connection.close()
    cipher = Sealer.load(stack.settings.keys_dir).cipher(row["case_key_wrapped"], row["complaint_id"])
    store, content = EvidenceStore(stack.settings.evidence_dir), hashlib.sha256()
    for chunk in store.chunks(row["complaint_id"], row["file_name"], cipher, row["evidence_id"], "original"):
        content.update(chunk)
    return content.hexdigest()
