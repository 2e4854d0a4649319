"""Intake: a submission from any channel becomes one complaint with its case number and query code."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils import uuid7

from contracts.complaints import ComplaintSubmitted, ContactWay
from contracts.envelope import Envelope
from contracts.lifecycle import Channel, Track
from contracts.reference import categories
from contracts.reference.divisions import divisions
from services.chassis import telemetry
from services.chassis.clock import read_clock
from services.complaints import domain, repository
from services.complaints.domain import Refusal
from services.complaints.likeness import Likeness
from services.complaints.repository import Claim, Draft
from services.complaints.repository import NumberTaken as NumberTaken
from services.complaints.schemas import OperatorSubmission, Receipt, Reporter, Submission
from services.complaints.sealing import Sealer

_KEEP_SAFE = {
    "zh": "已收到。请抄下并妥善保管案件编号和查询码:查询、补充和评价都要用到,查询码只显示这一次。",
    "en": "Received. Write down the case number and the query code and keep them safe: you need both to look, to add "
    "and to rate, and the code is shown this once only.",
}
_ADDRESS = {ContactWay.EMAIL: "email", ContactWay.SMS: "phone", ContactWay.WECHAT: "openid"}


@dataclass(frozen=True)
class Protected:
    """The complaint whose reporter cries for protection, and its cases. The new one is urgent and linked to them."""

    complaint_id: UUID
    case_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class Origin:
    """Where a submission came from: its channel, the sender's Idempotency-Key, and the client when one signed it."""

    channel: Channel
    key: str
    client_id: str | None = None
    protects: Protected | None = None

    @property
    def scope(self) -> str:
        """Keys of different senders never meet."""
        if self.protects is not None:
            return f"protects:{self.protects.complaint_id}"
        return f"client:{self.client_id}" if self.client_id else f"channel:{self.channel}"


def new_id() -> UUID:
    """A time-ordered id: new rows go to the end of their index."""
    return UUID(int=uuid7().int)


class Intake:
    """The use case of submitting. Holds keys only; every call runs in its caller's transaction."""

    def __init__(self, sealer: Sealer, likeness: Likeness) -> None:
        self._sealer = sealer
        self._likeness = likeness
        self._categories = categories()
        self._divisions = divisions()

    async def submit(self, session: AsyncSession, submission: Submission, origin: Origin, lang: str) -> Receipt:
        """Accept a submission, or give the receipt of the same request again.

        Raises Refusal for what does not fit, for a key that came with other content before, and for an external order
        that is known with other content.
        """
        track = self._check(submission)
        clock = await read_clock(session)
        at = clock.to_business(datetime.now(UTC)).replace(microsecond=0)
        draft, code = self._draft(submission, track, origin, at, lang)
        if await repository.accept(session, draft):
            return _receipt(draft.case_number, code, at, lang)
        return await self._again(session, draft, origin, lang)

    def _check(self, submission: Submission) -> Track:
        category = self._categories.get(submission.category)
        if category is None:
            raise domain.unknown_category()
        domain.check_region(submission.region, self._divisions)
        if submission.ways:
            check_ways(submission.ways, submission.reporter)
        return domain.choose_track(category.track, submission.track)

    async def _again(self, session: AsyncSession, draft: Draft, origin: Origin, lang: str) -> Receipt:
        by_key = await repository.claimed(session, draft.key)
        if by_key is not None and by_key[0] != draft.key.request_hash:
            raise key_reused()
        by_order = await repository.claimed(session, draft.order) if draft.order else None
        if by_order is not None and by_order[0] != draft.key.request_hash:
            raise _order_differs()
        known = by_order or by_key
        if known is None:
            raise LookupError("a claim was refused, and nobody holds it")
        if by_key is None:
            await repository.claim(session, draft.key, known[1])
        number, at = await repository.numbered(session, known[1])
        return _receipt(number, self._code(known[1], origin, draft.external_order), at, lang)

    def _code(self, complaint_id: UUID, origin: Origin, order: str | None) -> str:
        # A platform that pushes an order again under another key must get the same code: the order is the seed then.
        seed = f"order:{origin.client_id}:{order}" if order else f"key:{origin.key}"
        return self._sealer.query_code(complaint_id, seed)

    def _draft(
        self, submission: Submission, track: Track, origin: Origin, at: datetime, lang: str
    ) -> tuple[Draft, str]:
        sealer = self._sealer
        complaint_id, case_id = new_id(), new_id()
        order = submission.external_order if isinstance(submission, OperatorSubmission) else None
        code = self._code(complaint_id, origin, order)
        wrapped, cipher = sealer.new_key(complaint_id)
        reporter = submission.reporter
        ways = ways_of(submission.ways, reporter)
        language = submission.language or lang
        identity = reporter.model_dump(exclude_none=True) if reporter else {}
        token = new_id() if identity else None
        content = "\x1f".join((submission.narrative, submission.wants or "", *submission.respondents))
        event = ComplaintSubmitted(
            complaint_id=complaint_id,
            case_ids=(case_id,),
            at=at,
            case_number=domain.new_case_number(at),
            channel=origin.channel,
            track=track,
            category=submission.category,
            region=submission.region,
            named=bool(reporter and reporter.name),
            ways=ways,
            contact_token=token,
            language=language,
            external_order=order,
            respondent_count=len(submission.respondents),
            content_hash=sealer.digest("content", content).hex(),
            urgent=origin.protects is not None,
            linked_case_ids=origin.protects.case_ids if origin.protects else (),
        )
        request_hash = sealer.digest("request", submission.model_dump_json(exclude_defaults=True))
        draft = Draft(
            complaint_id=complaint_id,
            case_id=case_id,
            case_number=event.case_number,
            query_code_hash=sealer.code_hash(code),
            channel=origin.channel.value,
            track=track.value,
            category=submission.category,
            region=submission.region,
            named=event.named,
            language=language,
            case_key_wrapped=wrapped,
            narrative_sealed=cipher.seal(submission.narrative, "narrative"),
            wants_sealed=cipher.seal(submission.wants, "wants") if submission.wants else None,
            respondents_sealed=cipher.seal_list(submission.respondents, "respondents"),
            content_hash=event.content_hash,
            client_id=origin.client_id,
            external_order=order,
            submitted_at=at,
            contact_token=token,
            identity_sealed=sealer.seal_identity(token, complaint_id, {**identity, "ways": ways, "language": language})
            if token
            else None,
            key=Claim(origin.scope, sealer.digest("key", origin.scope, origin.key), request_hash),
            order=Claim(f"order:{origin.client_id}", sealer.digest("order", origin.scope, order), request_hash)
            if order
            else None,
            marks=self._likeness.of(submission.narrative, reporter),
            event=event,
            envelope=Envelope(
                id=new_id(),
                source=f"/{telemetry.service_name()}",
                type=event.TYPE,
                subject=event.case_number,
                time=datetime.fromtimestamp(time.time(), UTC),
                traceparent=telemetry.traceparent(),
            ),
        )
        return draft, code


def ways_of(chosen: tuple[ContactWay, ...] | None, reporter: Reporter | None) -> tuple[ContactWay, ...]:
    """The ways to tell a reporter: those chosen, else all for which there is an address."""
    if chosen is not None:
        return chosen
    return tuple(way for way, field in _ADDRESS.items() if reporter and getattr(reporter, field))


def check_ways(ways: tuple[ContactWay, ...], reporter: Reporter | None) -> None:
    """Raises Refusal when a way has no address."""
    for way in ways:
        field = _ADDRESS[way]
        if reporter is None or not getattr(reporter, field):
            raise Refusal(
                422,
                "ADDRESS_MISSING",
                f"选择了 {way} 通知方式,但没有填写 reporter.{field}:请填写,或从 ways 中去掉。",
                f"The way {way} needs reporter.{field}: fill it in, or take the way out of ways.",
                "ways",
            )


def _receipt(number: str, code: str, at: datetime, lang: str) -> Receipt:
    return Receipt(case_number=number, query_code=code, submitted_at=at, message=_KEEP_SAFE[lang])


def key_reused() -> Refusal:
    return Refusal(
        422,
        "IDEMPOTENCY_KEY_REUSED",
        "这个 Idempotency-Key 已用于另一份内容:新的投诉请换一个新的键;重发旧的请保持内容不变。",
        "This Idempotency-Key came with other content before: use a new key for a new complaint, or repeat the request "
        "unchanged.",
    )


def _order_differs() -> Refusal:
    return Refusal(
        409,
        "ORDER_CONTENT_DIFFERS",
        "这个工单编号已登记,且内容不同:补充内容请用案件编号和查询码提交,新的诉求请用新的工单编号。",
        "This order number is registered with other content: add to it with its case number and query code, or use a "
        "new order number.",
    )
