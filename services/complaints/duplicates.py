"""Which cases look like another one: matching case ids leave this service, and nothing that they match by.

The same reporter is told by two marks in common: a name with its number, or two ways to reach one. Who files a
complaint in a colleague's name to find that one's others has to know as much. Of an INTEGRITY report nothing is told of
its reporter.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.auth import ServiceTokens, Unauthenticated
from services.complaints import repository_cases, repository_likeness
from services.complaints.likeness import SIMILAR, similarity
from services.complaints.schemas import AlikeCase

PURPOSE = "likeness"
ISSUER = "referrals"
_SAME = 2
"""So many marks in common are the same reporter: one is a household's telephone, or a guess."""
_RESOURCE = "likeness"
"""As the record of readings names it."""


@dataclass(frozen=True)
class Question:
    """A verified one: which case is meant, on whose behalf."""

    jti: str
    case_id: UUID
    officer: str


def verify(tokens: ServiceTokens, token: str) -> Question:
    """The question in a token. Raises Unauthenticated: not from referrals, not for us, expired, or malformed."""
    claims = tokens.verify(token, issuer=ISSUER, purpose=PURPOSE)
    try:
        case_id = UUID(str(claims.extra.get("case_id")))
    except ValueError as error:
        raise Unauthenticated("the token names no case") from error
    if not claims.subject:
        raise Unauthenticated("the token names no officer")
    return Question(claims.jti, case_id, claims.subject)


async def find(session: AsyncSession, question: Question) -> list[AlikeCase]:
    """Cases of the same reporters or with similar texts, the newest complaints first; the question is on record."""
    await repository_cases.log_reading(
        session, question.jti, _RESOURCE, question.case_id, question.officer, PURPOSE, [_RESOURCE]
    )
    own = await repository_likeness.marks_of(session, question.case_id)
    wanted = {mark for marks in own.values() for mark in marks.all}
    if not wanted:
        return []
    found: dict[UUID, AlikeCase] = {}
    for case_id, other in await repository_likeness.sharing(session, list(wanted), list(own)):
        same_reporter = any(len({*marks.reporter} & {*other.reporter}) >= _SAME for marks in own.values())
        similar = any(_similar(marks.sketch, other.sketch) for marks in own.values())
        before = found.get(case_id)
        if before is not None:
            same_reporter, similar = same_reporter or before.same_reporter, similar or before.similar_text
        if case_id != question.case_id and (same_reporter or similar):
            found[case_id] = AlikeCase(case_id=case_id, same_reporter=same_reporter, similar_text=similar)
    return list(found.values())


def _similar(one: bytes | None, other: bytes | None) -> bool:
    return one is not None and other is not None and similarity(one, other) >= SIMILAR
