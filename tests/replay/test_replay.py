"""Running cases survive a change of the code: every golden history replays without a non-determinism error."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay.record import SCENARIOS
from workflows.complaint_case import ComplaintCase

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


def test_there_are_histories_of_every_way_and_of_every_version() -> None:
    names = {path.stem for path in HISTORIES}
    assert names >= {f"v1_{way}" for way in ("plain", "refused", "overdue_redo", "report")}
    assert names >= {f"{version}_{way.__name__}" for version, ways in SCENARIOS.items() for way in ways}


@pytest.mark.asyncio
@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_golden_history_replays(path: Path) -> None:
    replayer = Replayer(workflows=[ComplaintCase], data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history(path))


@pytest.mark.asyncio
async def test_a_changed_order_of_activities_would_be_found() -> None:
    text = HISTORIES[0].read_text(encoding="utf-8")
    changed = text.replace('"name": "route_intake"', '"name": "something_else"')
    assert changed != text
    with pytest.raises(NondeterminismError):
        await Replayer(workflows=[ComplaintCase], data_converter=pydantic_data_converter).replay_workflow(
            WorkflowHistory.from_json("changed", changed)
        )
