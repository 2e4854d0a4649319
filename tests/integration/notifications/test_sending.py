"""The sender against a real mail server that dies, refuses, greylists and breaks off."""

from uuid import uuid4

from contracts.complaints import ComplaintSubmitted
from services.chassis.db import Database
from services.notifications import service
from tests.integration.notifications.helpers import FakeVault, Mailserver, Sending, no_unsettled, rows, until
from tests.unit.notifications.events import submitted


async def owed(db: Database, vault: FakeVault, address: str = "reporter@example.com") -> ComplaintSubmitted:
    """A complaint whose receipt is owed to this address."""
    event = submitted()
    assert event.contact_token is not None
    vault.addresses[event.contact_token] = address
    async with db.session() as session:
        await service.on_submitted(session, uuid4(), event)
    return event


async def test_a_receipt_reaches_the_reporter_once(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    await owed(db, vault)
    async with sending():
        await until(lambda: no_unsettled(db))
    ((to, content),) = mailserver.taken
    assert to == "reporter@example.com"
    assert content
    (row,) = await rows(db)
    assert (row.state, row.way, row.attempts, row.possibly_repeated) == ("DELIVERED", "EMAIL", 1, False)
