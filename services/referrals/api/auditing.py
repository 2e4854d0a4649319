"""The audit for the audit administrator: chains of this service, read on record."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from contracts.lifecycle import Role
from services.referrals.api.common import Caller, Uses

router = APIRouter(prefix="/v1/audit", tags=["administration"])

Chain = Annotated[
    str,
    Query(
        pattern=r"^(case|account|admin)/[A-Za-z0-9._-]{1,80}$", description="`case/…`, `account/…` or `admin/accounts`"
    ),
]


class AuditRow(BaseModel):
    """One act: by whom, on what, what for, from where."""

    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str | None
    purpose: str | None
    details: dict[str, Any]
    ip: str | None
    user_agent: str | None
    hash: str


class AuditPage(BaseModel):
    """In their order. `next` is null at the end."""

    items: list[AuditRow]
    next: int | None


@router.get("", response_model=AuditPage, summary="A chain of the audit")
async def read(
    uses: Uses,
    who: Caller,
    chain: Chain,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AuditPage:
    """For the audit administrator; that it was read is on the chain `admin/audit`. `huiyin audit verify` proves it."""
    who.require(Role.AUDIT_ADMIN)
    found = await uses.auditing.chain(who, chain, after, limit)
    following = found[-1]["sequence"] if len(found) == limit else None
    return AuditPage(items=[AuditRow(**row) for row in found], next=following)
