"""What officers do with a reporter's identity, through the API: ask, decide, read, and look at the record."""

from typing import Any
from uuid import UUID, uuid4

import httpx

from contracts.lifecycle import Track
from tests.integration.referrals.office import Office
from tests.integration.referrals.vault import Vault

CLERK, SUPERVISOR = "clerk.desk", "supervisor.desk"


async def named(office: Office, vault: Vault, track: Track = Track.GENERAL, **person: str) -> UUID:
    found = await office.new_case(track)
    desk = "desk" if track is Track.GENERAL else "rdesk"
    view = await office.view(f"clerk.{desk}", found)
    await vault.knows(UUID(view["facts"]["complaint_ids"][0]), **person)
    return found


async def ask(
    office: Office, case_id: UUID, who: str = CLERK, purpose: str = "CALL_BACK", **fields: Any
) -> httpx.Response:
    body = {"purpose": purpose, **fields}
    return await office.post(who, path(case_id), body, **{"Idempotency-Key": str(uuid4())})


async def asked(office: Office, case_id: UUID, who: str = CLERK, purpose: str = "CALL_BACK") -> dict[str, Any]:
    answer = await ask(office, case_id, who, purpose)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(
    office: Office, opening: dict[str, Any], who: str = SUPERVISOR, denial: str | None = None
) -> httpx.Response:
    there = f"{path(opening['case_id'])}/{opening['opening_id']}/decision"
    return await office.post(who, there, {"granted": denial is None, "denial": denial})


async def granted(office: Office, case_id: UUID, who: str = CLERK, purpose: str = "CALL_BACK") -> dict[str, Any]:
    opening = await asked(office, case_id, who, purpose)
    answer = await decide(office, opening)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(office: Office, opening: dict[str, Any], who: str = CLERK) -> httpx.Response:
    return await office.post(who, f"{path(opening['case_id'])}/{opening['opening_id']}/readings", {})


async def record(office: Office, case_id: UUID, who: str = SUPERVISOR) -> dict[str, Any]:
    answer = await office.get(who, path(case_id))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def path(case_id: object) -> str:
    return f"/v1/cases/{case_id}/identity-openings"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def account_of(office: Office, username: str) -> str:
    found: str = (await office.get(username, "/v1/sessions/current")).json()["account_id"]
    return found
