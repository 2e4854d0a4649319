"""What is between us and the reporter alone: mails that would say whose a case is leave no trace outside the ledger."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from structlog.testing import capture_logs

from contracts.complaints import CodeReissued, RightsAnswered, RightsAsked
from contracts.rights import Right
from services.chassis.db import Database
from services.notifications import service
from services.notifications.domain import BETWEEN_US_AND_REPORTER
from tests.integration.notifications.helpers import FakeVault, Mailserver, Sending, no_unsettled, owed, rows, until
from tests.unit.notifications.events import submitted


async def test_no_event_and_no_log_tells_of_what_is_between_us_and_the_reporter(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    """Or a copy of either would tell which guess at a name was right."""
    without_address = submitted(ways=(), contact_token=None)
    async with db.session() as session:
        await service.on_submitted(session, uuid4(), without_address)
    complaints = [await owed(db, vault), without_address]
    async with db.session() as session:
        for complaint in complaints:
            told: dict[str, Any] = {
                "complaint_id": complaint.complaint_id,
                "case_ids": complaint.case_ids,
                "at": complaint.at,
            }
            code = CodeReissued(**told, reissue_id=uuid4())
            vault.codes[str(code.reissue_id)] = "0123-4567-89AB-CDEF-G"
            await service.on_reissued(session, uuid4(), code)
            asked = RightsAsked(**told, request_id=uuid4(), kind=Right.ACCESS)
            await service.on_rights(session, uuid4(), asked)
            answer = RightsAnswered(**told, request_id=asked.request_id, kind=Right.ACCESS, granted=True)
            await service.on_rights(session, uuid4(), answer)
    with capture_logs() as logged:
        async with sending():
            await until(lambda: no_unsettled(db))
            await until(lambda: logged_attempts(logged, 4))
    private = {template.value for template in BETWEEN_US_AND_REPORTER}
    ended = {(row.template, row.state) for row in await rows(db)}
    assert ended >= {(template, state) for template in private for state in ("DELIVERED", "SKIPPED")}
    events = [json.loads(row.payload) for row in await rows(db, "SELECT payload FROM outbox")]
    assert {event["template"] for event in events} == {"RECEIPT"}
    assert len(events) == len(complaints)
    assert not [line for line in logged if private & {str(value) for value in line.values()}]


async def logged_attempts(logged: Sequence[Mapping[str, Any]], number: int) -> bool:
    return len([line for line in logged if line["event"] == "notice_attempt"]) >= number
