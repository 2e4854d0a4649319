"""What all endpoints share: the services behind them, who calls, and refusals as problems."""

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, FastAPI, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.responses import Response

from contracts.lifecycle import TaskKind
from contracts.model import CODE_PATTERN
from services.chassis.auth import ServiceTokens, Unauthenticated
from services.chassis.http import Problem, lang
from services.referrals.paging import Place
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.acting import Acting
from services.referrals.service.auditing import Auditing
from services.referrals.service.casebook import Casebook
from services.referrals.service.directory import Directory
from services.referrals.service.duplicates import Searching
from services.referrals.service.identity import Identities, Identity
from services.referrals.service.news import News
from services.referrals.service.openid import OpenIdProvider
from services.referrals.service.openings import IdentityOpenings
from services.referrals.service.papers import Papers
from services.referrals.service.passwords import Passwords
from services.referrals.service.people import People
from services.referrals.service.reading import Reading
from services.referrals.service.registry import Registry
from services.referrals.service.rights import AnsweringRights
from services.referrals.service.second_factors import SecondFactors
from services.referrals.service.texts import Texts
from services.referrals.service.transfer_records import TransferRecords
from services.referrals.service.vouching import Vouching
from services.referrals.service.watching import Watching


@dataclass(frozen=True)
class Services:
    """The use cases of this process."""

    identities: Identities
    casebook: Casebook
    acting: Acting
    registry: Registry
    directory: Directory
    texts: Texts
    tokens: ServiceTokens
    watching: Watching
    people: People
    reading: Reading
    searching: Searching
    news: News
    papers: Papers
    records: TransferRecords
    openings: IdentityOpenings
    rights: AnsweringRights
    factors: SecondFactors
    passwords: Passwords
    vouching: Vouching
    auditing: Auditing
    openid: OpenIdProvider | None


# Dependencies are coroutines even where they wait for nothing: FastAPI runs plain functions in a thread each.
async def services(request: Request) -> Services:
    """Those of the running application."""
    return cast(Services, request.app.state.services)


_officer = HTTPBearer(auto_error=False, scheme_name="officer", description="The access token of POST /v1/sessions")
_service = HTTPBearer(auto_error=False, scheme_name="service", description="A token that another service signed")

Uses = Annotated[Services, Depends(services)]
Token = Annotated[HTTPAuthorizationCredentials | None, Depends(_officer)]
ServiceToken = Annotated[HTTPAuthorizationCredentials | None, Depends(_service)]


async def entering(uses: Uses, token: Token) -> Identity:
    """The officer who calls, if only to set an own password or a second factor; raises Unauthenticated."""
    if token is None:
        raise Unauthenticated("send an `Authorization: Bearer …` header")
    return await uses.identities.of_token(token.credentials)


async def enrolling(uses: Uses, token: Token) -> Identity:
    """As `entering`; raises Refused while the password is one that somebody else set."""
    who = await entering(uses, token)
    if who.must_set_password:
        raise Refused("PASSWORD_FIRST")
    return who


async def caller(uses: Uses, token: Token) -> Identity:
    """As `enrolling`; raises Refused while a second factor must be set up first, or nobody vouches for the account."""
    who = await enrolling(uses, token)
    if who.must_enrol:
        raise Refused("SECOND_FACTOR_FIRST")
    if who.must_be_vouched:
        raise Refused("NOT_VOUCHED")
    return who


Entering = Annotated[Identity, Depends(entering)]
Enrolling = Annotated[Identity, Depends(enrolling)]
Caller = Annotated[Identity, Depends(caller)]


def problem(code: str, *, reason: str | None = None, **ext: Any) -> Problem:
    """The problem for a code of refusals.TEXTS."""
    text = TEXTS[code]
    headers = {"WWW-Authenticate": "Bearer"} if text.status == 401 else None
    return Problem(text.status, code, text.zh, text.en, headers=headers, reason=reason or code, **ext)


def add_refusal_handler(app: FastAPI) -> None:
    """Answer refusals of the use cases with their problems."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return problem(error.code, reason=error.reason, **error.extra).response(lang(request))

    app.add_exception_handler(Refused, refused)


async def command_id(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key", description="A UUID; the same one when the request is repeated", max_length=128
        ),
    ] = None,
) -> UUID:
    """The id of the command; raises a 400 problem when there is none."""
    try:
        return UUID(idempotency_key or "")
    except ValueError as error:
        raise problem("IDEMPOTENCY_KEY_MISSING") from error


CommandId = Annotated[UUID, Depends(command_id)]


def encode_cursor(place: Place | None) -> str | None:
    """Where a page ends, for the caller to hand back."""
    if place is None:
        return None
    parts = (str(place.rank), place.due_key.isoformat(), str(place.case_id), place.kind.value, place.unit_id)
    return base64.urlsafe_b64encode("|".join(parts).encode()).decode()


def decode_cursor(cursor: str | None) -> Place | None:
    """Raises Refused BAD_CURSOR."""
    if cursor is None:
        return None
    try:
        rank, due, case_id, kind, unit_id = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().split("|")
        place = Place(_RANKS.index(rank), datetime.fromisoformat(due), UUID(case_id), TaskKind(kind), unit_id)
    except ValueError as error:
        raise Refused("BAD_CURSOR") from error
    if place.due_key.tzinfo is None or re.fullmatch(CODE_PATTERN, unit_id) is None:
        raise Refused("BAD_CURSOR")
    return place


_RANKS = ("0", "1")
