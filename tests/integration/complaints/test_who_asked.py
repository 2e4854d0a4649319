"""Where a reporter came from, and with what, is written nowhere: no table, no log line, no span, no metric."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.stack import Stack
from services.chassis.settings import Settings
from tests.integration.complaints.browsing import FORM, OWN_PAGE, hidden
from tests.integration.complaints.people import Reporter
from tests.integration.complaints.running import Process

ADDRESS = "203.0.113.77"
BROWSER = "CanaryBrowser/9.9"
REFERRER = "https://canary-page.example/from"
HEADERS = {
    "X-Forwarded-For": ADDRESS,
    "X-Real-IP": ADDRESS,
    "Forwarded": f"for={ADDRESS}",
    "User-Agent": BROWSER,
    "Referer": REFERRER,
}
OUR_SIDE = "127.0.0.1"
"""Where the test itself comes from, as the socket says: the proxy in front of us would stand here."""


async def everything(reporter: Reporter, port: int) -> None:
    """What people do, in order and out of it: accepted, refused, failed, and no HTTP at all."""
    receipt = await reporter.submitted(narrative="床位费多收三天")
    assert (await reporter.track(receipt)).status_code == 200
    assert (await reporter.track({**receipt, "query_code": "0000-0000-0000-0000-0"})).status_code == 404
    assert (await reporter.submit(category="none")).status_code == 422
    assert (await reporter.http.get("/nowhere")).status_code == 404
    for path in ("/", "/file", "/tracking"):
        assert (await reporter.http.get(path, headers={"Accept": "text/html"})).status_code == 200
    key = hidden((await reporter.http.get("/file")).text, "key")
    filed = await reporter.http.post("/file", data={**FORM, "key": key}, headers=OWN_PAGE)
    assert filed.status_code == 303
    assert (await reporter.http.post("/file", headers={"Origin": REFERRER})).status_code == 403
    await asyncio.to_thread(rubbish, port)


def rubbish(port: int) -> None:
    """Neither a method nor a header, and somebody who goes away in the middle of a body."""
    for sent in (
        f"\x16\x03\x01 {ADDRESS} {BROWSER}\r\n\r\n",
        f"POST /file HTTP/1.1\r\nHost: x\r\nUser-Agent: {BROWSER}\r\nX-Forwarded-For: {ADDRESS}\r\n"
        "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(sent.encode())


async def stored(admin: "asyncpg.Connection[Any]") -> str:
    """Every table as text."""
    tables = await admin.fetch(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    found = [await admin.fetch(f'SELECT t::text AS line FROM "{schema}"."{table}" AS t') for schema, table in tables]
    return "\n".join(row["line"] for rows in found for row in rows)


async def test_neither_address_nor_browser_nor_referrer_is_kept(
    settings: Settings, stack_engines: Stack, admin: "asyncpg.Connection[Any]", tmp_path: Path
) -> None:
    log, spans = tmp_path / "log", tmp_path / "spans"
    process = Process(settings, stack_engines, log, trace_file=str(spans), log_level="DEBUG")
    async with process.running() as reporter:
        reporter.http.headers.update(HEADERS)
        await everything(reporter, process.port)
        async with httpx.AsyncClient(base_url=reporter.http.base_url, trust_env=False) as operator:
            metrics = (await operator.get("/metrics")).text
    assert "POST /v1/complaints" in spans.read_text()
    assert '"route": "/file"' in log.read_text()
    assert 'route="/v1/tracking"' in metrics
    places = {"log": log.read_text(), "spans": spans.read_text(), "metrics": metrics, "tables": await stored(admin)}
    for place, text in places.items():
        for word in (ADDRESS, BROWSER, "canary-page"):
            assert word not in text, (place, word)
    requests = [line for line in places["log"].splitlines() if '"event": "request"' in line]
    assert requests
    for line in (*requests, *places["spans"].splitlines()):
        assert OUR_SIDE not in line
