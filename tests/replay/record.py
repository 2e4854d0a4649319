"""Records golden histories of the case workflow: `python -m tests.replay.record VERSION`.

Run it once for a released version of the workflow and commit what it writes; never write a version anew: the point is
that running cases, which began under the older code, survive the newer one.
"""

import asyncio
import contextlib
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from contracts.lifecycle import Act, Stage, Track
from contracts.messages import (
    SIGNAL_REPORTER,
    SIGNAL_SUCCESSION,
    UPDATE_ACT,
    ActResult,
    ReporterMessage,
    Succession,
)
from tests.workflow.conftest import Bench, open_bench, temporal_binary
from tests.workflow.office import ACCUSED, HEALTH, INSURANCE, POLICE, command, document, new_case

HISTORIES = Path(__file__).parent / "histories"
TO_VISIT = (Act.LINK_RESPONDENTS, Act.ACCEPT, Act.DISPATCH, Act.SIGN, Act.BEGIN, Act.REPLY, Act.REVIEW_PASS)


async def _do(bench: Bench, handle: WorkflowHandle, *acts: Act, **fields: object) -> None:  # type: ignore[type-arg]
    for act in acts:
        given = command(await bench.state(handle), act, **fields)
        await handle.execute_update(UPDATE_ACT, given, id=str(given.command_id), result_type=ActResult)


async def _rate(handle: WorkflowHandle, satisfaction: int) -> None:  # type: ignore[type-arg]
    await handle.signal(SIGNAL_REPORTER, ReporterMessage(message_id=uuid4(), act=Act.RATE, satisfaction=satisfaction))


async def plain(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """Answered, rated, closed, archived."""
    handle = await bench.start(new_case())
    await _do(bench, handle, *TO_VISIT)
    await _rate(handle, 5)
    await bench.until(handle, lambda state: state.stage is Stage.CLOSED)
    await bench.forward(handle, 31)
    await handle.result()
    return handle


async def refused(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """Asked for more, answered, then refused; still open."""
    handle = await bench.start(new_case())
    await _do(bench, handle, Act.REQUEST_SUPPLEMENT)
    await handle.signal(SIGNAL_REPORTER, ReporterMessage(message_id=uuid4(), act=Act.SUPPLEMENT))
    await bench.until(handle, lambda state: state.stage is Stage.TRIAGE)
    await _do(bench, handle, Act.REJECT)
    return handle


async def overdue_redo(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """Handed to another desk, signed by silence, transferred, overdue, redone, closed by silence."""
    handle = await bench.start(new_case())
    await _do(bench, handle, Act.HAND_TO_DESK, Act.LINK_RESPONDENTS, Act.ACCEPT, Act.DISPATCH)
    await bench.forward(handle, 1.5)
    await bench.until(handle, lambda state: state.stage is Stage.SIGNED)
    await _do(bench, handle, Act.TRANSFER, unit_id=INSURANCE.unit_id)
    await _do(bench, handle, Act.SIGN)
    await bench.forward(handle, 8)
    await bench.until(handle, lambda state: any(clock.overdue for clock in state.clocks))
    await _do(bench, handle, Act.URGE, Act.REPLY, Act.REVIEW_PASS)
    await _rate(handle, 1)
    await bench.until(handle, lambda state: state.stage is Stage.REDO)
    await _do(bench, handle, Act.REPLY, Act.REVIEW_PASS, Act.RECORD_VISIT)
    await bench.forward(handle, 11)
    await bench.until(handle, lambda state: state.stage is Stage.CLOSED)
    return handle


async def report(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """A report: linked, refused to the accused unit, still in handling."""
    handle = await bench.start(new_case(Track.INTEGRITY))
    await _do(bench, handle, Act.CLAIM, Act.LINK_RESPONDENTS, Act.ACCEPT)
    given = command(await bench.state(handle), Act.DISPATCH, unit_id=ACCUSED.unit_id)
    with contextlib.suppress(WorkflowUpdateFailedError):
        await handle.execute_update(UPDATE_ACT, given, id=str(given.command_id), result_type=ActResult)
    await _do(bench, handle, Act.DISPATCH, Act.SIGN, Act.BEGIN)
    return handle


async def designated(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """Returned by two units, designated, a longer period, a standing clock, jointly handled, answered, archived."""
    handle = await bench.start(new_case())
    await _do(bench, handle, Act.LINK_RESPONDENTS, Act.ACCEPT)
    for unit in (HEALTH, INSURANCE):
        await _do(bench, handle, Act.DISPATCH, unit_id=unit.unit_id)
        await _do(bench, handle, Act.REQUEST_RETURN, Act.APPROVE_RETURN)
    await _do(bench, handle, Act.DESIGNATE, Act.BEGIN, Act.REQUEST_EXTENSION, Act.GRANT_EXTENSION, Act.SUSPEND_CLOCK)
    await bench.forward(handle, 3)
    await _do(bench, handle, Act.RESUME_CLOCK, Act.ADD_SUPPORT, Act.SUPPORT_ANSWER, *TO_VISIT[-2:], note=document())
    await _rate(handle, 5)
    await bench.until(handle, lambda state: state.stage is Stage.CLOSED)
    await bench.forward(handle, 31)
    await handle.result()
    return handle


async def referred(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """A report that a leader lets go to discipline inspection, and what came of it; still waits for the rating."""
    handle = await bench.start(new_case(Track.INTEGRITY))
    await _do(bench, handle, *TO_VISIT[:5], Act.PROPOSE_REFERRAL, Act.APPROVE_REFERRAL, Act.REFER)
    await _do(bench, handle, Act.RECORD_RECEIPT, Act.RECORD_DISPOSAL, Act.REPLY, Act.REVIEW_PASS)
    return handle


async def split(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """A mixed submission: the report goes on, the general part is a case of its own."""
    handle = await bench.start(new_case())
    await _do(bench, handle, Act.SPLIT, Act.LINK_RESPONDENTS, Act.ACCEPT)
    return handle


async def merged(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """Joined to a main case, taken out again, joined once more."""
    main = new_case()
    await bench.start(main)
    handle = await bench.start(new_case())
    for acts in ((Act.MERGE,), (Act.UNMERGE, Act.MERGE)):
        await _do(bench, handle, *acts, main_case_id=main.facts.case_id)
    return handle


async def succeeded(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """The holder is merged into another bureau, which answers."""
    handle = await bench.start(new_case())
    await _do(bench, handle, *TO_VISIT[:4])
    await handle.signal(SIGNAL_SUCCESSION, Succession(unit_id=HEALTH.unit_id, successor=INSURANCE))
    await bench.until(handle, lambda state: state.holder == INSURANCE)
    await _do(bench, handle, Act.REPLY, Act.REVIEW_PASS)
    return handle


async def crime(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """Returned on a ground, dispatched anew; a suspected crime that a second officer confirms goes to the police."""
    handle = await bench.start(new_case())
    await _do(bench, handle, *TO_VISIT[:3])
    await _do(bench, handle, Act.REQUEST_RETURN, ground="NOT_COMPETENT")
    await _do(bench, handle, Act.APPROVE_RETURN, *TO_VISIT[2:5])
    await _do(bench, handle, Act.PROPOSE_REFERRAL, unit_id=POLICE.unit_id, ground="SUSPECTED_CRIME")
    await _do(bench, handle, Act.VERIFY_REFERRAL, account="officer-2")
    await _do(bench, handle, Act.APPROVE_REFERRAL)
    papers = ("TRANSFER_LETTER", "INVESTIGATION_REPORT", "INVENTORY")
    await _do(bench, handle, Act.REFER, unit_id=POLICE.unit_id, ground="SUSPECTED_CRIME", papers=papers)
    await _do(bench, handle, Act.RECORD_RECEIPT, Act.RECORD_DISPOSAL, Act.REPLY, Act.REVIEW_PASS)
    return handle


async def major(bench: Bench) -> WorkflowHandle:  # type: ignore[type-arg]
    """Marked as a major clue, reported late to the authority above, made a report of, reported anew, answered."""
    handle = await bench.start(new_case())
    await _do(bench, handle, Act.MARK_MAJOR)
    await bench.forward(handle, 1.5)
    await _do(bench, handle, Act.REPORT_MAJOR, Act.BYPASS, Act.REPORT_MAJOR, *TO_VISIT)
    return handle


SCENARIOS: dict[str, tuple[Callable[[Bench], Awaitable[WorkflowHandle]], ...]] = {  # type: ignore[type-arg]
    "v2": (plain, refused, overdue_redo, report, designated, referred, split, merged, succeeded),
    "v3": (crime, major),
    "v4": (plain, overdue_redo, designated, split, succeeded),  # what is asked of the own worker
}
"""What each version of the workflow was the first to do."""


async def main(version: str) -> None:
    """Write one history for each scenario of the version that has none yet."""
    HISTORIES.mkdir(exist_ok=True)
    async with (
        await WorkflowEnvironment.start_time_skipping_v2(
            ts_config=TimeSkippingConfig(enabled=False),
            data_converter=pydantic_data_converter,
            dev_server_existing_path=temporal_binary(),
            dev_server_extra_args=[
                "--dynamic-config-value",
                "frontend.WorkflowTimeSkippingEnabled=true",
                "--log-level",
                "error",
            ],
        ) as environment,
        open_bench(environment) as bench,
    ):
        for scenario in SCENARIOS[version]:
            path = HISTORIES / f"{version}_{scenario.__name__}.json"
            if path.exists():
                print(f"{path.name} is there already: a released history is never written anew")
                continue
            handle = await scenario(bench)
            text = (await handle.fetch_history()).to_json()
            # Who ran it, and where from, is of no use to a replay and names the machine.
            text = re.sub(r'"\d+@[\w.-]+"', '"worker"', text)
            text = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', text)
            path.write_text(text, encoding="utf-8")
            print(path.name)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
