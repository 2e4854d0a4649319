"""What a reporter and an officer wrote is found nowhere outside its sealed home."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.lifecycle import Act, Role
from deploy.config import DATABASES
from deploy.demo.client import Officers, Receipt, Reporters
from deploy.demo.driver import Driver
from deploy.demo.plan import REPLY, Sample, Step
from deploy.demo.prepare import credentials, prepare
from deploy.stack import Stack
from services.chassis.db import Database
from services.referrals.service.registry import NewAccount, Registry
from tests.e2e.canaries import dump, files, mails, sightings
from tests.integration.referrals.browsing import Browser

NAME, PHONE, MAIL = "金丝雀甲乙", "13812345670", "canary.one@example.org"
ID_NUMBER, ADDRESS = "110101199003077758", "金丝雀路七号院"
NARRATIVE, WANTS, ACCUSED, SUPPLEMENT = "金丝雀叙述一句话", "金丝雀诉求半句话", "金丝雀被举报人", "金丝雀补充材料"
BROWSER, HOST, FORWARDED = "CanaryBrowser/9.9", "127.83.112.91", "203.0.113.177"
OFFICE, DESK = "CanaryOffice/1.1", "127.83.112.92"
NOTE = "请补充:具体地点"
FILE, LINE = "金丝雀清单.txt", "金丝雀文件中的一句话"
CONTENT = f"{LINE}，{NAME}，{ID_NUMBER}"
WRITTEN = (NARRATIVE, WANTS, ACCUSED, SUPPLEMENT, FILE, LINE, NOTE)
IDENTITY = (NAME, PHONE, MAIL, ID_NUMBER, ADDRESS, BROWSER, HOST, FORWARDED)
SECRETS = (NAME, PHONE, MAIL, ID_NUMBER, ADDRESS, BROWSER, HOST, FORWARDED, REPLY[:12], *WRITTEN)


@asynccontextmanager
async def client_at(address: str, browser: str, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose address and browser can be told from everybody else's."""
    transport = httpx.AsyncHTTPTransport(local_address=address, limits=httpx.Limits(max_connections=50))
    async with httpx.AsyncClient(
        transport=transport, timeout=60, trust_env=False, headers={"User-Agent": browser, **headers}
    ) as http:
        yield http


def canary(channel: str) -> Sample:
    return Sample(
        title="canary",
        channel=channel,
        category="0704",
        region="990100",
        plan="supplement",
        to="yb-990100",
        narrative=NARRATIVE * 3,
        wants=WANTS,
        respondents=(ACCUSED,),
        reporter={"name": NAME, "phone": PHONE, "email": MAIL, "id_number": ID_NUMBER, "address": ADDRESS},
        steps=(
            Step(Act.REQUEST_SUPPLEMENT, {"note": NOTE}),
            Step(Act.SUPPLEMENT, {"text": SUPPLEMENT}),
        ),
        rating=5,
    )


async def add_file(http: httpx.AsyncClient, url: str, receipt: Receipt) -> None:
    answer = await http.post(
        f"{url}/v1/tracking/evidence",
        data={"case_number": receipt.case_number, "query_code": receipt.query_code},
        files={"file": (FILE, CONTENT.encode(), "text/plain")},
        headers={"Idempotency-Key": uuid4().hex},
    )
    assert answer.status_code == 201, answer.text


async def newcomers(stack: Stack, *roles: Role) -> list[str]:
    """Officers of the test's own at the desk: they set up second factors, which others would have to know."""
    names = [f"{role.lower()}-{uuid4().hex[:10]}" for role in roles]
    password = credentials(stack.state_dir)["password"]
    database = Database(stack.settings.dsn("referrals"))
    try:
        people = [
            NewAccount(name, name, "desk-990100", (role,), password) for name, role in zip(names, roles, strict=True)
        ]
        await Registry(database).load((), people, invented_people=True)
    finally:
        await database.close()
    return names


async def read_everything(http: httpx.AsyncClient, stack: Stack, officers: Officers, case_id: str) -> tuple[str, str]:
    """An officer reads text and file, and is shown who the reporter is after a second person's yes; who the two are."""
    clerk, chief = await newcomers(stack, Role.CLERK, Role.SUPERVISOR)

    async def post(username: str, path: str, **body: object) -> Any:
        headers = {
            "Authorization": f"Bearer {await officers.login(username, proved=True)}",
            "Idempotency-Key": str(uuid4()),
        }
        answer = await http.post(f"{stack.url('referrals')}/v1/cases/{case_id}{path}", json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.text

    async def granted(method: str, path: str) -> httpx.Response:
        grant = (await post(clerk, "/grants", purpose="TRIAGE"))["grant"]
        return await http.request(method, stack.url("complaints") + path, headers={"Authorization": f"Bearer {grant}"})

    (texts,) = (await granted("POST", "/v1/narratives")).json()["complaints"]
    assert texts["narrative"].startswith(NARRATIVE)
    (file,) = texts["evidence"]
    async with asyncio.timeout(60):  # until it is examined
        while (answer := await granted("GET", f"/v1/evidence/{file['evidence_id']}")).status_code == 409:
            await asyncio.sleep(0.5)
    assert answer.text == CONTENT
    opening = (await post(clerk, "/identity-openings", purpose="VERIFY_EVIDENCE"))["opening_id"]
    await post(chief, f"/identity-openings/{opening}/decision", granted=True)
    seen = await post(clerk, f"/identity-openings/{opening}/readings")
    assert (seen["fields"]["name"], seen["fields"]["id_number"]) == (NAME, ID_NUMBER)
    original = await post(clerk, f"/evidence/{file['evidence_id']}/original")
    assert original == CONTENT
    return clerk, chief


async def own_copy(http: httpx.AsyncClient, stack: Stack, officers: Officers, receipt: Receipt, chief: str) -> bytes:
    """What the reporter gets who asks what is held (个人信息保护法 art. 45), after the desk's yes."""
    known = {"case_number": receipt.case_number, "query_code": receipt.query_code, "name": NAME, "phone": PHONE}
    rights, desk = f"{stack.url('complaints')}/v1/tracking/rights", f"{stack.url('referrals')}/v1/rights"
    asked = await http.post(rights, json={**known, "kind": "ACCESS"})
    assert asked.status_code == 201, asked.text
    shown = {"Authorization": f"Bearer {await officers.login(chief, proved=True)}"}
    request_id = asked.json()["items"][0]["request_id"]
    said = {"granted": True, "text": "同意。"}
    answered = await http.post(f"{desk}/{request_id}/answer", json=said, headers=shown)
    assert answered.status_code == 200, answered.text
    copy = await http.post(f"{rights}/copy", json=known)
    assert copy.status_code == 200, copy.text
    return copy.content


async def taken_out(
    http: httpx.AsyncClient, stack: Stack, officers: Officers, case_id: str, people: tuple[str, str]
) -> list[tuple[str, bytes]]:
    """What officers can print, save or list of a case, and the operator's view of its audit."""
    found = []
    for who in people:
        headers = {"Authorization": f"Bearer {await officers.login(who, proved=True)}"}
        for path in (
            f"/v1/cases/{case_id}", "/v1/queues/unit", "/v1/rights", "/v1/stats", *(
                f"/v1/cases/{case_id}/{part}"
                for part in ("clocks", "exports", "transfer-records", "identity-openings", "duplicates", "routes")
            ),
        ):  # fmt: skip
            answer = await http.get(stack.url("referrals") + path, headers=headers)
            assert answer.status_code == 200, (path, answer.text)
            found.append((f"{who} {path}", answer.content))
    async with httpx.AsyncClient(base_url=stack.url("referrals"), timeout=60, trust_env=False) as window:
        browser = Browser(window)
        await browser.log_in(people[1], credentials(stack.state_dir)["password"])
        for path in (f"/workbench/cases/{case_id}", "/workbench/unit", "/workbench/board", "/workbench/rights"):
            page = await browser.get(path)
            found.append((f"printed {path}", page.answer.content))
    command = [sys.executable, "-m", "deploy.cli", "audit", "show", "--case", case_id]
    shown = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "HUIYIN_STATE_DIR": str(stack.state_dir)}, stdout=asyncio.subprocess.PIPE
    )
    audit, _ = await shown.communicate()
    assert b"RIGHT_GRANTED" in audit
    return [*found, ("audit show", audit)]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(300)
async def test_canaries_are_found_nowhere(
    stack: Stack, people: tuple[Reporters, Officers], http: httpx.AsyncClient
) -> None:
    forwarded = {"X-Forwarded-For": FORWARDED, "Forwarded": f"for={FORWARDED}", "X-Real-IP": FORWARDED}
    async with client_at(HOST, BROWSER, **forwarded) as home, client_at(DESK, OFFICE) as desk:
        (reporters, _), (_, officers) = await prepare(stack.settings, home), await prepare(stack.settings, desk)
        first = await reporters.file(canary("WEB"))
        await add_file(home, stack.url("complaints"), first)
        async with asyncio.timeout(60):
            while (case_id := await officers.find("clerk.desk-990100", first.case_number)) is None:
                await asyncio.sleep(0.2)
        two = await read_everything(desk, stack, officers, case_id)
        copy = await own_copy(home, stack, officers, first, two[1])
        exports = await taken_out(desk, stack, officers, case_id, two)
        driver = Driver(reporters, officers, progress=lambda played: None)
        channels = ("WEB", "MINI_PROGRAM", "HOTLINE")
        played = await asyncio.gather(*(driver.play(canary(channel)) for channel in channels))
        assert {case.stage for case in played} == {"CLOSED"}
    receipts = [first, *(case.receipt for case in played)]
    codes = [code for receipt in receipts for code in (receipt.query_code, receipt.query_code.replace("-", ""))]
    # The copy holds the reporter's own data, and nothing of anybody else; what officers take out holds no identity.
    assert all(own.encode() in copy for own in (NAME, PHONE, MAIL, ID_NUMBER, ADDRESS, FILE, first.case_number))
    others = (ACCUSED, NARRATIVE, SUPPLEMENT, NOTE, BROWSER, HOST, FORWARDED, OFFICE, DESK, *two, *codes)
    assert sightings([("copy", copy)], others) == []
    assert len(exports) > 20
    assert sightings(exports, [*IDENTITY, *codes]) == []
    await asyncio.sleep(2)  # traces and logs are written in batches
    services = ("complaints", "vault", "referrals", "notifications")
    metrics = [(name, (await http.get(stack.url(name) + "/metrics")).content) for name in services]
    places = [*await dump(stack), *files(stack), *metrics]
    # The search sees into each of them: what may be there is found.
    known = sightings(places, [case_id, "/v1/platform/orders"])
    for place in (*(f"{name}.public." for name in DATABASES), "kafka/", "temporal/", "logs/"):
        assert any(sighting.startswith(place) for sighting in known), (place, known)
    assert sightings(places, [*SECRETS, *codes]) == []
    # Where an officer was is kept for the audit, and there alone.
    officer_at = sightings(places, (OFFICE, DESK))
    assert {word for word in (OFFICE, DESK) if any(word in seen for seen in officer_at)} == {OFFICE, DESK}
    assert [seen for seen in officer_at if ".audit_log: " not in seen] == []
    sent = list(mails(stack))
    assert any(MAIL.encode() in path.read_bytes() for path in (stack.state_dir / "mail").rglob("*.eml"))
    assert sightings(sent, [NAME, PHONE, ID_NUMBER, ADDRESS, *WRITTEN, *codes]) == []


def test_the_search_finds_what_is_there() -> None:
    places = [("a", f"x{NAME}y".encode()), ("b", NAME.encode("ascii", "backslashreplace")), ("c", b"nothing")]
    assert sightings(places, [NAME]) == [f"a: {NAME}", f"b: {NAME}"]
