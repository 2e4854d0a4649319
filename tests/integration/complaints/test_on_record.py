"""Who read what a reporter wrote stands on the audit of the service that keeps it."""

import json
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from services.chassis.auth import ServiceTokens
from tests.integration.complaints.people import Reporter


async def test_a_reading_stands_in_the_chain_of_its_case_with_its_grant(
    reporter: Reporter,
    http: httpx.AsyncClient,
    referrals_tokens: ServiceTokens,
    admin: "asyncpg.Connection[Any]",
) -> None:
    receipt = await reporter.submitted()
    case_id: UUID = await admin.fetchval(
        "SELECT case_id FROM complaint_cases JOIN complaints USING (complaint_id) WHERE case_number = $1",
        receipt["case_number"],
    )
    claims = {"case_id": str(case_id), "fields": ["narrative", "wants"]}
    grant = referrals_tokens.issue("complaints", "narrative", subject="a-7", claims=claims)
    for expected in (200, 401):
        answer = await http.post("/v1/narratives", headers={"Authorization": f"Bearer {grant}"})
        assert answer.status_code == expected
    (row,) = await admin.fetch("SELECT * FROM audit_log WHERE chain = $1", f"case/{case_id}")
    assert (row["actor"], row["action"], row["subject"]) == ("account/a-7", "COMPLAINT_READ", "texts")
    told = json.loads(row["details"])
    assert told["fields"] == ["narrative", "wants"]
    assert told["grant"] == referrals_tokens.verify(grant, "complaints").jti
    assert (row["ip"], row["user_agent"]) == (None, None)
