"""Intake under load at 1, 4 and 16 clients, beside the floor, with the case bridge stopped and running."""

import asyncio
from dataclasses import dataclass

import httpx

from deploy.ports import free_ports
from deploy.stack import Stack
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


async def measure(stack: Stack, bridge: str, seconds: float, floor: dict[int, Load] | None) -> list[Row]:
    """Intake at each number of clients on a running stack."""
    url = stack.url("complaints") + "/v1/complaints"
    return [
        Row(bridge, await load(url, BODY, clients, seconds), floor[clients] if floor else None) for clients in CLIENTS
    ]
