"""The HTTP interface: officers' notices, and the delivery ledger. A thin adapter."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from contracts.sessions import Standing
from services.chassis.auth import Claims, ServiceTokens, Unauthenticated, bearer
from services.chassis.db import Database
from services.chassis.http import Problem, lang
from services.notifications import reading
from services.notifications.ledger import Delivery, OfficerNotice, Tally
from services.notifications.officers import Officers
from services.notifications.templates import digest_text, digest_title, paragraphs, subject

router = APIRouter(prefix="/v1", tags=["notices"])
DELIVERIES_PURPOSE = "deliveries"
OPERATORS = "cli"
"""Whose tokens open the whole ledger: the command line's. No other service needs it."""


class OfficerNoticeView(BaseModel):
    """A notice to a unit, worded in the caller's language. ``id`` is what ``after`` takes; times are business times."""

    id: int
    notice_id: UUID
    unit_id: str
    case_id: UUID
    case_number: str
    kind: str
    title: str
    text: str
    at: datetime
    due_at: datetime | None
    provisional: bool
    read_at: datetime | None


class DigestView(BaseModel):
    """The reminders of one unit that were to be seen from the same moment, as one item; ``ids`` of their notices."""

    unit_id: str
    at: datetime
    title: str
    text: str
    ids: list[int]


class OfficerNoticePage(BaseModel):
    """Notices, oldest first. Ask again with ``after=next`` for what comes later.

    ``digests``: which of them to show as one.
    """

    notices: list[OfficerNoticeView]
    digests: list[DigestView]
    next: int


class DeliveryView(BaseModel):
    """How one notice stands or ended. ``recipient`` is ``reporter`` or ``unit:<id>``."""

    notice_id: UUID
    case_id: UUID
    sequence: int
    template: str
    title: str
    recipient: str
    way: str | None
    state: str
    reason: str | None
    attempts: int
    possibly_repeated: bool
    settled_at: datetime | None


class DeliveryList(BaseModel):
    """The ledger of one case, in the order of its steps."""

    case_id: UUID
    deliveries: list[DeliveryView]


class TallyView(BaseModel):
    """How many notices of a template stand or ended in one manner."""

    template: str
    way: str | None
    state: str
    reason: str | None
    count: int
    possibly_repeated: int


class Summary(BaseModel):
    """The ledger, counted as far as the caller sees it."""

    total: int
    unsettled: int
    by_state: dict[str, int]
    possibly_repeated: int
    rows: list[TallyView]


# Dependencies are coroutines even where they wait for nothing: FastAPI runs plain functions in a thread each.
async def _db(request: Request) -> Database:
    db: Database = request.app.state.db
    return db


async def _tokens(request: Request) -> ServiceTokens:
    tokens: ServiceTokens = request.app.state.tokens
    return tokens


async def _sessions(request: Request) -> Officers:
    officers: Officers = request.app.state.officers
    return officers


Sessions = Annotated[Officers, Depends(_sessions)]
Db = Annotated[Database, Depends(_db)]
Tokens = Annotated[ServiceTokens, Depends(_tokens)]
# They describe the interface; the chassis checks the header itself, so that its problem says what to do.
_as_officer = HTTPBearer(auto_error=False, scheme_name="officer", description="An officer's access token")
_as_service = HTTPBearer(auto_error=False, scheme_name="service", description="The command line's, purpose deliveries")
Shown = HTTPAuthorizationCredentials | None


async def _officer(request: Request, officers: Sessions, _shown: Annotated[Shown, Depends(_as_officer)]) -> Standing:
    return await officers.of_token(bearer(request.headers.get("authorization")))


async def _caller(
    request: Request,
    tokens: Tokens,
    officers: Sessions,
    _officers: Annotated[Shown, Depends(_as_officer)],
    _services: Annotated[Shown, Depends(_as_service)],
) -> Standing | Claims:
    """An officer, or an operator at the command line (purpose ``deliveries``); raises Unauthenticated."""
    token = bearer(request.headers.get("authorization"))
    try:
        return tokens.verify(token, issuer=OPERATORS, purpose=DELIVERIES_PURPOSE)
    except Unauthenticated:
        return await officers.of_token(token)


@router.get("/notices", summary="The notices of the officer's own unit, or of one below it")
async def list_notices(
    request: Request,
    db: Db,
    officer: Annotated[Standing, Depends(_officer)],
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    unread: bool = False,
    unit_id: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._:\-]{1,80}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> OfficerNoticePage:
    """Notices with an id above ``after``, oldest first."""
    notices = await reading.officer_notices(db, officer, unit_id=unit_id, beyond=after, unread=unread, limit=limit)
    language = lang(request)
    return OfficerNoticePage(
        notices=[_notice_view(notice, language) for notice in notices],
        digests=[_digest_view(found, language) for found in reading.digests(notices)],
        next=notices[-1].id if notices else after,
    )


@router.post("/notices/{id}/read", summary="Mark a notice as read; the first reading is kept")
async def read_notice(
    request: Request,
    db: Db,
    officer: Annotated[Standing, Depends(_officer)],
    id: Annotated[int, Path(ge=1, le=2**62)],
) -> OfficerNoticeView:
    """404 for a notice of units that the officer may not see, and for none at all."""
    notice = await reading.mark_read(db, officer, id)
    if notice is None:
        raise Problem(
            404, "no_such_notice", "没有这条通知，或您无权查看。", "There is no such notice, or it is not yours to see."
        )
    return _notice_view(notice, lang(request))


@router.get("/deliveries", summary="The delivery ledger of a case")
async def list_deliveries(
    request: Request, db: Db, caller: Annotated[Standing | Claims, Depends(_caller)], case_id: UUID
) -> DeliveryList:
    """Officers see cases of which their units were told; for any other the list is empty. Mails between us and the
    reporter that belong to no step (a new query code, requests about the own data) are not in it."""
    rows = await reading.deliveries(db, caller if isinstance(caller, Standing) else None, case_id)
    language = lang(request)
    return DeliveryList(case_id=case_id, deliveries=[_delivery_view(row, language) for row in rows])


@router.get("/deliveries/summary", summary="The delivery ledger, counted")
async def summarise(db: Db, caller: Annotated[Standing | Claims, Depends(_caller)]) -> Summary:
    """Counts only, by template, way, state and reason: for the command line of the whole ledger, for an officer of the
    cases whose deliveries he sees."""
    rows = await reading.tallies(db, caller if isinstance(caller, Standing) else None)
    by_state: dict[str, int] = {}
    for row in rows:
        by_state[row.state] = by_state.get(row.state, 0) + row.count
    ended = sum(count for state, count in by_state.items() if state in reading.TERMINAL_NAMES)
    total = sum(by_state.values())
    return Summary(
        total=total,
        unsettled=total - ended,
        by_state=by_state,
        possibly_repeated=sum(row.possibly_repeated for row in rows),
        rows=[_tally_view(row) for row in rows],
    )


def _notice_view(notice: OfficerNotice, language: str) -> OfficerNoticeView:
    data: dict[str, Any] = notice.data
    return OfficerNoticeView(
        id=notice.id,
        notice_id=notice.notice_id,
        unit_id=notice.unit_id,
        case_id=notice.case_id,
        case_number=data.get("case_number", ""),
        kind=notice.template.value,
        title=subject(notice.template, language),
        text=" ".join(paragraphs(notice.template, notice.data, language)),
        at=notice.at,
        due_at=datetime.fromisoformat(data["due_at"]) if "due_at" in data else None,
        provisional="provisional" in data,
        read_at=notice.read_at,
    )


def _digest_view(found: list[OfficerNotice], language: str) -> DigestView:
    """Several reminders as one, the gravest kind first."""
    moment = found[0].moment
    assert moment is not None
    counted = Counter(notice.template for notice in found)
    titles = {
        subject(template, language): counted[template] for template in reversed(reading.Template) if counted[template]
    }
    return DigestView(
        unit_id=found[0].unit_id,
        at=moment,
        title=digest_title(len(found), language),
        text=digest_text(titles, language),
        ids=[notice.id for notice in found],
    )


def _delivery_view(row: Delivery, language: str) -> DeliveryView:
    # Which complaint it is stays between the services: officers work on cases.
    recipient = "reporter" if row.recipient.startswith("reporter:") else row.recipient
    return DeliveryView(
        notice_id=row.notice_id,
        case_id=row.case_id,
        sequence=row.sequence,
        template=row.template,
        title=subject(reading.Template(row.template), language),
        recipient=recipient,
        way=row.way,
        state=row.state,
        reason=row.reason,
        attempts=row.attempts,
        possibly_repeated=row.possibly_repeated,
        settled_at=row.settled_at,
    )


def _tally_view(row: Tally) -> TallyView:
    return TallyView(
        template=row.template,
        way=row.way,
        state=row.state,
        reason=row.reason,
        count=row.count,
        possibly_repeated=row.possibly_repeated,
    )
