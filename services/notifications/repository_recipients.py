"""All SQL of whom notices go to: what is known of a complaint's reporter, by token and never by address."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.complaints import RightsAnswered
from services.chassis.db import one, rows
from services.notifications.domain import Recipient

_COMPLAINT_LOCK = 0x6E01


async def lock_complaints(session: AsyncSession, complaint_ids: Iterable[UUID]) -> None:
    """Serialise what concerns these complaints until the transaction ends.

    Without it a case event that finds no recipient, and the complaint event that finds no waiting notice, could pass
    each other.
    """
    for complaint_id in sorted(set(complaint_ids)):
        await one(session, "SELECT pg_advisory_xact_lock($1, hashtext($2))", _COMPLAINT_LOCK, str(complaint_id))


async def add_recipient(session: AsyncSession, recipient: Recipient) -> None:
    """Keep what is known of a reporter; the first word holds."""
    await session.execute(
        text(
            "INSERT INTO recipients (complaint_id, case_number, contact_token, ways, language, named)"
            " VALUES (:complaint_id, :case_number, :contact_token, :ways, :language, :named) ON CONFLICT DO NOTHING"
        ),
        {
            "complaint_id": recipient.complaint_id,
            "case_number": recipient.case_number,
            "contact_token": recipient.contact_token,
            "ways": list(recipient.ways),
            "language": recipient.language,
            "named": recipient.named,
        },
    )


async def change_recipient(session: AsyncSession, event: RightsAnswered) -> None:
    """Reach a reporter as was granted, or not at all; a notice that waits goes by what is known when it is sent."""
    await one(
        session,
        "UPDATE recipients SET contact_token = $2, ways = $3, named = $4 WHERE complaint_id = $1",
        event.complaint_id,
        event.contact_token,
        [str(way) for way in event.ways],
        event.named,
    )


async def recipients(session: AsyncSession, complaint_ids: Collection[UUID]) -> dict[UUID, Recipient]:
    """Those of the reporters that are known."""
    found = await rows(
        session,
        "SELECT complaint_id, case_number, contact_token, ways, language, named FROM recipients"
        " WHERE complaint_id = ANY($1::uuid[])",
        list(complaint_ids),
    )
    return {
        row["complaint_id"]: Recipient(
            row["complaint_id"],
            row["case_number"],
            row["contact_token"],
            tuple(row["ways"]),
            row["language"],
            row["named"],
        )
        for row in found
    }
