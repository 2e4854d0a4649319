"""From events to workflows: once per case however often an event comes, and no error for whoever comes too late."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.complaints import CodeReissued, ComplaintRated, ComplaintSupplemented, RightsAsked
from contracts.lifecycle import Act
from contracts.messages import QUERY_STATE, SIGNAL_REPORTER, CaseState, ReporterMessage
from contracts.rights import Right
from deploy.ports import free_ports
from services.chassis import temporal
from services.chassis.outages import engine_away
from services.chassis.settings import Settings
from services.referrals.consumers import Bridge
from tests.integration.referrals.office import Office, received, submitted

pytestmark = pytest.mark.asyncio(loop_scope="session")


def supplemented(case_id: UUID) -> ComplaintSupplemented:
    return ComplaintSupplemented(
        complaint_id=uuid4(),
        case_ids=(case_id,),
        at=datetime.now(UTC),
        supplement_id=uuid4(),
        content_hash="0" * 64,
        files=0,
    )


def rated(case_id: UUID, satisfaction: int) -> ComplaintRated:
    return ComplaintRated(
        complaint_id=uuid4(), case_ids=(case_id,), at=datetime.now(UTC), rating_id=uuid4(), satisfaction=satisfaction
    )


async def stage(office: Office, case_id: UUID, wanted: str) -> CaseState:
    """Wait for a stage; the workflow's state then."""
    handle = office.client.get_workflow_handle(f"case/{case_id}")
    async with asyncio.timeout(20):
        while (state := await handle.query(QUERY_STATE, result_type=CaseState)).stage != wanted:
            await asyncio.sleep(0.05)
    return state


async def test_a_submitted_complaint_becomes_a_case_of_each_of_its_ids(office: Office) -> None:
    event = submitted(case_ids=(uuid4(), uuid4()))
    await office.bridged(event)
    for case_id in event.case_ids:
        state = await stage(office, case_id, "TRIAGE")
        assert state.facts.complaint_ids == (event.complaint_id,)
        assert state.facts.submitted_at == event.at


async def test_the_same_event_again_starts_nothing(office: Office) -> None:
    event = submitted()
    for _ in range(3):
        await office.bridged(event)
    await stage(office, event.case_ids[0], "TRIAGE")
    await office.bridged(event)
    workflow = f"case/{event.case_ids[0]}"
    async with asyncio.timeout(20):
        while not (runs := [run async for run in office.client.list_workflows(f"WorkflowId = '{workflow}'")]):
            await asyncio.sleep(0.2)
    assert len(runs) == 1


async def test_an_event_of_an_archived_case_starts_no_second_run(office: Office) -> None:
    event = submitted()
    await office.bridged(event)
    handle = office.client.get_workflow_handle(f"case/{event.case_ids[0]}")
    first = (await handle.describe()).run_id
    await handle.terminate()
    await office.bridged(event)
    assert (await handle.describe()).run_id == first


async def test_whoever_comes_after_the_archive_is_no_error(office: Office) -> None:
    event = submitted()
    await office.bridged(event)
    await office.client.get_workflow_handle(f"case/{event.case_ids[0]}").terminate()
    await office.bridged(supplemented(event.case_ids[0]))
    await office.bridged(rated(event.case_ids[0], 5))


async def test_a_supplement_brings_the_case_back_to_triage_once(office: Office) -> None:
    case_id = await office.new_case()
    await office.act("clerk.desk", case_id, "REQUEST_SUPPLEMENT", note="请补充。")
    event = supplemented(case_id)
    await office.bridged(event)
    await office.bridged(event)
    state = await stage(office, case_id, "TRIAGE")
    assert state.sequence == 3


async def sequence(office: Office, case_id: UUID, wanted: int) -> CaseState:
    """Wait for a step; the workflow's state then."""
    handle = office.client.get_workflow_handle(f"case/{case_id}")
    async with asyncio.timeout(20):
        while (state := await handle.query(QUERY_STATE, result_type=CaseState)).sequence < wanted:
            await asyncio.sleep(0.05)
    return state


async def shown(office: Office, case_id: UUID) -> dict[str, Any]:
    """All that an officer of the desk is shown of a case, but for the time of the showing."""
    page: dict[str, Any] = (await office.get("clerk.desk", f"/v1/cases/{case_id}")).json()
    return {name: value for name, value in page.items() if name != "business_time"}


async def test_a_code_that_was_issued_anew_is_nothing_that_an_officer_could_see(office: Office) -> None:
    case_id = await office.new_case()
    before = await shown(office, case_id)
    told = {"complaint_id": uuid4(), "case_ids": (case_id,), "at": datetime.now(UTC)}
    await office.bridged(CodeReissued(**told, reissue_id=uuid4()))
    # Signals are taken in their order: when the later one is there, the earlier one was none.
    await office.bridged(RightsAsked(**told, request_id=uuid4(), kind=Right.EXPLANATION))
    state = await sequence(office, case_id, 2)
    assert (state.stage, state.sequence, state.changed_sequence) == ("TRIAGE", 2, 1)
    async with asyncio.timeout(20):
        while len((after := await shown(office, case_id))["timeline"]) == 1:
            await asyncio.sleep(0.05)
    assert [step["act"] for step in after["timeline"]] == ["REGISTER", "ASK_RIGHTS"]
    assert "REISSUE" not in json.dumps(after)
    assert before["timeline"] == after["timeline"][:1]


async def test_what_an_earlier_version_wrote_of_such_a_code_is_not_shown(office: Office) -> None:
    case_id = await office.new_case()
    before = await shown(office, case_id)
    handle = office.client.get_workflow_handle(f"case/{case_id}")
    await handle.signal(SIGNAL_REPORTER, ReporterMessage(message_id=uuid4(), act=Act.REISSUE_CODE))
    state = await sequence(office, case_id, 2)
    assert state.stage == "TRIAGE"
    async with asyncio.timeout(20):
        while (after := await shown(office, case_id))["sequence"] == before["sequence"]:
            await asyncio.sleep(0.05)
    assert after["timeline"] == before["timeline"]
    assert "补发查询码" not in (await office.get("clerk.desk", f"/workbench/cases/{case_id}")).text


async def test_a_bad_rating_brings_the_one_redo_and_a_good_one_closes(office: Office) -> None:
    case_id = await office.replied()
    await office.act("reviewer.desk", case_id, "REVIEW_PASS")
    await office.bridged(rated(case_id, 1))
    assert (await stage(office, case_id, "REDO")).redo_count == 1
    await office.act("handler.hospital", case_id, "REPLY", public_reply="重新答复。", outcome="SUBSTANTIATED")
    await office.act("reviewer.desk", case_id, "REVIEW_PASS")
    await office.bridged(rated(case_id, 1))
    assert (await stage(office, case_id, "CLOSED")).satisfaction == 1


async def test_temporal_away_is_an_outage_and_not_an_error_of_the_event(settings: Settings) -> None:
    nobody = settings.model_copy(update={"temporal_address": f"127.0.0.1:{free_ports()['temporal']}"})
    bridge = Bridge(await temporal.connect(nobody, lazy=True))
    for event in (submitted(), supplemented(uuid4())):
        with pytest.raises(Exception) as away:
            await bridge.handle(None, received(event))  # type: ignore[arg-type]
        assert engine_away(away.value) == "temporal"
