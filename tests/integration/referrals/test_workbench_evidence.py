"""Evidence on the case page: what became of each file, and a download that streams, or says why there is none."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.referrals.service.reading import Reading
from tests.integration.referrals.browsing import Browser, Browsers, Page
from tests.integration.referrals.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="session")

_HEADERS = {"Content-Disposition": "attachment; filename*=UTF-8''a.pdf", "Content-Length": "3000"}
_WORDS = ("已查毒，已清除元数据", "未经病毒扫描", "正在检查", "含恶意程序（Eicar-Test-Signature）", "已损坏、加密")
_AT = "2026-09-01T02:00:00+00:00"
FILES = {
    "CLEAN": ("账目.pdf", None, True),
    "NOT_SCANNED": ("未扫描.pdf", None, True),
    "RECEIVED": ("刚到.pdf", None, False),
    "INFECTED": ("毒.pdf", "Eicar-Test-Signature", False),
    "UNREADABLE": ("坏.pdf", "broken", False),
}


class Complaints:
    """The service that keeps the files: one of each state."""

    def __init__(self) -> None:
        self.ids = {state: uuid4() for state in FILES}
        self.languages: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.languages.append(request.headers["accept-language"])
        if request.method == "POST":
            return httpx.Response(
                200, json={"complaints": [{"case_number": "HY1", "submitted_at": _AT, **self._texts()}]}
            )
        state = next(state for state, known in self.ids.items() if request.url.path.endswith(str(known)))
        if FILES[state][2]:
            return httpx.Response(200, stream=_Pieces(), headers=_HEADERS)
        problem = {"code": f"EVIDENCE_{state}", "detail": f"不能下载 {FILES[state][1]}", "status": 403}
        return httpx.Response(403, json=problem)

    def _texts(self) -> dict[str, Any]:
        files = [
            {
                "evidence_id": str(self.ids[state]), "at": _AT, "name": name, "media_type": "application/pdf",
                "size": 2_000, "sha256": "0" * 64, "state": state, "finding": finding, "available": available,
            }
            for state, (name, finding, available) in FILES.items()
        ]  # fmt: skip
        return {"narrative": "正文", "evidence": files}


class _Pieces(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 1000


@pytest_asyncio.fixture(loop_scope="session")
async def complaints(app: FastAPI) -> AsyncIterator[Complaints]:
    there, before = Complaints(), app.state.services
    async with httpx.AsyncClient(transport=httpx.MockTransport(there.answer)) as http:
        app.state.services = replace(before, reading=Reading(before.casebook, http, "http://complaints"))
        yield there
        app.state.services = before


async def texts(browser: Browser, case_id: UUID) -> Page:
    page = await browser.get(f"/workbench/cases/{case_id}")
    return await browser.send(page.form("/texts"))


async def test_each_file_says_what_became_of_it(browsers: Browsers, office: Office, complaints: Complaints) -> None:
    case_id = await office.new_case()
    page = await texts(await browsers.of("clerk.desk"), case_id)
    assert page.status == 200, page.text
    for words in _WORDS:
        assert words in page.text
    for state, (_, _, available) in FILES.items():
        form = page.answer.text.partition(f"evidence/{complaints.ids[state]}")[2].partition("</form>")[0]
        assert ("disabled" not in form) is available, state


async def test_a_file_is_streamed_to_be_saved_and_never_shown(
    browsers: Browsers, office: Office, complaints: Complaints
) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    page = await texts(browser, case_id)
    got = await browser.send(page.form(f"/evidence/{complaints.ids['CLEAN']}"))
    assert (got.status, got.answer.content) == (200, b"x" * 3000)
    for name, value in {
        "content-type": "application/octet-stream",
        "content-length": "3000",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox",
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
    }.items():
        assert got.answer.headers[name] == value
    assert got.answer.headers["content-disposition"].startswith("attachment; ")


async def test_who_asks_all_the_same_is_told_why_there_is_none(
    browsers: Browsers, office: Office, complaints: Complaints
) -> None:
    case_id = await office.new_case()
    browser = await browsers.of("clerk.desk")
    page = await texts(browser, case_id)
    got = await browser.send(page.form(f"/evidence/{complaints.ids['INFECTED']}"))
    assert got.status == 403
    assert "不能下载 Eicar-Test-Signature" in got.text
    assert complaints.languages[-1] == "zh"
