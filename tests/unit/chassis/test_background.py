"""Background tasks end when the process does."""

import asyncio

import pytest

from services.chassis import serve


@pytest.mark.asyncio
@pytest.mark.timeout(60)
async def test_a_task_ends_though_a_library_made_another_error_of_the_first_cancellation() -> None:
    ended, heard = asyncio.Event(), 0

    async def stubborn() -> None:
        nonlocal heard
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard += 1
                if heard > 1:
                    ended.set()
                    raise

    async with serve.background({"stubborn": stubborn}):
        await asyncio.sleep(0)
    assert ended.is_set()
