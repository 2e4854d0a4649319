"""A driven case goes when its time is over: nothing that was said in it can be opened; what is held or open stays."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from temporalio.service import RPCError

from contracts.lifecycle import Act
from contracts.messages import workflow_id
from deploy.commands.clock import change
from deploy.config import PROJECT
from deploy.demo.client import Officers, Receipt, Reporters
from deploy.demo.driver import Driver, Played
from deploy.demo.plan import Sample, Step
from deploy.demo.prepare import prepare
from deploy.erasure.manifest import KEPT
from deploy.erasure.running import Wanted, eraser
from deploy.stack import Stack
from services.chassis import temporal
from services.complaints.sealing import Sealer
from tests.conftest import STATE, run_stack
from tests.e2e.canaries import dump, sightings

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]
CLERK = "clerk.desk-990100"
SERVICES = ("complaints", "referrals", "notifications")


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The whole system, whose years pass in this module alone."""
    yield from run_stack(request, Stack(STATE / f"erasure-{os.getpid()}"))


@dataclass
class Filed:
    """A complaint with its case, and what was stored of it while it was there."""

    receipt: Receipt
    case_id: UUID
    complaint_id: UUID
    token: UUID
    wrapped: bytes


@dataclass
class World:
    """Two cases that were driven to their end, and one that nobody took up."""

    stack: Stack
    http: httpx.AsyncClient
    officers: Officers
    done: Filed
    held: Filed
    open: Filed

    async def pass_years(self, years: float) -> None:
        await change(self.stack.settings, 1.0, datetime.now(UTC) + timedelta(days=366 * years))

    async def fetch(self, service: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.stack.env[f"HUIYIN_{service.upper()}_OWNER_DSN"])
        try:
            await connection.execute("SELECT set_config('huiyin.role', 'system', false)")
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    async def count(self, service: str, table: str, column: str, value: object) -> int:
        return len(await self.fetch(service, f"SELECT 1 FROM {table} WHERE {column} = $1", value))

    async def narrative(self, filed: Filed) -> str:
        """Opened with the keys of the service, as its officers' readings are."""
        [row] = await self.fetch("complaints", "SELECT * FROM complaints WHERE complaint_id = $1", filed.complaint_id)
        cipher = Sealer.load(self.stack.settings.keys_dir).cipher(bytes(row["case_key_wrapped"]), filed.complaint_id)
        return cipher.open(bytes(row["narrative_sealed"]), "narrative")

    async def track(self, filed: Filed) -> httpx.Response:
        said = {"case_number": filed.receipt.case_number, "query_code": filed.receipt.query_code}
        return await self.http.post(f"{self.stack.url('complaints')}/v1/tracking", json=said)

    async def huiyin(self, *arguments: str, code: int = 0) -> str:
        env = os.environ | {"COLUMNS": "200"}
        command = [str(PROJECT / ".venv/bin/huiyin"), "--state-dir", str(self.stack.state_dir), *arguments]
        done = await asyncio.to_thread(subprocess.run, command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


def sample(title: str) -> Sample:
    return Sample(
        title=title,
        channel="WEB",
        category="0704",
        region="990100",
        plan="supplement",
        to="yb-990100",
        narrative=f"{title}:住院费用清单与病历不符,请核查。" * 3,
        wants="请退还多收的费用",
        respondents=("某医院",),
        reporter={"name": "张三", "phone": "13812345678", "email": f"{title}@example.org"},
        steps=(
            Step(Act.REQUEST_SUPPLEMENT, {"note": "请补充清单"}),
            Step(Act.SUPPLEMENT, {"text": "补充:清单见附件"}),
        ),
        rating=5,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(stack: Stack) -> AsyncIterator[World]:
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        reporters, officers = await prepare(stack.settings, http)
        files: dict[str, asyncio.Task[None]] = {}

        def begun(case: Played) -> None:
            if case.sample.title not in files:
                files[case.sample.title] = asyncio.create_task(add_file(http, stack, case.receipt))

        driver = Driver(reporters, officers, progress=begun)
        played = await asyncio.gather(*(driver.play(sample(title)) for title in ("done", "held")))
        assert {each.stage for each in played} == {"CLOSED"}
        await asyncio.gather(*files.values())
        last = await reporters.file(sample("open"))
        await add_file(http, stack, last)
        made = World(stack, http, officers, *([None] * 3))  # type: ignore[arg-type]
        for name, receipt in (("done", played[0].receipt), ("held", played[1].receipt), ("open", last)):
            setattr(made, name, await stored(made, reporters, receipt))
        await made.pass_years(0.3)
        async with asyncio.timeout(120):
            while len(await made.fetch("referrals", "SELECT 1 FROM cases WHERE stage = 'ARCHIVED'")) < 2:
                await asyncio.sleep(0.2)
        yield made


async def add_file(http: httpx.AsyncClient, stack: Stack, receipt: Receipt) -> None:
    answer = await http.post(
        f"{stack.url('complaints')}/v1/tracking/evidence",
        data={"case_number": receipt.case_number, "query_code": receipt.query_code},
        files={"file": ("清单.txt", "床位费 12 天".encode(), "text/plain")},
        headers={"Idempotency-Key": uuid4().hex},
    )
    assert answer.status_code == 201, answer.text


async def stored(world: World, reporters: Reporters, receipt: Receipt) -> Filed:
    async with asyncio.timeout(60):
        while (case_id := await world.officers.find(CLERK, receipt.case_number)) is None:
            await asyncio.sleep(0.2)
    [row] = await world.fetch("complaints", "SELECT * FROM complaints WHERE case_number = $1", receipt.case_number)
    return Filed(receipt, UUID(case_id), row["complaint_id"], row["contact_token"], bytes(row["case_key_wrapped"]))


async def test_before_its_time_nothing_goes(world: World) -> None:
    assert "0 would go" in await world.huiyin("erase", "--due", "--dry-run")
    assert "0 erased" in await world.huiyin("erase", "--due")
    assert (await world.track(world.done)).status_code == 200
    assert (await world.narrative(world.done)).startswith("done")


async def test_an_open_case_a_held_one_and_rubbish_are_refused(world: World) -> None:
    opened = str(world.open.case_id)
    assert "not archived" in await world.huiyin("erase", "--case", opened, "--reason", "PIPL_47", code=1)
    assert "is held" in await world.huiyin("erase", "hold", str(world.held.case_id), "--reason", "court asks for it")
    assert "already" in await world.huiyin("erase", "hold", str(world.held.case_id), "--reason", "again", code=1)
    held = str(world.held.case_id)
    assert "legal hold" in await world.huiyin("erase", "--case", held, "--reason", "PIPL_47", code=1)
    assert "there is no case" in await world.huiyin("erase", "--case", "x'; --", "--reason", "PIPL_47", code=1)
    assert "code of capital letters" in await world.huiyin("erase", "--case", held, "--reason", "张三", code=1)
    assert "Give either" in await world.huiyin("erase", "--dry-run", code=1)
    assert "no legal hold" in await world.huiyin("erase", "lift", opened, "--reason", "none", code=1)


async def test_identity_and_notices_go_first_and_the_texts_stay(world: World) -> None:
    await world.pass_years(4)
    said = await world.huiyin("erase", "--due", "--dry-run")
    assert (said.count(str(world.done.case_id)), said.count(str(world.held.case_id))) == (2, 0)
    assert "2 erased" in await world.huiyin("erase", "--due")
    assert await world.count("complaints", "vault.sealed_identities", "contact_token", world.done.token) == 0
    assert await world.count("notifications", "notices", "case_id", world.done.case_id) == 0
    assert await world.count("notifications", "recipients", "complaint_id", world.done.complaint_id) == 0
    token = str(world.done.token)
    found = {sighting.removesuffix(f": {token}") for sighting in sightings(await dump(world.stack), [token])}
    assert found <= {f"huiyin_complaints.vault.{log}" for log in ("audit_log", "audit_pending")}
    assert (await world.narrative(world.done)).startswith("done")
    assert (await world.track(world.done)).status_code == 200
    for kept in (world.held, world.open):
        assert await world.count("complaints", "vault.sealed_identities", "contact_token", kept.token) == 1
    assert await world.count("notifications", "notices", "case_id", world.held.case_id) > 0


async def test_stopped_half_way_it_does_the_rest_and_then_nothing_more(world: World) -> None:
    await world.pass_years(11)
    async with eraser(world.stack.settings) as erasing:
        [wanted] = [each for each in await erasing.due() if each.data_class == "CONTENT"]
        assert wanted == Wanted(world.done.case_id, "CONTENT", "RETENTION")

        async def stopped(_: UUID) -> int:
            raise KeyboardInterrupt

        erasing._files.forget = stopped  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            await erasing.erase(wanted)
    folder = world.stack.settings.evidence_dir
    assert list(folder.rglob(str(world.done.complaint_id)))
    assert "1 erased" in await world.huiyin("erase", "--due")
    assert not list(folder.rglob(str(world.done.complaint_id)))
    assert "0 erased" in await world.huiyin("erase", "--due")


async def test_nothing_of_its_content_can_be_opened(world: World) -> None:
    places = list(await dump(world.stack))
    gone = world.done
    assert sightings(places, [gone.wrapped.hex()]) == []
    for value in (str(gone.case_id), str(gone.complaint_id)):
        found = {sighting.removesuffix(f": {value}") for sighting in sightings(places, [value])}
        assert {place.removeprefix("huiyin_") for place in found} <= set(KEPT)
    for table in ("documents", "case_keys", "commands"):
        assert await world.count("referrals", table, "case_id", gone.case_id) == 0
        assert await world.count("referrals", table, "case_id", world.held.case_id) > 0
    client = await temporal.connect(world.stack.settings)
    async with asyncio.timeout(60):
        while True:
            try:
                await client.get_workflow_handle(workflow_id(gone.case_id)).describe()
            except RPCError:
                break
            await asyncio.sleep(0.2)


async def test_who_asks_for_it_is_answered_as_if_it_had_never_been(world: World) -> None:
    gone, never = await world.track(world.done), Receipt("TS20200101000000", world.done.receipt.query_code)
    unknown = await world.http.post(
        f"{world.stack.url('complaints')}/v1/tracking",
        json={"case_number": never.case_number, "query_code": never.query_code},
    )
    assert gone.status_code == unknown.status_code
    assert gone.json()["code"] == unknown.json()["code"]
    view = await world.officers.view(CLERK, str(world.done.case_id))
    assert view["stage"] == "ARCHIVED", "the course of the case is still there"
    headers = {"Authorization": f"Bearer {await world.officers.login(CLERK)}", "Idempotency-Key": str(uuid4())}
    url = f"{world.stack.url('referrals')}/v1/cases/{world.done.case_id}/grants"
    grant = (await world.http.post(url, json={"purpose": "TRIAGE"}, headers=headers)).json()["grant"]
    answer = await world.http.post(
        world.stack.url("complaints") + "/v1/narratives", headers={"Authorization": f"Bearer {grant}"}
    )
    assert answer.status_code == 404


async def test_the_deletion_stands_on_record(world: World) -> None:
    statement = "SELECT * FROM erasures WHERE case_id = $1 ORDER BY begun_at"
    rows = await world.fetch("referrals", statement, world.done.case_id)
    assert [row["data_class"] for row in rows] == ["IDENTITY", "NOTICE", "CONTENT"]
    assert all(row["done_at"] is not None and row["reason"] == "RETENTION" for row in rows)
    counts = json.loads(rows[2]["counts"])
    assert counts["complaints.public.complaints"] == counts["referrals.public.case_keys"] == 1
    assert counts["files"] >= 1
    assert counts["temporal.runs"] >= 1
    acts = await world.fetch("referrals", "SELECT action, details FROM audit_log WHERE chain = 'admin/erasure'")
    assert [row["action"] for row in acts].count("ERASED") == 3
    assert {row["digest"] for row in rows} <= {json.loads(row["details"]).get("digest") for row in acts}


async def test_a_lifted_hold_lets_a_case_go_and_the_open_one_stays(world: World) -> None:
    assert "lifted" in await world.huiyin("erase", "lift", str(world.held.case_id), "--reason", "court has decided")
    assert "court has decided" in await world.huiyin("erase", "holds")
    assert "3 erased" in await world.huiyin("erase", "--case", world.held.receipt.case_number, "--reason", "PIPL_47")
    assert await world.count("complaints", "complaints", "complaint_id", world.held.complaint_id) == 0
    assert (await world.narrative(world.open)).startswith("open")
    assert (await world.track(world.open)).status_code == 200
    assert "0 erased" in await world.huiyin("erase", "--due")
