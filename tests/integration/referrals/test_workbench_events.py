"""The event stream: an open page learns within seconds, of nothing that is not its officer's."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI

from contracts.course import Course
from contracts.lifecycle import Track
from deploy.stack import Stack
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.repository.history import STEPS
from tests.integration.referrals.browsing import Browser
from tests.integration.referrals.office import Office, steps_of
from tests.integration.referrals.test_record import first_step

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 5.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(app: FastAPI) -> AsyncIterator[str]:
    """The running application behind a real server: streams need a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, ws="none"))
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        app.state.services.news.stop()
        server.should_exit = True
        await serving


@asynccontextmanager
async def page_of(address: str, username: str) -> AsyncIterator[tuple[Browser, "asyncio.Queue[str]"]]:
    """An officer's browser with its stream open; what it hears, by event name."""
    async with httpx.AsyncClient(base_url=address, timeout=30) as http:
        browser = Browser(http)
        assert (await browser.log_in(username)).status == 200
        heard: asyncio.Queue[str] = asyncio.Queue()
        listening = asyncio.create_task(_listen(http, heard))
        assert await asyncio.wait_for(heard.get(), WITHIN) == "work"  # whatever came since the page was made
        try:
            yield browser, heard
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def _listen(http: httpx.AsyncClient, heard: "asyncio.Queue[str]") -> None:
    async with http.stream("GET", "/workbench/events", timeout=None) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                heard.put_nowait(line.removeprefix("event: "))
    heard.put_nowait("end")


async def silent(heard: "asyncio.Queue[str]", seconds: float = 1.5) -> bool:
    """Whether nothing is heard for so long."""
    try:
        await asyncio.wait_for(heard.get(), seconds)
    except TimeoutError:
        return True
    return False


async def test_a_hand_over_reaches_the_receivers_open_page(address: str, office: Office) -> None:
    case_id = await office.new_case()
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.desk", case_id, "ACCEPT")
    async with page_of(address, "handler.hospital") as (browser, heard):
        opened = await browser.get("/workbench/unit")
        since = opened.answer.text.split('"since": "')[1].split('"')[0]
        acted = monotonic()
        await office.act("dispatcher.desk", case_id, "DISPATCH", unit_id="hospital")
        assert await asyncio.wait_for(heard.get(), WITHIN) == "work"
        assert monotonic() - acted < WITHIN
        refreshed = await browser.get(f"/workbench/unit?since={since.replace('+', '%2B')}")
        assert "打开页面后新到任务 1 件" in refreshed.text
        await browser.page_with("/workbench/unit", str(case_id))


async def test_a_report_is_told_of_where_it_lies_and_nowhere_else(address: str, office: Office) -> None:
    async with page_of(address, "clerk.rdesk") as (_, theirs), page_of(address, "supervisor.wj") as (_, others):
        await office.new_case(Track.INTEGRITY)
        assert await asyncio.wait_for(theirs.get(), WITHIN) == "work"
        assert await silent(others)


async def test_a_supervisor_hears_of_the_units_below(address: str, office: Office) -> None:
    case_id = await office.dispatched(to="wj-a")
    async with page_of(address, "supervisor.wj") as (_, heard):
        await office.act("handler.wj-a", case_id, "SIGN")
        assert await asyncio.wait_for(heard.get(), WITHIN) == "work"


async def test_what_follows_quickly_is_told_once(address: str, office: Office) -> None:
    async with page_of(address, "clerk.desk") as (_, heard):
        await asyncio.gather(*(office.new_case() for _ in range(8)))
        assert await asyncio.wait_for(heard.get(), WITHIN) == "work"
        await asyncio.sleep(1.5)
        assert heard.qsize() < 7


async def test_the_stream_ends_with_the_session(address: str) -> None:
    async with page_of(address, "clerk2.desk") as (browser, heard):
        page = await browser.get("/workbench/unit")
        await browser.send(page.form("/logout"))
        assert await asyncio.wait_for(heard.get(), WITHIN) == "over"
        assert await asyncio.wait_for(heard.get(), WITHIN) == "end"


async def test_without_a_session_a_stream_says_so_and_ends(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as http:
        heard: asyncio.Queue[str] = asyncio.Queue()
        await asyncio.wait_for(_listen(http, heard), WITHIN)
        assert [heard.get_nowait(), heard.get_nowait()] == ["over", "end"]


async def test_a_stream_hears_again_after_its_connection_was_cut(
    address: str, office: Office, stack_engines: Stack, settings: Settings
) -> None:
    async with page_of(address, "clerk.desk") as (_, heard):
        admin = await asyncpg.connect(stack_engines.config.admin_dsn())
        ended = await admin.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = $1 AND application_name = $2",
            settings.dsn("referrals").rpartition("/")[2],
            f"listen {STEPS}",
        )
        await admin.close()
        assert ended == 1
        assert await asyncio.wait_for(heard.get(), WITHIN) == "work"  # it may have been deaf: everybody looks
        await office.new_case()
        assert await asyncio.wait_for(heard.get(), WITHIN) == "work"


async def test_what_is_said_on_the_channel_is_ids_only(office: Office, db: Database) -> None:
    said: list[str] = []
    connection = await asyncpg.connect(db.dsn)
    await connection.add_listener(STEPS, lambda *heard: said.append(str(heard[3])))
    case_id = await office.new_case()
    secret = f"说明{uuid4()}"
    await office.act("clerk.desk", case_id, "REQUEST_SUPPLEMENT", note=secret)
    async with asyncio.timeout(WITHIN):
        while not [payload for payload in said if str(case_id) in payload]:
            await asyncio.sleep(0.05)
    await connection.close()
    assert not any(secret in payload for payload in said)
    assert f'["{case_id}", false, "desk"]' in [payload.strip() for payload in said]


@pytest.mark.parametrize(
    ("track", "restricted", "guarded"),
    [(Track.GENERAL, False, False), (Track.GENERAL, True, True), (Track.INTEGRITY, False, True)],
)
async def test_what_was_sent_past_a_desk_wakes_no_page_of_the_units_above(
    track: Track, restricted: bool, guarded: bool, app: FastAPI, office: Office, db: Database
) -> None:
    step = first_step(course=Course(restricted=restricted))
    step = step.model_copy(update={"facts": step.facts.model_copy(update={"track": track})})
    said: list[str] = []
    connection = await asyncpg.connect(db.dsn)
    await connection.add_listener(STEPS, lambda *heard: said.append(str(heard[3])))
    await steps_of(db, StateCouncilCalendar()).record(step)
    async with asyncio.timeout(WITHIN):
        while not (mine := [json.loads(payload) for payload in said if str(step.facts.case_id) in payload]):
            await asyncio.sleep(0.05)
    await connection.close()
    assert mine == [[str(step.facts.case_id), guarded, "desk"]]


async def test_a_page_of_a_unit_above_is_woken_by_what_is_not_guarded(app: FastAPI, office: Office) -> None:
    token = (await office.headers("supervisor.wj"))["Authorization"].removeprefix("Bearer ")
    who = await app.state.services.identities.of_token(token)
    with app.state.services.news.subscribed(who) as page:
        below, own = frozenset({"hospital"}), frozenset({"wj"})
        assert [page.concerned(guarded, below) for guarded in (False, True)] == [True, False]
        assert page.concerned(True, own)
