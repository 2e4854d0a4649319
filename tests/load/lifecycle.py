"""Whole lifecycles per second, through the public APIs, beside the floor: a bare workflow with the same steps."""

import asyncio
import time
from dataclasses import dataclass
from uuid import uuid4

from temporalio.client import Client

from contracts.lifecycle import RULE, Act, Seat
from deploy.demo.client import Officers, Refused, Reporters
from deploy.demo.plan import REPLY, Sample
from tests.load import bare

ACTS: tuple[tuple[Act, dict[str, object]], ...] = (
    (Act.LINK_RESPONDENTS, {"respondent_units": ["hosp-990100-1"]}),
    (Act.ACCEPT, {}),
    (Act.DISPATCH, {"unit_id": "yb-990100"}),
    (Act.SIGN, {}),
    (Act.BEGIN, {}),
    (Act.REPLY, {"public_reply": REPLY, "outcome": "SUBSTANTIATED"}),
    (Act.REVIEW_PASS, {}),
)
LOOK_SECONDS = 0.5
"""How often a measured life is looked at while it waits: looking is the instrument's work, not the system's."""

UNIT = {Seat.DESK: "desk-990100", Seat.HOLDER: "yb-990100"}
SAMPLE = Sample(
    title="bench",
    channel="WEB",
    category="0704",
    region="990100",
    plan="plain",
    narrative="重复收费的测量用样本,内容与真实件长度相当。" * 5,
    wants="退费",
    respondents=("云川市第一人民医院收费处",),
    reporter=None,
)


@dataclass(frozen=True)
class Lives:
    """Finished lifecycles and the seconds they took."""

    count: int
    seconds: float

    @property
    def rate(self) -> float:
        """Lifecycles per second."""
        return self.count / self.seconds


async def one(reporters: Reporters, officers: Officers) -> None:
    """One complaint from filing to closed."""
    receipt = await reporters.file(SAMPLE)
    clerk = "clerk.desk-990100"
    while not (case_id := await officers.find(clerk, receipt.case_number)):
        await asyncio.sleep(LOOK_SECONDS)
    sequence = (await officers.view(clerk, case_id))["sequence"]
    for act, fields in ACTS:
        rule = RULE[act]
        seat = rule.seats[0] if rule.seats else Seat.DESK
        username = f"{rule.roles[0].lower()}.{UNIT[Seat.HOLDER if seat is Seat.SENDER else seat]}"
        sequence = (await officers.act(username, case_id, act, sequence, **fields))["sequence"]
    while not await _rated(reporters, receipt):
        await asyncio.sleep(LOOK_SECONDS)
    while (await officers.view(clerk, case_id))["stage"] != "CLOSED":
        await asyncio.sleep(LOOK_SECONDS)


async def _rated(reporters: Reporters, receipt: object) -> bool:
    try:
        await reporters.rate(receipt, 5)  # type: ignore[arg-type]
    except Refused as refused:
        if refused.status != 409:
            raise
        return False  # the tracking page has not heard yet that a rating is asked for
    return True


async def ours(reporters: Reporters, officers: Officers, count: int, concurrent: int) -> Lives:
    """``count`` lifecycles, ``concurrent`` at a time."""
    return await _many(lambda: one(reporters, officers), count, concurrent)


async def floor(client: Client, count: int, concurrent: int) -> Lives:
    """The same number of bare workflows."""

    async def run() -> None:
        handle = await client.start_workflow(bare.Bare.run, id=f"bare/{uuid4()}", task_queue=bare.QUEUE)
        for activities in bare.UPDATES:
            await handle.execute_update(bare.Bare.act, activities)
        await handle.signal(bare.Bare.rate)
        await handle.result()

    return await _many(run, count, concurrent)


async def _many(work, count: int, concurrent: int) -> Lives:  # type: ignore[no-untyped-def]
    hands = asyncio.Semaphore(concurrent)

    async def run() -> None:
        async with hands:
            await work()

    started = time.perf_counter()
    await asyncio.gather(*(run() for _ in range(count)))
    return Lives(count, time.perf_counter() - started)
