"""What leaves the system bears its officer and time; what is read on the screen shows no numbers before they are asked
for, which is on record by itself."""

import inspect
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pypdf import PdfReader
from sqlalchemy import text

from contracts.lifecycle import Track
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings
from services.referrals.service.papers import Papers
from services.referrals.service.reading import Reading
from services.referrals.service.registry import Registry
from tests.integration.referrals.browsing import Browsers
from tests.integration.referrals.office import Office
from tests.integration.referrals.papers import CARD, MAIL, PHONE, POLICE, Complaints, referred

pytestmark = pytest.mark.asyncio(loop_scope="session")

ON_EVERY_PAGE = {
    "/v1/cases/{case_id}/package",
    "/workbench/cases/{case_id}/package",
    "/v1/cases/{case_id}/transfer-records/{sequence}/sheet",
    "/workbench/cases/{case_id}/transfer-records/{sequence}/sheet",
}
"""Papers of ours."""
IN_THE_NAME = {
    "/workbench/cases/{case_id}/evidence/{evidence_id}",
    "/workbench/cases/{case_id}/evidence/{evidence_id}/original",
    "/v1/cases/{case_id}/evidence/{evidence_id}/original",
}
"""Files that reporters sent: theirs is what is in them (the originals: test_openings.py)."""
TELLING, SHOWN = f"我叫王丽{PHONE}的录音.m4a", "我叫（姓名已隐去）（号码已隐去）的录音.m4a"
"""What a reporter calls a file, and what officers see of it."""
NO_FILE = {"/workbench/events"}
_GIVES = re.compile(r"as_file\(|StreamingResponse\(|Content-Disposition|FileResponse\(")


class WithFiles(Complaints):
    """Keeps a file too."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        if "/v1/evidence/" in str(request.url):
            said = f"attachment; filename*=UTF-8''{quote(TELLING, safe='')}"
            headers = {"Content-Disposition": said, "Content-Length": "3"}
            return httpx.Response(200, content=b"abc", headers=headers)
        found = super().answer(request)
        kept = found.json()
        for complaint in kept["complaints"]:
            for file in complaint.get("evidence", ()):
                file |= {"state": "CLEAN", "finding": None, "available": True, "name": TELLING}
        return httpx.Response(200, text=json.dumps(kept))


@pytest_asyncio.fixture(loop_scope="session")
async def complaints(app: FastAPI, db: Database, settings: Settings) -> AsyncIterator[WithFiles]:
    await Registry(db).load((POLICE,), ())
    there, before = WithFiles(), app.state.services
    async with httpx.AsyncClient(transport=httpx.MockTransport(there.answer)) as http:
        reading = Reading(before.casebook, http, "http://complaints")
        app.state.services = replace(before, reading=reading, papers=Papers(db, before.texts, reading, settings))
        yield there
        app.state.services = before


def marked(pdf: bytes, since: datetime) -> None:
    """Every page says who, of which unit, and when (Beijing time)."""
    moments = {f"{since + timedelta(hours=8, minutes=minute):%Y-%m-%d%H:%M}" for minute in range(4)}
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert pages
    for page in pages:
        words = "".join(page.extract_text().split())
        assert "HANDLER济南市" in words
        assert any(moment in words for moment in moments), words[-200:]


async def test_every_route_that_gives_a_file_is_known_here(app: FastAPI) -> None:
    gives, asked = set(), 0
    for route in iter_route_contexts(app.routes):
        endpoint = getattr(route.original_route, "endpoint", None)
        if inspect.isfunction(endpoint):
            asked += 1
            gives |= {route.path} if _GIVES.search(inspect.getsource(endpoint)) else set()
    assert asked > 60
    assert gives == ON_EVERY_PAGE | IN_THE_NAME | NO_FILE


async def test_every_paper_bears_its_officer_and_time(
    office: Office, browsers: Browsers, complaints: WithFiles
) -> None:
    since = datetime.now(UTC)
    outside, inside = await referred(office), await referred(office, Track.INTEGRITY, to="jj")
    (record,) = (await office.get("handler.wj", f"/v1/cases/{inside}/transfer-records")).json()["items"]
    paths = {
        "/v1/cases/{case_id}/package": f"/v1/cases/{outside}/package",
        "/v1/cases/{case_id}/transfer-records/{sequence}/sheet": (
            f"/v1/cases/{inside}/transfer-records/{record['sequence']}/sheet"
        ),
    }
    browser, given = await browsers.of("handler.wj"), set()
    for template, path in paths.items():
        answer = await office.get("handler.wj", path)
        marked(answer.content, since)
        case_id = outside if "package" in template else inside
        page = await browser.get(f"/workbench/cases/{case_id}")
        saved = await browser.send(page.form(path.removeprefix("/v1")))
        marked(saved.answer.content, since)
        given |= {template, template.replace("/v1", "/workbench")}
    assert given == ON_EVERY_PAGE
    signed = await office.get("handler.wj", paths["/v1/cases/{case_id}/package"], form="signed")
    with zipfile.ZipFile(io.BytesIO(signed.content)) as archive:
        (pdf,) = [archive.read(name) for name in archive.namelist() if name.endswith(".pdf")]
    marked(pdf, since)


async def test_a_file_is_saved_under_a_name_that_tells_who_and_when(
    office: Office, browsers: Browsers, complaints: WithFiles
) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    page = await browser.get(f"/workbench/cases/{case_id}")
    page = await browser.send(page.form("/texts"))
    got = await browser.send(page.form(f"/evidence/{UUID(int=7)}"))
    said = re.fullmatch(
        r"attachment; filename\*=UTF-8''clerk\.desk-\d{8}T\d{6}Z-(.+)", got.answer.headers["content-disposition"]
    )
    assert said is not None
    assert unquote(said[1]) == SHOWN, "and not who sent it"


async def test_numbers_are_shown_when_asked_for_and_that_is_on_record(
    office: Office, db: Database, browsers: Browsers, complaints: WithFiles
) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    page = await browser.get(f"/workbench/cases/{case_id}")
    hidden = await browser.send(page.form("/texts"))
    assert "诊所没有执业许可证" in hidden.text
    assert hidden.text.count("（号码已隐去）") == 4
    assert SHOWN in hidden.text
    for number in (PHONE, CARD, MAIL, "王丽"):
        assert number not in hidden.answer.text
    form = hidden.form("/texts")
    assert form.fields["whole"] == ["yes"]
    whole = await browser.send(form)
    for number in (PHONE, CARD, MAIL, TELLING):
        assert number in whole.answer.text
    assert "whole" not in whole.answer.text, "there is nothing more to show"
    async with db.read(SYSTEM) as session:
        rows = await session.execute(
            text("SELECT details::json -> 'masked' FROM audit_log WHERE chain = :chain AND action = 'TEXTS_GRANTED'"
                 " ORDER BY sequence"),
            {"chain": f"case/{case_id}"},
        )  # fmt: skip
        assert [row[0] for row in rows] == [True, False]


async def test_who_may_not_read_is_shown_no_more_for_asking_for_all(
    browsers: Browsers, office: Office, complaints: WithFiles
) -> None:
    case_id = await office.dispatched(to="wj")
    stranger = await browsers.of("handler.yb")
    page = await stranger.get("/workbench/unit")
    token = page.form("/logout").fields["form_token"]
    typed = {"form_token": token, "purpose": "HANDLE", "whole": "yes"}
    got = await stranger.post(f"/workbench/cases/{case_id}/texts", typed)
    assert got.status == 404
    assert complaints.grants == []
    assert (await stranger.post(f"/workbench/cases/{uuid4()}/texts", typed)).status == 404
