"""Fifty officers at one task: one wins, forty-nine are told that somebody was faster, and see what is now."""

import asyncio
from collections import Counter

import pytest

from deploy.demo.client import Officers, Refused, Reporters
from deploy.stack import Stack
from tests.load.lifecycle import SAMPLE

OFFICERS = 50
ROUNDS = 100
DESK = "desk-990100"


async def new_case(reporters: Reporters, officers: Officers) -> tuple[str, int]:
    """A filed case in triage: its id and sequence."""
    receipt = await reporters.file(SAMPLE)
    async with asyncio.timeout(30):
        while not (case_id := await officers.find(f"clerk.{DESK}", receipt.case_number)):
            await asyncio.sleep(0.05)
    return case_id, (await officers.view(f"clerk.{DESK}", case_id))["sequence"]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("act", ["CLAIM", "ACCEPT"])
async def test_one_wins_and_forty_nine_get_409(
    act: str, stack: Stack, people: tuple[Reporters, Officers], fifty_clerks: list[str]
) -> None:
    reporters, officers = people
    for _ in range(ROUNDS // 2):
        case_id, sequence = await new_case(reporters, officers)

        async def attempt(
            username: str, case_id: str = case_id, sequence: int = sequence
        ) -> tuple[int, dict[str, object]]:
            try:
                await officers.act(username, case_id, act, sequence)
            except Refused as refused:
                return refused.status, refused.problem
            return 200, {}

        answers = await asyncio.gather(*(attempt(username) for username in fifty_clerks))
        assert Counter(status for status, _ in answers) == {200: 1, 409: OFFICERS - 1}
        losers = [problem for status, problem in answers if status == 409]
        now = (await officers.view(f"clerk.{DESK}", case_id))["sequence"]
        assert now == sequence + 1
        assert all(problem["case"]["sequence"] == now for problem in losers), "the loser sees what is now"
