"""What a reporter does with case number and query code: look, add a text or a file, rate the answer."""

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.cases import Outcome
from contracts.complaints import ComplaintEvent, ComplaintRated, ComplaintSupplemented
from contracts.lifecycle import ENDED, Act, Purpose, Stage
from services.chassis import audit
from services.chassis.clock import read_clock
from services.chassis.outbox import emit
from services.complaints import domain, repository, repository_evidence, repository_reissues, wording
from services.complaints.documents import Documents
from services.complaints.domain import EvidenceState, Refusal
from services.complaints.repository import Answer, Claim, OwnComplaint, TimelineRow
from services.complaints.schemas import Credentials, Due, Entry, May, Note, Part, Reply, Tracking
from services.complaints.sealing import Sealer
from services.complaints.service import key_reused

NOT_FOUND = "TRACKING_NOT_FOUND"
_NO_NUMBER = "-"


@dataclass(frozen=True)
class View:
    """A complaint opened by its reporter: its rows (one per case), the steps to tell, the newest answer of each case,
    and the answers rated already."""

    rows: Sequence[OwnComplaint]
    steps: Sequence[TimelineRow]
    answers: Sequence[Answer]
    rated: Set[tuple[UUID, int]]

    @property
    def reissued(self) -> bool:
        """Whether a new code opened it, which takes the old one's place as soon as it is not only read with."""
        return self.rows[0].reissued

    @property
    def stages(self) -> list[Stage]:
        return [Stage(row.stage) for row in self.rows]

    @property
    def parts(self) -> list[OwnComplaint]:
        """The cases: what still moves first, a joined one last (the other case moves for it), then what moved last."""
        moved = {step.case_id: place for place, step in enumerate(self.steps)}

        def rank(row: OwnComplaint) -> tuple[bool, bool, int]:
            return (row.stage == Stage.MERGED, row.stage in ENDED, -moved.get(row.case_id, -1))

        return sorted(self.rows, key=rank)

    def answer_of(self, case_id: UUID) -> Answer | None:
        """The newest reviewed answer of one case: to a complaint that was joined to it later as well."""
        return next((answer for answer in self.answers if answer.case_id == case_id), None)

    def asked(self) -> list[Answer]:
        """The answers that a rating is asked for now, newest first, rated ones among them.

        Not from who was joined after the answer: whom it was written for would find the case closed by a stranger.
        """
        waiting = {row.case_id for row in self.rows if domain.may_rate(Stage(row.stage))}
        found = (answer for answer in self.answers if answer.case_id in waiting and not answer.late)
        return sorted(found, key=_newest_first)

    def missed(self, case_id: UUID) -> bool:
        """Whether the answer of a case can't be rated by this reporter, who has not."""
        answer = self.answer_of(case_id)
        if answer is None or (answer.case_id, answer.sequence) in self.rated:
            return False
        return answer.late or any(row.case_id == case_id and Stage(row.stage) in ENDED for row in self.rows)

    def unrated(self) -> list[Answer]:
        """The answers that still wait for a rating, newest first."""
        return [answer for answer in self.asked() if (answer.case_id, answer.sequence) not in self.rated]


def _newest_first(answer: Answer) -> tuple[float, int]:
    return -answer.at.timestamp(), -answer.sequence


async def _first_use(session: AsyncSession, rows: Sequence[OwnComplaint]) -> None:
    for row in rows:
        entry = audit.Entry(
            chain=audit.of_case(row.case_id), actor=audit.service("complaints"), action="CODE_REPLACED",
            details={"complaint": str(row.complaint_id)},
        )  # fmt: skip
        await audit.record(session, entry)


def part_name(complaint_id: UUID, case_id: UUID) -> UUID:
    """What a reporter may call a case: nothing that the reporter of a joined complaint would recognise."""
    return uuid5(complaint_id, str(case_id))


@dataclass(frozen=True)
class Added:
    """What was added, now or by the same request before."""

    id: UUID
    at: datetime


class Reporters:
    """The reporter's use cases. Each call runs in its caller's transaction, on a public principal's behalf."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    async def open(self, session: AsyncSession, credentials: Credentials) -> View:
        """The complaint of a number and a code.

        Raises one Refusal whatever is wrong, after the same statements: a wrong number can't be told from a wrong code.
        """
        number = domain.normalise_case_number(credentials.case_number) or _NO_NUMBER
        rows = await repository.open_own(session, number, self._sealer.code_hash(credentials.query_code))
        own = rows[0].complaint_id if rows else None
        steps = await repository.timeline(session, own, [row.case_id for row in rows])
        answers = await repository.answers(session, own, [row.case_id for row in rows])
        rated = await repository.rated(session, own)
        if not rows:
            raise Refusal(
                404,
                NOT_FOUND,
                "没有找到:案件编号或查询码不正确,请核对后重新输入。",
                "Not found: the case number or the query code is not right. Check both and try again.",
            )
        if rows[0].reissued and await repository_reissues.use_code(session):
            await _first_use(session, rows)
        return View(rows, steps, answers, rated)

    async def add_text(self, session: AsyncSession, credentials: Credentials, text: str, key: str) -> Added:
        """Add a text to the complaint. Raises Refusal when all of its cases have ended."""
        view = await self.open(session, credentials)
        own = view.rows[0]
        supplement_id = self._sealer.derived_id("supplement", str(own.complaint_id), key)
        claim = self.claim("supplement", own.complaint_id, key, text.encode())
        if not await repository.claim(session, claim, supplement_id):
            return await self.again(session, claim, "supplements")
        check_open(view)
        at = await now(session)
        sealed = self._sealer.cipher(own.case_key_wrapped, own.complaint_id).seal(text, f"supplement/{supplement_id}")
        await repository.in_turn(session, own.complaint_id)
        await repository.add_supplement(session, supplement_id, own.complaint_id, sealed, at)
        content_hash = self._sealer.digest("content", text).hex()
        await tell(session, view, supplemented(view, at, supplement_id, content_hash, files=0))
        return Added(supplement_id, at)

    async def rate(
        self, session: AsyncSession, credentials: Credentials, satisfaction: int, key: str, part: UUID | None = None
    ) -> Added:
        """Rate the answer of a part, or the newest that waits for it; the case that gave it is told, and no other.

        Raises Refusal when no rating is asked now, the answer is from before the joining, or it has a rating.
        """
        view = await self.open(session, credentials)
        own = view.rows[0]
        rating_id = self._sealer.derived_id("rating", str(own.complaint_id), key)
        claim = self.claim("rating", own.complaint_id, key, f"{satisfaction} {part or ''}".strip().encode())
        if not await repository.claim(session, claim, rating_id):
            return await self.again(session, claim, "ratings")

        def meant(answers: Sequence[Answer]) -> list[Answer]:
            return [found for found in answers if part in (None, part_name(own.complaint_id, found.case_id))]

        wanted = meant(view.asked())
        if not wanted and any(answer.late for answer in meant(view.answers)):
            raise Refusal(
                409,
                "RATING_CLOSED",
                "这份答复作出时,您的来件尚未并入本案,由当时的反映人评价,您不能评价。",
                "This answer was given before your submission was joined to the case: those who were in the case then "
                "rate it, you can't.",
            )
        if not wanted:
            raise Refusal(
                409,
                "RATING_NOT_ASKED",
                "现在还不能评价:答复审核通过后才可评价,请先查看办理进展。",
                "There is nothing to rate now: an answer can be rated once it has passed its review. Look at the "
                "progress first.",
            )
        answer = next((found for found in view.unrated() if found in wanted), wanted[0])
        at = await now(session)
        await repository.in_turn(session, own.complaint_id)
        rated = (answer.case_id, answer.sequence)
        if not await repository.add_rating(session, rating_id, own.complaint_id, rated, satisfaction, at):
            raise Refusal(
                409,
                "ALREADY_RATED",
                "这次答复已经评价过,不能再次评价。",
                "This answer has been rated; it can't be rated again.",
            )
        event = ComplaintRated(
            complaint_id=own.complaint_id,
            case_ids=(answer.case_id,),
            at=at,
            rating_id=rating_id,
            satisfaction=satisfaction,
        )
        await tell(session, view, event)
        return Added(rating_id, at)

    async def additions(self, session: AsyncSession, view: View) -> list[datetime]:
        """When the reporter's texts came in, oldest first; what they hold is shown to nobody here."""
        return await repository.texts_added(session, view.rows[0].complaint_id)

    async def files(self, session: AsyncSession, view: View) -> list[tuple[datetime, EvidenceState]]:
        """When the reporter's files came in, and what is known of each, oldest first; no name is told."""
        return await repository_evidence.files_added(session, view.rows[0].complaint_id)

    def claim(self, kind: str, complaint_id: UUID, key: str, content: bytes) -> Claim:
        """What a request with this key and content lays claim to."""
        scope = f"{kind}:{complaint_id}"
        return Claim(scope, self._sealer.digest("key", scope, key), self._sealer.digest("request", scope, content))

    async def again(self, session: AsyncSession, claim: Claim, table: str) -> Added:
        """What the same request added before. Raises Refusal when it was another one with the same key."""
        known = await repository.claimed(session, claim)
        if known is None:
            raise LookupError("a claim was refused, and nobody holds it")
        if known[0] != claim.request_hash:
            raise key_reused()
        return Added(known[1], await repository.added_at(session, table, known[1]))


async def present(view: View, documents: Documents, lang: str) -> Tracking:
    """The reporter's page: what happened, the running deadline, the answer, and what may be done. No transaction."""
    own = view.rows[0]
    replies = [answer.step for answer in view.answers if answer.step is not None]
    shown = [*replies, *(step for step in view.steps if step.act in wording.WITH_NOTE)]
    texts = await _texts(shown, documents)
    entries = [
        Entry(
            at=step.at,
            act=Act(step.act),
            text=wording.entry_text(_step(step), lang),
            note=_note(step, texts) if step.act in wording.WITH_NOTE and step.document_id else None,
        )
        for step in view.steps
    ]
    unrated = view.unrated()
    parts = [
        _part(row, texts, lang, answer=answer, may_rate=answer in unrated, missed=view.missed(row.case_id))
        for row in view.parts
        for answer in [view.answer_of(row.case_id)]
    ]
    return Tracking(
        case_number=own.case_number,
        stage=parts[0].stage,
        stage_name=parts[0].stage_name,
        submitted_at=own.submitted_at,
        entries=entries,
        deadline=parts[0].deadline,
        reply=parts[0].reply,
        parts=parts,
        may=May(supplement=domain.may_supplement(view.stages), rate=bool(unrated)),
    )


_Texts = dict[tuple[UUID, int], str | None]


def _part(row: OwnComplaint, texts: _Texts, lang: str, *, answer: Answer | None, may_rate: bool, missed: bool) -> Part:
    stage = Stage(row.stage)
    step = answer.step if answer is not None else None
    late = answer is not None and answer.late
    return Part(
        part=part_name(row.complaint_id, row.case_id),
        stage=stage,
        stage_name=wording.stage_name(stage, lang),
        deadline=_due(row, lang),
        reply=_reply(step, texts, lang) if step is not None else None,
        may_rate=may_rate,
        rating_closed=missed,
        answered_before_joining=answer.at if answer is not None and late else None,
        notice=wording.joined_late(lang, shown=step is not None) if late else None,
    )


async def _texts(steps: Sequence[TimelineRow], documents: Documents) -> _Texts:
    with_document = {
        (step.case_id, step.sequence): documents.fetch(step.document_id, step.document_sha256)
        for step in steps
        if step.document_id and step.document_sha256
    }
    return dict(zip(with_document, await asyncio.gather(*with_document.values()), strict=True))


def _note(step: TimelineRow, texts: _Texts) -> Note:
    text = texts.get((step.case_id, step.sequence))
    return Note(available=text is not None, text=text)


def _reply(answer: TimelineRow, texts: _Texts, lang: str) -> Reply:
    text = texts.get((answer.case_id, answer.sequence))
    outcome = Outcome(answer.outcome) if answer.outcome else None
    return Reply(
        available=text is not None,
        text=text,
        at=answer.at,
        outcome=outcome,
        outcome_name=wording.outcome_name(outcome, lang) if outcome else None,
    )


def _due(own: OwnComplaint, lang: str) -> Due | None:
    if own.due_at is None or own.purpose is None:
        return None
    purpose = Purpose(own.purpose)
    return Due(
        purpose=purpose,
        name=wording.deadline_name(purpose, lang),
        due_at=own.due_at,
        text=wording.by_when(own.due_at, lang, provisional=own.provisional),
        provisional=own.provisional,
    )


def _step(row: TimelineRow) -> wording.Step:
    return wording.Step(
        act=Act(row.act),
        to_stage=Stage(row.to_stage),
        desk=row.desk,
        holder=row.holder,
        due_at=row.due_at,
        purpose=Purpose(row.purpose) if row.purpose else None,
        provisional=row.provisional,
        reason_code=row.reason_code,
        outcome=Outcome(row.outcome) if row.outcome else None,
    )


def check_open(view: View) -> None:
    """Raises Refusal when all cases of the complaint have ended."""
    if not domain.may_supplement(view.stages):
        raise Refusal(
            409,
            "CASE_ENDED",
            "案件已结束,不能再补充:如有新的情况,请另行提交。",
            "The case has ended and takes no additions: submit anew if there is something new.",
        )


async def now(session: AsyncSession) -> datetime:
    """Business time, to the second."""
    return (await read_clock(session)).to_business(datetime.now(UTC)).replace(microsecond=0)


def supplemented(view: View, at: datetime, added_id: UUID, digest: str, *, files: int) -> ComplaintSupplemented:
    """The event of an addition."""
    return ComplaintSupplemented(
        complaint_id=view.rows[0].complaint_id,
        case_ids=tuple(row.case_id for row in view.rows),
        at=at,
        supplement_id=added_id,
        content_hash=digest,
        files=files,
    )


async def tell(session: AsyncSession, view: View, event: ComplaintEvent) -> None:
    """Put the event of a complaint into the outbox."""
    await emit(session, event.TOPIC, event.key, event, subject=view.rows[0].case_number)
