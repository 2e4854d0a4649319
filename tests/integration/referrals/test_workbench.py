"""The workbench without scripts: log-in, queues, acts by form, refusals that lose nothing, what is not theirs."""

import asyncio
import re
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from contracts.lifecycle import Track
from tests.integration.referrals.browsing import HEADERS, Browsers
from tests.integration.referrals.office import PASSWORD, TREE, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _case(case_id: UUID, *more: str) -> str:
    return "/".join(("/workbench/cases", str(case_id), *more))


async def test_logging_in_leads_to_the_queue_and_the_cookie_is_out_of_reach(browsers: Browsers) -> None:
    browser = browsers.fresh()
    login = await browser.get("/")
    assert login.answer.url.path == "/workbench/login"
    answer = await browser.http.post(
        "/workbench/login", data={"username": "clerk.desk", "password": PASSWORD}, headers=HEADERS
    )
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert (answer.status_code, answer.headers["location"]) == (303, "/workbench")
    page = await browser.get("/workbench")
    assert page.status == 200
    assert "济南市受理台" in page.text


async def test_a_wrong_password_and_an_unknown_name_read_the_same(browsers: Browsers) -> None:
    browser = browsers.fresh()
    pages = [await browser.log_in(name, "wrong") for name in ("clerk.desk", "nobody")]
    assert [page.status for page in pages] == [401, 401]
    bodies = [page.answer.text.replace('value="clerk.desk"', "").replace('value="nobody"', "") for page in pages]
    assert bodies[0] == bodies[1]
    assert "set-cookie" not in pages[0].answer.headers


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/workbench/../x\n", "/v1/cases"])
async def test_logging_in_leads_nowhere_else(browsers: Browsers, elsewhere: str) -> None:
    browser = browsers.fresh()
    body = {"username": "clerk.desk", "password": PASSWORD, "next": elsewhere}
    answer = await browser.http.post("/workbench/login", data=body, headers=HEADERS)
    assert answer.headers["location"] == "/workbench"


async def test_logging_out_ends_the_session_itself(browsers: Browsers, app: FastAPI) -> None:
    browser = await browsers.of("clerk2.desk")
    kept = dict(browser.http.cookies)
    page = await browser.send((await browser.get("/workbench/unit")).form("/logout"))
    assert page.answer.url.path == "/workbench/login"
    browser.http.cookies.update(kept)  # a copy of the cookie is worth nothing now
    assert (await browser.get("/workbench/unit", follow=False)).status == 303


async def test_nothing_is_done_for_a_page_that_is_not_ours(browsers: Browsers, office: Office) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    form = (await browser.get(_case(case_id, "acts", "ACCEPT"))).form("/acts/ACCEPT")
    foreign = await browser.post(form.action, form.fields, **{"Sec-Fetch-Site": "cross-site"})
    without = await browser.post(
        form.action, {name: value for name, value in form.fields.items() if name != "form_token"}
    )
    wrong = await browser.send(form, form_token="x" * 32)
    assert [foreign.status, without.status, wrong.status] == [403, 403, 403]
    assert (await office.view("clerk.desk", case_id))["stage"] == "TRIAGE"
    assert wrong.form("/acts/ACCEPT").fields["form_token"] == form.fields["form_token"]  # and it can be sent again


async def test_a_case_is_claimed_from_the_list_and_then_mine(browsers: Browsers, office: Office) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    page = await browser.page_with("/workbench/unit?kind=TRIAGE", f"{case_id}/acts/CLAIM")
    done = await browser.send(page.form(f"{case_id}/acts/CLAIM"))
    assert done.answer.url.path == _case(case_id)
    assert "由我办理" in done.text
    await browser.page_with("/workbench/mine", str(case_id))
    assert (await office.view("clerk.desk", case_id))["task"]["mine"]


@pytest.mark.parametrize("part", [False, True], ids=["plain", "within the page"])
async def test_what_was_done_is_said_once(browsers: Browsers, office: Office, *, part: bool) -> None:
    case_id, other = await office.new_case(), await office.new_case()
    browser = await browsers.of("clerk.desk")
    form = (await browser.get(_case(case_id))).form("/acts/CLAIM")
    asks = {"HX-Request": "true"} if part else {}
    sent = await browser.http.post(form.action, data=form.fields, headers={**HEADERS, **asks})
    address = sent.headers["HX-Redirect" if part else "location"]
    assert address == _case(case_id), "what was done is no part of the address"
    assert "已完成" not in (await browser.get(_case(other))).text
    assert "已完成：认领。" in (await browser.get(address)).text
    assert "已完成" not in (await browser.get(address)).text


async def test_counts_are_those_of_the_lists(browsers: Browsers, office: Office) -> None:
    await office.dispatched()
    browser = await browsers.of("handler.hospital")
    page = await browser.get("/workbench/unit")
    chips = dict(re.findall(r'id="kind-(\w+)"[^>]*>[^<]*<span class="wb-number">(\d+)<', page.answer.text))
    assert chips["all"] == str(sum(int(number) for kind, number in chips.items() if kind != "all"))
    for kind in ("SIGN", "HANDLE"):
        expected, path, after = int(chips.get(kind.lower(), "0")), "/v1/queues/unit", None
        listed = 0
        while True:
            query = {"kind": kind, "limit": 200, **({"after": after} if after else {})}
            answer = (await office.get("handler.hospital", path, **query)).json()
            listed += len(answer["items"])
            after = answer["next"]
            if after is None:
                break
        assert expected == listed


async def test_a_form_is_made_of_what_the_act_needs(browsers: Browsers, office: Office) -> None:
    case_id = await office.new_case(Track.INTEGRITY)
    await office.act("clerk.rdesk", case_id, "LINK_RESPONDENTS", respondent_units=["wj-a"])
    await office.act("clerk.rdesk", case_id, "ACCEPT")
    browser = await browsers.of("dispatcher.rdesk")
    page = await browser.get(_case(case_id, "acts", "DISPATCH"))
    form = page.form("/acts/DISPATCH")
    known = {unit.unit_id for unit in TREE}
    assert next(unit_id for unit_id in form.offered["unit_id"] if unit_id in known) == "wj"
    assert "wj-a" not in form.offered["unit_id"]
    assert "信访工作条例第三十条" in page.text  # why the accused unit is no choice
    assert "开始计时： 签收" in page.text or "开始计时：签收" in page.text
    foreseen = await browser.get(_case(case_id, "acts", "DISPATCH", "preview?unit_id=wj&kind="))
    assert re.search(r"签收：开始计时，期限至 \d{4}-\d\d-\d\d", foreseen.text)
    refused = await browser.get(_case(case_id, "acts", "DISPATCH", "preview?unit_id=wj-a&kind="))
    assert "被举报单位" in refused.text
    done = await browser.send(form, unit_id="wj", note="请依法办理。")
    assert done.answer.url.path == _case(case_id)
    view = await office.view("dispatcher.rdesk", case_id)
    assert (view["stage"], view["holder"]["unit_id"]) == ("DISPATCHED", "wj")


async def _accepted(office: Office) -> UUID:
    """A complaint that waits to be dispatched."""
    case_id = await office.new_case()
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.desk", case_id, "ACCEPT")
    return case_id


async def test_the_kinds_are_those_by_which_the_chosen_unit_may_receive_the_case(
    browsers: Browsers, office: Office
) -> None:
    case_id = await _accepted(office)
    browser = await browsers.of("dispatcher.desk")
    form = (await browser.get(_case(case_id, "acts", "DISPATCH"))).form("/acts/DISPATCH")
    assert set(form.offered["kind"]) == {"", "DISPATCH", "ASSIGN", "FORWARD"}, "what any unit may receive it by"

    async def chosen(unit_id: str, kind: str, kinds_of: str) -> str:
        query = f"preview?unit_id={unit_id}&kind={kind}&kinds_of={kinds_of}"
        return (await browser.get(_case(case_id, "acts", "DISPATCH", query))).answer.text

    def offered(part: str) -> list[str]:
        return re.findall(r'<option value="([A-Z_]+)"', part)

    health = await chosen("wj", "ASSIGN", "")
    assert 'id="kind-of-unit" hx-swap-oob="true"' in health
    assert offered(health) == ["DISPATCH", "ASSIGN", "FORWARD"]
    assert '<option value="ASSIGN" selected>' in health
    hospital = await chosen("hospital", "ASSIGN", "wj")
    assert offered(hospital) == ["DISPATCH"]
    assert "selected" not in hospital, "what was chosen for another unit is not kept"
    assert "不能" not in hospital
    assert offered(await chosen("hospital", "DISPATCH", "hospital")) == [], "the same unit: what is open stays"


async def test_a_kind_that_the_unit_can_not_have_is_refused_with_those_that_it_can(
    browsers: Browsers, office: Office
) -> None:
    case_id = await _accepted(office)
    browser = await browsers.of("dispatcher.desk")
    form = (await browser.get(_case(case_id, "acts", "DISPATCH"))).form("/acts/DISPATCH")
    refused = await browser.send(form, unit_id="hospital", kind="ASSIGN", note="请核查。")
    assert refused.status == 422
    assert "依转办权限表，不能以这种方式转给历下区人民医院。可选方式：转办" in refused.text
    again = refused.form("/acts/DISPATCH")
    assert again.offered["kind"] == ["", "DISPATCH"]
    assert (again.fields["unit_id"], again.fields["note"]) == (["hospital"], ["请核查。"])
    assert (await browser.send(again)).status == 200
    assert (await office.view("dispatcher.desk", case_id))["holder"]["unit_id"] == "hospital"


async def test_a_double_click_is_one_act(browsers: Browsers, office: Office) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    form = (await browser.get(_case(case_id, "acts", "REQUEST_SUPPLEMENT"))).form("/REQUEST_SUPPLEMENT")
    pages = await asyncio.gather(*(browser.send(form, note="请补充就诊日期。") for _ in range(3)))
    assert [page.status for page in pages] == [200, 200, 200]
    view = await office.view("clerk.desk", case_id)
    assert [step["act"] for step in view["timeline"]].count("REQUEST_SUPPLEMENT") == 1


async def test_who_comes_second_sees_what_changed_and_keeps_what_was_typed(browsers: Browsers, office: Office) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    form = (await browser.get(_case(case_id, "acts", "HAND_TO_DESK"))).form("/HAND_TO_DESK")
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    second = await browser.send(form, unit_id="desk2", note="患者在青岛就医，请当地办理。")
    assert second.status == 409
    assert "关联被反映单位" in second.text
    again = second.form("/HAND_TO_DESK")
    assert again.fields["note"] == ["患者在青岛就医，请当地办理。"]
    assert again.fields["unit_id"] == ["desk2"]
    assert again.fields["key"] != form.fields["key"]
    assert (await browser.send(again)).status == 200
    assert (await office.view("clerk.desk", case_id))["desk"]["unit_id"] == "desk2"


async def test_an_act_that_is_no_longer_legal_still_shows_what_was_typed(browsers: Browsers, office: Office) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    form = (await browser.get(_case(case_id, "acts", "REQUEST_SUPPLEMENT"))).form("/REQUEST_SUPPLEMENT")
    await office.act("clerk.desk", case_id, "ACCEPT")
    late = await browser.send(form, note="这段话不能丢。")
    assert late.status == 409
    assert "这段话不能丢。" in late.text
    assert not late.has_form("/REQUEST_SUPPLEMENT")


async def test_what_is_missing_is_said_at_the_field(browsers: Browsers, office: Office) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    form = (await browser.get(_case(case_id, "acts", "REJECT"))).form("/REJECT")
    page = await browser.send(form, note="不属于本系统。")
    assert page.status == 422
    assert 'id="error-reason_code"' in page.answer.text
    assert page.form("/REJECT").fields["note"] == ["不属于本系统。"]
    assert (await browser.send(page.form("/REJECT"), reason_code="R01")).status == 200


async def test_what_is_not_theirs_is_not_there(browsers: Browsers, office: Office) -> None:
    case_id = await office.new_case(Track.INTEGRITY)
    browser = await browsers.of("clerk.desk")
    for path in ((), ("clocks",), ("acts", "ACCEPT"), ("news?seen=1",)):
        theirs = await browser.get(_case(case_id, *path))
        nobodys = await browser.get(_case(uuid4(), *path))
        if path != ("news?seen=1",):
            assert (theirs.status, nobodys.status) == (404, 404)
        assert theirs.answer.text.replace(str(case_id), "") == re.sub(
            r"[0-9a-f]{8}-[0-9a-f-]{27}", "", nobodys.answer.text
        )
    form = (await browser.get("/workbench/unit")).form("/logout")
    body = {"form_token": form.fields["form_token"][0], "key": str(uuid4()), "seen": "1"}
    assert (await browser.post(_case(case_id, "acts", "ACCEPT"), body)).status == 404


async def test_the_board_is_for_supervisors_and_each_number_is_its_list(browsers: Browsers, office: Office) -> None:
    await office.dispatched(to="wj-a")
    assert (await (await browsers.of("clerk.desk")).get("/workbench/board")).status == 403
    browser = await browsers.of("supervisor.wj")
    board = await browser.get("/workbench/board?watch=OPEN")
    numbers = re.findall(r'id="board-([\w-]+)-(\w+)" href="([^"]+)"[^>]*>(\d+)</a>', board.answer.text)
    assert ("wj-a", "open") in {(unit, watch) for unit, watch, _, _ in numbers}
    for _, _, address, number in numbers:
        rows, path = 0, address.replace("&amp;", "&")
        while path:
            page = (await browser.get(path)).answer.text
            rows += len(set(re.findall(r'id="row-([^"]+)"', page)))
            following = re.search(r'href="([^"]+)" rel="next"', page)
            path = following[1].replace("&amp;", "&") if following else ""
        assert rows == int(number), address


async def test_every_act_that_is_legal_has_a_form_that_can_be_opened(browsers: Browsers, office: Office) -> None:
    triage = await office.new_case()
    held = await office.dispatched(to="wj-a")
    await office.act("handler.wj-a", held, "SIGN")
    seen: set[str] = set()
    for username, case_id in (
        ("clerk.desk", triage), ("dispatcher.desk", held), ("handler.wj-a", held), ("supervisor.desk", held),
    ):  # fmt: skip
        browser = await browsers.of(username)
        for act in (await office.view(username, case_id))["legal_acts"]:
            page = await browser.get(_case(case_id, "acts", act["act"]))
            assert page.status == 200, act
            offered = [form for form in page.forms if form.action.endswith(f"/acts/{act['act']}")][-1]
            missing = {*act["needs"], *act["may"]} - {*offered.fields, *offered.offered}
            if "个及原因" not in page.text:  # every unit is refused, with why
                assert missing <= {"respondent_accounts"}, act  # persons are found by name first
            seen.add(act["act"])
    assert {"SPLIT", "MERGE", "TRANSFER", "REQUEST_RETURN", "ADD_SUPPORT", "REQUEST_EXTENSION", "SUPERVISE"} <= seen


async def test_a_return_and_a_designation_by_form(browsers: Browsers, office: Office) -> None:
    case_id = await office.dispatched(to="wj-a")
    desk = await browsers.of("dispatcher.desk")
    for holder, following in (("wj-a", "hospital"), ("hospital", None)):
        asked = await browsers.of(f"handler.{holder}")
        form = (await asked.get(_case(case_id, "acts", "REQUEST_RETURN"))).form("/REQUEST_RETURN")
        await asked.send(form, note="不属于本单位职责。")
        await desk.send((await desk.get(_case(case_id, "acts", "APPROVE_RETURN"))).form("/APPROVE_RETURN"))
        if following:
            form = (await desk.get(_case(case_id, "acts", "DISPATCH"))).form("/DISPATCH")
            await desk.send(form, unit_id=following)
    view = await office.view("dispatcher.desk", case_id)
    assert (view["stage"], view["course"]["bounces"]) == ("ARBITRATION", 2)
    supervisor = await browsers.of("supervisor.desk")
    for watch in ("DESIGNATION", "RETURNED"):
        await supervisor.page_with(f"/workbench/board?watch={watch}", str(case_id))
    assert view["course"]["arbiter"]["unit_id"] == "wj"  # it stands above both
    leader = await browsers.of("leader.wj")
    form = (await leader.get(_case(case_id, "acts", "DESIGNATE"))).form("/DESIGNATE")
    assert (await leader.send(form, unit_id="wj-a", note="由历下区卫健局办理。")).status == 200
    designated = await (await browsers.of("handler.wj-a")).get(_case(case_id))
    assert "指定管辖，不得退回" in designated.text
    assert "已退回 2 次" in designated.text


async def test_more_time_is_asked_for_a_clock_that_runs(browsers: Browsers, office: Office) -> None:
    case_id = await office.dispatched(to="wj-a")
    await office.act("handler.wj-a", case_id, "SIGN")
    browser = await browsers.of("handler.wj-a")
    form = (await browser.get(_case(case_id, "acts", "REQUEST_EXTENSION"))).form("/REQUEST_EXTENSION")
    assert form.offered["purpose"] == ["", "HANDLE"]
    wrong = await browser.send(form, purpose="HANDLE", amount="many", note="案情复杂。")
    assert wrong.status == 422
    assert 'id="error-amount"' in wrong.answer.text
    kept = wrong.form("/REQUEST_EXTENSION").fields
    assert (kept["purpose"], kept["note"]) == (["HANDLE"], ["案情复杂。"])


async def test_a_case_is_merged_by_the_number_of_its_main_case(browsers: Browsers, office: Office) -> None:
    main, other = await office.new_case(), await office.new_case()
    number = (await office.view("clerk.desk", main))["case_number"]
    browser = await browsers.of("clerk.desk")
    form = (await browser.get(_case(other, "acts", "MERGE"))).form("/MERGE")
    unknown = await browser.send(form, main_case_id="HY-NO-SUCH")
    assert unknown.status == 422
    assert 'id="error-main_case_id"' in unknown.answer.text
    assert (await browser.send(unknown.form("/MERGE"), main_case_id=number)).status == 200
    assert (await office.view("clerk.desk", other))["stage"] == "MERGED"


async def test_the_unit_that_had_a_case_sees_it_and_cannot_act(browsers: Browsers, office: Office) -> None:
    case_id = await office.dispatched(to="wj-a")
    await office.act("handler.wj-a", case_id, "SIGN")
    await office.act("handler.wj-a", case_id, "TRANSFER", unit_id="hospital", note="请医院处理。")
    browser = await browsers.of("handler.wj-a")
    page = await browser.get(_case(case_id))
    assert "案件已移出本单位" in page.text
    assert "现在可以办理" not in page.text
    assert not page.has_form("/texts")
    assert (await browser.get(_case(case_id, "acts", "BEGIN"))).status == 409


async def test_pages_ask_nobody_else_and_run_nothing_inline(browsers: Browsers, office: Office) -> None:
    case_id = await office.dispatched()
    browser = await browsers.of("handler.hospital")
    for path in (
        "/workbench/unit",
        "/workbench/search",
        _case(case_id),
        _case(case_id, "clocks"),
        _case(case_id, "acts", "SIGN"),
    ):
        page = await browser.get(path)
        assert page.status == 200
        policy = page.answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.answer.headers["cache-control"] == "no-store"
        text = page.answer.text
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script>|javascript:", text)
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


async def test_every_page_is_there_in_english(browsers: Browsers, office: Office) -> None:
    case_id = await office.dispatched()
    browser = await browsers.of("supervisor.desk")
    for path in (
        "/workbench/unit",
        "/workbench/board",
        "/workbench/search",
        _case(case_id),
        _case(case_id, "acts", "URGE"),
    ):
        page = await browser.get(f"{path}?lang=en")
        assert page.status == 200
        assert 'lang="en"' in page.answer.text
    assert "What happened" in (await browser.get(_case(case_id))).text
