"""Who comes too often waits, and nobody else: neither the people behind the same address nor the rest of the site."""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import altcha
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event as sa_event
from starlette.types import Message

from services.chassis.db import Database
from services.chassis.settings import Settings
from services.complaints.attempts import Attempts
from services.complaints.main import build
from services.complaints.proof import Proofs
from services.complaints.runtime import Runtime
from tests.integration.complaints.browsing import FORM, OWN_PAGE, codes, file, follow, hidden
from tests.integration.complaints.people import FORM as BODY
from tests.integration.complaints.people import new_key

HOSPITAL, ELSEWHERE = "203.0.113.5", "198.51.100.7"
PEOPLE = 30
PACE = {"proof_cost": 1, "visitor_burst": 12, "visitor_per_second": 0.01, "address_per_second": 0.01}
Browse = Callable[..., httpx.AsyncClient]


@pytest.fixture
def narrow(settings: Settings) -> Settings:
    """An address may ask five times, and one time more in a hundred seconds."""
    return settings.model_copy(update={**PACE, "address_burst": 5, "number_burst": 3, "number_per_minute": 0.1})


@pytest.fixture
def site(narrow: Settings, runtime: Runtime) -> FastAPI:
    return serving(narrow, runtime)


def serving(settings: Settings, runtime: Runtime) -> FastAPI:
    application = build(settings)
    application.state.runtime = replace(runtime, proofs=Proofs(settings.proof_cost), attempts=Attempts(settings))
    return application


def browser(app: FastAPI, address: str = HOSPITAL) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 50000))
    return httpx.AsyncClient(transport=transport, base_url="http://site", headers={"Accept": "text/html", **OWN_PAGE})


async def flood(app: FastAPI, address: str = HOSPITAL) -> None:
    """Until the address has nothing left."""
    client = browser(app, address)
    answers = await asyncio.gather(*(client.get("/") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200, 429}


async def work(client: httpx.AsyncClient) -> bytes:
    """What a browser's script does; the solution that was sent."""
    challenge = (await client.get("/proof")).json()
    solution = altcha.solve_challenge(altcha.Challenge.from_dict(challenge))
    assert solution is not None
    payload = base64.b64encode(json.dumps({"challenge": challenge, "solution": solution.to_dict()}).encode())
    assert (await client.post("/proof", content=payload)).status_code == 204
    return payload


async def test_thirty_people_behind_one_address_all_get_through_without_scripts(
    settings: Settings, runtime: Runtime
) -> None:
    app = serving(settings, runtime)

    async def person() -> str:
        async with browser(app) as client:
            for path in ("/", "/file", "/tracking"):
                assert (await client.get(path)).status_code == 200
            number, _, page = await follow(client)
            assert number in page
            return number

    assert len(set(await asyncio.gather(*(person() for _ in range(PEOPLE))))) == PEOPLE


async def test_behind_an_address_that_floods_thirty_people_get_through_by_their_work(site: FastAPI) -> None:
    await flood(site)

    async def person() -> str:
        async with browser(site) as client:
            turned_away = await client.get("/file")
            assert turned_away.status_code == 429
            assert "proof.js" in turned_away.text
            await work(client)
            number, _, _ = await follow(client)
            return number

    assert len(set(await asyncio.gather(*(person() for _ in range(PEOPLE))))) == PEOPLE


async def test_a_flood_is_told_when_to_come_again_and_nobody_else_notices(site: FastAPI) -> None:
    await flood(site)
    refused = await browser(site).get("/")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 100
    assert "content-security-policy" in refused.headers
    page = refused.text
    assert f'http-equiv="refresh" content="{refused.headers["retry-after"]}"' in page
    assert (await browser(site, ELSEWHERE).get("/")).status_code == 200
    for program in ("/v1/complaints", "/v1/tracking"):
        told = await browser(site).post(program, json={})
        assert (told.status_code, told.json()["code"]) == (429, "too_often")


async def test_nothing_of_a_refused_request_is_read(site: FastAPI) -> None:
    await flood(site)
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("its body was asked for")

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"site"), (b"content-type", b"application/json"), (b"content-length", b"900000")]
    scope = {"type": "http", "method": "POST", "path": "/file", "raw_path": b"/file", "query_string": b""}
    scope |= {"headers": headers, "client": (HOSPITAL, 1), "scheme": "http", "server": ("site", 80), "state": {}}
    await site({**scope, "asgi": {"version": "3.0"}, "http_version": "1.1", "root_path": ""}, receive, send)
    assert sent[0]["status"] == 429
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_a_proof_is_one_client_and_is_taken_once(site: FastAPI) -> None:
    client = browser(site)
    payload = await work(client)
    (cookie,) = (cookie for cookie in client.cookies.jar if cookie.name == "visitor")
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert (await browser(site).post("/proof", content=payload)).status_code == 400
    answers = await asyncio.gather(*(client.get("/") for _ in range(20)))
    assert [answer.status_code for answer in answers].count(200) == PACE["visitor_burst"]
    assert "proof.js" not in (await client.get("/tracking")).text, "who did the work is not asked again"
    assert (await browser(site).get("/")).status_code == 200, "the address was not charged for it"


async def test_a_cookie_that_is_not_ours_is_no_proof(site: FastAPI) -> None:
    client = browser(site)
    client.cookies.set("visitor", "QUJD", domain="site")
    answers = await asyncio.gather(*(client.get("/") for _ in range(20)))
    assert [answer.status_code for answer in answers].count(200) == 5


async def test_one_network_of_ipv6_is_one_client(site: FastAPI) -> None:
    for host in range(5):
        assert (await browser(site, f"2001:db8:1:2::{host:x}").get("/")).status_code == 200
    assert (await browser(site, "2001:db8:1:2:ffff::9").get("/")).status_code == 429
    assert (await browser(site, "2001:db8:1:3::9").get("/")).status_code == 200
    await flood(site, "::ffff:192.0.2.9")
    assert (await browser(site, "192.0.2.9").get("/")).status_code == 429


async def test_programs_of_this_machine_are_not_counted_and_a_signature_is_only_when_it_is_wrong(
    site: FastAPI,
) -> None:
    async def submit(address: str) -> int:
        answer = await browser(site, address).post("/v1/complaints", json=BODY, headers={"Idempotency-Key": new_key()})
        return answer.status_code

    assert {await submit("127.0.0.1") for _ in range(9)} == {201}
    assert [await submit(ELSEWHERE) for _ in range(6)] == [201] * 5 + [429]
    wrong = [await browser(site).post("/v1/platform/orders", json={}) for _ in range(6)]
    assert [answer.status_code for answer in wrong][-1] == 429
    assert (await browser(site).get("/health")).status_code == 200


async def test_a_public_site_counts_its_own_machine_too(narrow: Settings, runtime: Runtime) -> None:
    public = serving(narrow.model_copy(update={"public_url": "http://huiyin.example"}), runtime)
    client = browser(public, "127.0.0.1")  # as of a proxy that does not say who asks
    headers = [{"Idempotency-Key": new_key()} for _ in range(6)]
    answers = [await client.post("/v1/complaints", json=BODY, headers=one) for one in headers]
    assert [answer.status_code for answer in answers] == [201] * 5 + [429]
    named = {"public_url": "http://huiyin.example", "free_networks": "127.0.0.1"}
    free = browser(serving(narrow.model_copy(update=named), runtime), "127.0.0.1")
    answers = [await free.post("/v1/complaints", json=BODY, headers={"Idempotency-Key": new_key()}) for _ in range(6)]
    assert {answer.status_code for answer in answers} == {201}


async def test_wrong_codes_for_a_number_are_slowed_whether_there_is_such_a_number_or_not(
    settings: Settings, narrow: Settings, runtime: Runtime, db: Database
) -> None:
    app = serving(narrow.model_copy(update={"address_burst": 600}), runtime)
    client = browser(app)
    assert (await file(client)).status_code == 303
    number, code = codes((await client.get("/receipt")).text)
    other = codes((await filed(app)).text)[1]
    statements: list[str] = []
    shapes = set()
    for tried in (number, "HY260101-00000000", "not a number"):
        typed = {"case_number": tried, "query_code": other}
        tries = [await client.post("/v1/tracking", json=typed) for _ in range(4)]
        assert [answer.status_code for answer in tries] == [404, 404, 404, 429]
        sa_event.listen(db.engine.sync_engine, "before_cursor_execute", note := noting(statements))
        last = await client.post("/tracking", data={**typed, "query_code": code if tried == number else other})
        sa_event.remove(db.engine.sync_engine, "before_cursor_execute", note)
        shapes.add((last.status_code, last.text.replace(tried, "").replace(code, "").replace(other, "")))
    assert statements == []
    assert len(shapes) == 1
    assert shapes.pop()[0] == 429
    await work(client)
    opened = await client.post("/tracking", data={"case_number": number, "query_code": code})
    assert opened.headers["location"] == "/tracking/case", "who knows a number can't keep its reporter out"


def noting(statements: list[str]) -> Callable[..., None]:
    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    return note


async def filed(app: FastAPI) -> httpx.Response:
    client = browser(app)
    key = hidden((await client.get("/file")).text, "key")
    await client.post("/file", data={**FORM, "key": key})
    return await client.get("/receipt")
