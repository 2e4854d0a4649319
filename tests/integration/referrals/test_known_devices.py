"""Who only knows an officer's name holds up no device on which the officer was before, and fills no audit."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from contracts.lifecycle import Role
from services.chassis.db import SYSTEM, Database
from services.referrals.service.registry import NewAccount, Registry
from tests.integration.referrals.browsing import Browsers
from tests.integration.referrals.office import PASSWORD, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def clerk(db: Database) -> str:
    """The user name of an officer of the test's own."""
    name = f"clerk-{uuid4().hex[:10]}"
    await Registry(db).load((), (NewAccount(name, "某人", "desk", (Role.CLERK,), PASSWORD),), invented_people=True)
    return name


async def log_in(office: Office, name: str, password: str = PASSWORD, device: str = "") -> httpx.Response:
    return await office.http.post("/v1/sessions", json={"username": name, "password": password, "device": device})


async def held_up(office: Office, name: str) -> None:
    """By somebody who guesses."""
    for _ in range(6):
        assert (await log_in(office, name, "a guess")).status_code == 401
    assert (await log_in(office, name)).status_code == 401, "the pause"


async def refusals(office: Office, db: Database, name: str) -> list[dict[str, Any]]:
    async with db.read(SYSTEM) as session:
        account = await session.scalar(text("SELECT account_id FROM accounts WHERE username = :name"), {"name": name})
    rows = (await office.get("auditor", "/v1/audit", chain=f"account/{account}", limit=200)).json()["items"]
    return [row for row in rows if row["action"] in ("LOGIN_REFUSED", "UNLOCKED")]


async def test_a_device_that_was_used_before_waits_for_nobodys_guesses(office: Office, clerk: str) -> None:
    device = (await log_in(office, clerk)).json()["device"]
    await held_up(office, clerk)
    assert (await log_in(office, clerk, device=device)).status_code == 201
    assert (await log_in(office, clerk)).status_code == 401, "the others still wait"


async def test_a_known_device_guesses_no_better_than_others(office: Office, clerk: str) -> None:
    device = (await log_in(office, clerk)).json()["device"]
    for _ in range(5):
        assert (await log_in(office, clerk, "a guess", device)).status_code == 401
    assert (await log_in(office, clerk, device=device)).status_code == 401, "its own pause"
    assert (await log_in(office, clerk)).status_code == 201, "nobody else's"


@pytest.mark.parametrize("made", ["another's", "nonsense", "changed"])
async def test_no_other_token_stands_for_a_device(office: Office, clerk: str, made: str) -> None:
    own = (await log_in(office, clerk)).json()["device"]
    others = (await log_in(office, "clerk2.desk")).json()["device"]
    token = {"another's": others, "nonsense": "?", "changed": own[:-4] + "AAAA"}[made]
    await held_up(office, clerk)
    assert (await log_in(office, clerk, device=token)).status_code == 401


async def test_the_browser_keeps_it_when_the_officer_logs_out(office: Office, clerk: str, browsers: Browsers) -> None:
    browser = browsers.fresh()
    page = await browser.log_in(clerk)
    await browser.send(page.form("/logout"))
    await held_up(office, clerk)
    assert (await browsers.fresh().log_in(clerk)).status == 401
    assert (await browser.log_in(clerk)).status == 200


@pytest.mark.parametrize("who", ["admin", "security"])
async def test_an_administrator_ends_the_pause_on_record(office: Office, db: Database, clerk: str, who: str) -> None:
    await held_up(office, clerk)
    path = f"/v1/accounts/{clerk}/pause"
    for other in ("auditor", "supervisor.desk"):
        assert (await office.http.delete(path, headers=await office.headers(other))).status_code == 403
    assert (await office.http.delete(path, headers=await office.headers(who))).status_code == 204
    assert (await log_in(office, clerk)).status_code == 201
    assert [row["action"] for row in await refusals(office, db, clerk)].count("UNLOCKED") == 1
    nobody = await office.http.delete("/v1/accounts/nobody-here/pause", headers=await office.headers(who))
    assert nobody.status_code == 422


async def test_refusals_grow_the_audit_by_the_logarithm_of_their_number(
    office: Office, db: Database, clerk: str
) -> None:
    for _ in range(20):
        assert (await log_in(office, clerk, "a guess")).status_code == 401
    assert [row["details"]["times"] for row in await refusals(office, db, clerk)] == [1, 2, 4, 8, 16]
