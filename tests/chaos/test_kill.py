"""A hundred cases in flight while every process in turn is killed with -9: nothing is lost, nothing happens twice."""

import asyncio
import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from deploy.demo.client import Officers, Reporters
from deploy.demo.driver import Driver, Played
from deploy.demo.plan import Sample, samples
from deploy.stack import Stack
from services.chassis import temporal
from tests.chaos.conftest import rows

CASES = 100
VICTIMS = (
    "complaints",
    "referrals",
    "worker",
    "notifications",
    "vault",
    "mailsink",
    "kafka",
    "temporal",
    "postgres",
)


def a_hundred() -> list[Sample]:
    """Plain samples that need no lapse of time, many times over."""
    plain = [sample for sample in samples() if sample.plan in ("plain", "transfer", "redo", "other_jurisdiction")]
    return [plain[n % len(plain)] for n in range(CASES)]


async def kill_each(system: Stack, played: list[Played]) -> list[str]:
    """Kill every process once, and each only while cases are in flight."""
    killed = []
    for victim in VICTIMS:
        await asyncio.sleep(2)
        if len(played) == CASES and all(case.done for case in played):
            break
        await asyncio.to_thread(system.kill_and_wait, victim, 90)
        killed.append(victim)
    return killed


@pytest.mark.asyncio
@pytest.mark.timeout(1200)
async def test_every_process_dies_once_and_no_case_notices(system: Stack, people: tuple[Reporters, Officers]) -> None:
    started: dict[str, Played] = {}
    driver = Driver(*people, progress=lambda case: started.update({case.receipt.case_number: case}), concurrent=12)
    playing = asyncio.gather(*(driver.play(sample) for sample in a_hundred()))
    killed = await kill_each(system, list(started.values()))
    played = await playing
    assert killed == list(VICTIMS), "the cases were over before every process had died: use more cases"
    numbers = {case.receipt.case_number for case in played}
    assert len(numbers) == CASES, "every accepted complaint has a number of its own"
    await drained(system)
    await each_case_once(system, numbers)
    await histories_without_gaps(system)
    await every_notice_settled_once(system)


async def drained(system: Stack) -> None:
    """Wait until nothing is on its way any more; fails when that takes too long."""
    async with asyncio.timeout(180):
        while True:
            waiting = 0
            for service in ("complaints", "referrals", "notifications"):
                waiting += (await rows(system, service, "SELECT count(*) AS n FROM outbox"))[0]["n"]
            unsettled = "SELECT count(*) AS n FROM notices WHERE settled_at IS NULL"
            waiting += (await rows(system, "notifications", unsettled))[0]["n"]
            if waiting == 0:
                break
            await asyncio.sleep(0.5)
    for service in ("complaints", "referrals", "notifications"):
        parked = await rows(system, service, "SELECT id, reason FROM dead_letters")
        assert parked == [], f"{service} parked messages"


async def each_case_once(system: Stack, numbers: set[str]) -> None:
    """Accepted = stored = started = closed, each once, with one workflow run chain."""
    stored = await rows(system, "complaints", "SELECT case_number FROM complaints")
    assert Counter(row["case_number"] for row in stored) == Counter(numbers)
    cases = await rows(system, "referrals", "SELECT case_id, case_number, stage FROM cases")
    assert Counter(row["case_number"] for row in cases) == Counter(numbers)
    assert {row["stage"] for row in cases} == {"CLOSED"}
    client = await temporal.connect(system.settings)
    runs = [run async for run in client.list_workflows("WorkflowType = 'ComplaintCase'")]
    firsts = Counter(run.id for run in runs if run.parent_id is None)
    assert set(firsts) == {f"case/{row['case_id']}" for row in cases}
    assert set(firsts.values()) == {1}


async def histories_without_gaps(system: Stack) -> None:
    """Each case's history counts from 1 without a gap and its chain of hashes holds."""
    history = await rows(
        system,
        "referrals",
        "SELECT case_id, sequence, content_hash, prev_hash, hash, transition, recorded_at FROM case_history"
        " ORDER BY 1, 2",
    )
    expected: dict[object, tuple[int, str]] = {}
    for row in history:
        sequence, previous = expected.get(row["case_id"], (1, "0" * 64))
        assert row["sequence"] == sequence
        assert row["prev_hash"] == previous
        assert row["content_hash"] == hashlib.sha256(row["transition"].encode()).hexdigest()
        recorded = (row["recorded_at"] - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
        link = bytes.fromhex(row["prev_hash"]) + bytes.fromhex(row["content_hash"]) + str(recorded).encode()
        assert row["hash"] == hashlib.sha256(link).hexdigest()
        expected[row["case_id"]] = (sequence + 1, row["hash"])
    told = await rows(
        system, "complaints", "SELECT case_id, count(*) AS n, max(sequence) AS last FROM cases GROUP BY 1"
    )
    last = {case_id: sequence - 1 for case_id, (sequence, _) in expected.items()}
    assert {row["case_id"]: row["last"] for row in told} == last, "the reporter's page is as far as the case"


async def every_notice_settled_once(system: Stack) -> None:
    """One terminal row per notice and recipient; a mail that went twice is marked so."""
    notices = await rows(
        system, "notifications", "SELECT notice_id, case_id, sequence, recipient, template, state FROM notices"
    )
    assert {row["state"] for row in notices} <= {"DELIVERED", "FAILED", "SKIPPED"}
    once = Counter((row["case_id"], row["sequence"], row["recipient"], row["template"]) for row in notices)
    assert set(once.values()) == {1}
    assert not [row for row in notices if row["state"] == "FAILED"]
