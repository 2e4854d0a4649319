"""Openings of identities, for referrals alone: what is wanted stands in the token, which is used once."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.model import Contract
from contracts.openings import (
    ASK,
    DECIDE,
    ORIGINAL,
    READ,
    RECORD,
    WAITING,
    Ask,
    Decide,
    OfCase,
    OfUnit,
    Opening,
    OriginalOpen,
    ReadOriginal,
    Revealed,
    Word,
)
from contracts.openings import Openings as Record
from contracts.openings import Read as ReadClaims
from services.chassis.auth import ServiceTokens, Unauthenticated, bearer
from services.chassis.db import Database
from services.chassis.http import Problem
from services.complaints.vault import repository_openings as repository
from services.complaints.vault.openings import Caller, NotOpened, Openings, Sealed

CALLER = "referrals"
Claimed = TypeVar("Claimed", bound=Contract)
Found = TypeVar("Found", Opening, Sealed, OriginalOpen)

router = APIRouter(prefix="/v1/openings", tags=["openings"])
_scheme = HTTPBearer(auto_error=False, scheme_name="referrals", description="A service token of referrals")
Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]

_WORDS: dict[str, tuple[int, str, str]] = {
    "REUSED": (409, "该申请编号已用于另一申请。", "This id is another request's."),
    "UNKNOWN_PURPOSE": (422, "没有这个查阅目的。", "There is no such purpose."),
    "ALREADY_ASKED": (409, "您对该反映人的查阅申请正在等待决定。", "Your request for this identity waits already."),
    "USED_TOKEN": (409, "令牌已使用过。", "The token was used before."),
    "UNKNOWN_OPENING": (404, "该案没有这个申请。", "The case has no such request."),
    "OWN_REQUEST": (403, "不得审批本人的申请。", "Nobody decides his own request."),
    "OTHER_UNIT": (403, "该申请由其他单位决定。", "Another unit decides this request."),
    "UNFIT_DECISION": (422, "不同意须说明理由，同意则不填。", "A no needs a reason, a yes none."),
    "DECIDED": (409, "该申请已有决定，决定不可更改。", "It is decided, for good."),
    "LAPSED": (409, "申请已过期，请重新申请。", "The request has lapsed: ask again."),
    "OTHER_OFFICER": (403, "只有申请人本人可以查阅。", "Only the officer who asked may look."),
    "WAITING": (403, "申请尚未获得同意。", "Nobody has agreed yet."),
    "DENIED": (403, "申请未获同意。", "The request was refused."),
    "NOT_SIGNED": (409, "申请或决定没有可验证的签名，请重新申请。", "It stands on no signed word: ask again."),
    "NO_ORIGINAL": (403, "该查阅目的不含原件。", "The purpose does not take in originals."),
    "ENDED": (403, "查阅时限已过，请重新申请。", "The time for looking is over: ask again."),
    "NO_IDENTITY": (404, "没有可查阅的身份信息。", "There is no identity."),
}


def _problem(refused: NotOpened) -> Problem:
    status, zh, en = _WORDS[refused.code]
    return Problem(status, refused.code, zh, en)


def _claims(request: Request, purpose: str, kind: type[Claimed]) -> tuple[Caller, Claimed]:
    """Who asks and what for; raises Unauthenticated."""
    tokens: ServiceTokens = request.app.state.tokens
    token = bearer(request.headers.get("authorization"))
    claims = tokens.verify(token, issuer=CALLER, purpose=purpose)
    try:
        wanted = kind.model_validate(dict(claims.extra))
    except ValidationError as error:
        raise Unauthenticated("the token lacks a claim") from error
    if not claims.subject:
        raise Unauthenticated("the token names no officer")
    return Caller(claims.subject, claims.jti, token), wanted


def _uses(request: Request) -> tuple[Database, Openings]:
    return request.app.state.db, request.app.state.openings


async def _enter(
    request: Request,
    purpose: str,
    kind: type[Claimed],
    act: Callable[[AsyncSession, Caller, Claimed], Awaitable[Found | NotOpened]],
) -> Found:
    """Do what the token wants in one transaction, which keeps the record of a refusal too; raises Problem for it."""
    caller, wanted = _claims(request, purpose, kind)
    async with _uses(request)[0].session() as session:
        found = await act(session, caller, wanted)
    if isinstance(found, NotOpened):
        raise _problem(found)
    return found


@router.post("", response_model=Opening, status_code=201, summary="Ask for an identity to be opened")
async def ask(request: Request, _token: Shown) -> Opening:
    """Claims: Ask. Refused at once, on record, where nobody can be asked or no name was given."""
    return await _enter(request, ASK, Ask, _uses(request)[1].ask)


@router.post("/decision", response_model=Opening, summary="A second person's word")
async def decide(request: Request, _token: Shown) -> Opening:
    """Claims: Decide. Final."""
    return await _enter(request, DECIDE, Decide, _uses(request)[1].decide)


@router.post("/reading", response_model=Revealed, summary="Look at the identity")
async def read(request: Request, _token: Shown) -> Response:
    """Claims: Read. On record before it is opened."""
    openings = _uses(request)[1]
    revealed = openings.reveal(await _enter(request, READ, ReadClaims, openings.read))
    return Response(revealed.model_dump_json(), 200, {"Cache-Control": "no-store"}, "application/json")


@router.post("/original", response_model=Word, summary="Let a file as it came go to who may look at the identity")
async def original(request: Request, _token: Shown) -> Response:
    """Claims: ReadOriginal. On record; what comes back is the vault's own word to complaints, which takes it once."""
    tokens: ServiceTokens = request.app.state.tokens
    caller, _ = _claims(request, ORIGINAL, ReadOriginal)
    said = await _enter(request, ORIGINAL, ReadOriginal, _uses(request)[1].original)
    word = tokens.issue("complaints", ORIGINAL, subject=caller.officer, claims=said.model_dump(mode="json"))
    return Response(Word(word=word).model_dump_json(), 200, {"Cache-Control": "no-store"}, "application/json")


@router.get("", response_model=Record, summary="The record of a case")
async def record(request: Request, _token: Shown) -> Record:
    """Claims: OfCase."""
    _, wanted = _claims(request, RECORD, OfCase)
    db, openings = _uses(request)
    async with db.read() as session:
        return Record(items=await repository.of_case(session, wanted.case_id), now=openings.now())


@router.get("/waiting", response_model=Record, summary="What waits for a unit's second person")
async def waiting(request: Request, _token: Shown) -> Record:
    """Claims: OfUnit."""
    _, wanted = _claims(request, WAITING, OfUnit)
    db, openings = _uses(request)
    now = openings.now()
    async with db.read() as session:
        return Record(items=await repository.waiting(session, wanted.unit_id, now), now=now)
