"""Intake under load at 1, 4 and 16 clients, beside the floor, with the case bridge stopped and running."""

import asyncio
from dataclasses import dataclass

import httpx

from deploy.ports import free_ports
from deploy.stack import Stack
from services.chassis.db import Database, rows
from tests.load.client import Load
from tests.load.processes import load, running

CLIENTS = (1, 4, 16)
BODY: dict[str, object] = {
    "category": "0704",
    "region": "990100",
    "respondents": ["云川市第一人民医院收费处"],
    "narrative": "父亲住院九天,出院清单上床位费收了十二天,其中三天和重症监护的床位费同一天重复计算。" * 3,
    "wants": "退还多收的床位费",
    "reporter": {"name": "刘建国", "email": "liu@example.org", "phone": "13900000002"},
    "ways": ["EMAIL"],
}

_LEFT = {
    "complaints": "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM complaint_cases)"
    " - (SELECT count(*) FROM cases) AS left",
    "referrals": "SELECT count(*) AS left FROM outbox",
    "notifications": "SELECT count(*) AS left FROM notices WHERE settled_at IS NULL",
}
"""What is still to do for complaints that were filed: events, cases that have not started, notices."""
_LOOKS = 2
"""So many times in a row nothing is left: between two tables an event may be under way."""


@dataclass(frozen=True)
class Row:
    """One measured line: intake and its floor at the same number of clients."""

    bridge: str
    intake: Load
    floor: Load | None

    @property
    def ratio(self) -> float | None:
        """Intake's rate as a share of the floor's."""
        return self.intake.rate / self.floor.rate if self.floor else None


async def floors(stack: Stack, seconds: float) -> dict[int, Load]:
    """The floor at each number of clients."""
    port = next(iter(free_ports().values()))
    with running("tests.load.floor", str(port), env=stack.env):
        url = f"http://127.0.0.1:{port}"
        await _up(url)
        return {clients: await load(f"{url}/floor", BODY, clients, seconds) for clients in CLIENTS}


async def _up(url: str) -> None:
    async with httpx.AsyncClient() as http:
        for _ in range(200):
            try:
                if (await http.get(f"{url}/health")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


async def stopped(stack: Stack, seconds: float, floor: dict[int, Load]) -> list[Row]:
    """Intake at each number of clients while nothing else runs."""
    url = stack.url("complaints") + "/v1/complaints"
    return [Row("bridge stopped", await load(url, BODY, clients, seconds), floor[clients]) for clients in CLIENTS]


async def all_running(stack: Stack, seconds: float) -> list[Row]:
    """Intake at each number of clients with what follows it at work. Each run begins with nothing left of the one
    before: what is measured is what these complaints cost, not what earlier ones left."""
    url = stack.url("complaints") + "/v1/complaints"
    await load(url, BODY, 1, seconds)  # warm
    found = []
    for clients in CLIENTS:
        await at_rest(stack)
        found.append(Row("all running", await load(url, BODY, clients, seconds), None))
    return found


async def at_rest(stack: Stack) -> None:
    """Wait until every complaint has its case and every notice is settled. Raises TimeoutError after 10 minutes."""
    databases = {name: Database(stack.settings.dsn(name), pool_size=1) for name in _LEFT}
    try:
        looks = 0
        async with asyncio.timeout(600):
            while looks < _LOOKS:
                left = 0
                for name, db in databases.items():
                    async with db.read() as session:
                        left += (await rows(session, _LEFT[name]))[0]["left"]
                looks = 0 if left else looks + 1
                await asyncio.sleep(0.5)
    finally:
        for db in databases.values():
            await db.close()
