"""A complaint whose region nobody serves waits for a desk: it is never given up, and thousands of them are bearable."""

from dataclasses import replace
from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from contracts.lifecycle import Track
from contracts.messages import RouteRequest, RouteVerdict
from services.referrals.activities import NO_DESK, Activities
from services.referrals.service.steps import NoDesk, Steps

REQUEST = RouteRequest(case_id=uuid4(), track=Track.GENERAL, category="0704", region="990100")


class _NobodyServes:
    async def route_intake(self, request: RouteRequest) -> RouteVerdict:
        raise NoDesk


async def waits(attempt: int) -> timedelta:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    with pytest.raises(ApplicationError) as refused:
        await environment.run(Activities(cast(Steps, _NobodyServes())).route_intake, REQUEST)
    assert refused.value.type == NO_DESK
    assert not refused.value.non_retryable
    assert refused.value.next_retry_delay is not None
    return refused.value.next_retry_delay


async def test_soon_at_first_and_each_time_later() -> None:
    assert [await waits(attempt) for attempt in (1, 2, 3)] == [timedelta(seconds=at) for at in (5, 10, 15)]


@pytest.mark.parametrize("attempt", [12, 13, 100, 100_000])
async def test_a_desk_that_comes_after_days_has_the_case_within_a_minute(attempt: int) -> None:
    assert await waits(attempt) == timedelta(minutes=1)
