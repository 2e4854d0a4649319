"""Who meets the service in these tests: reporters, a signing platform, and referrals with its events and texts."""

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from contracts.cases import CaseTransitioned, Deadline, DocumentRef, Outcome, UnitRef
from contracts.lifecycle import TOLD_TO_REPORTER, Act, Channel, Purpose, Stage, Track
from services.complaints.signatures import sign

FORM: dict[str, Any] = {
    "category": "0802",
    "region": "330106",
    "narrative": "窗口态度恶劣",
    "respondents": ["某医院挂号窗口"],
}


def new_key() -> str:
    return uuid4().hex


def files_under(folder: Path, pattern: str = "*") -> list[Path]:
    return [path for path in folder.rglob(pattern) if path.is_file()]


class Reporter:
    """Somebody at the web form."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def submit(
        self, key: str | None = None, path: str = "/v1/complaints", lang: str = "zh", **changes: Any
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key or new_key(), "Accept-Language": lang}
        return await self.http.post(path, json={**FORM, **changes}, headers=headers)

    async def submitted(self, **changes: Any) -> dict[str, str]:
        """Number and code of a new complaint."""
        answer = await self.submit(**changes)
        assert answer.status_code == 201, answer.text
        return {name: answer.json()[name] for name in ("case_number", "query_code")}

    async def track(self, receipt: dict[str, str], lang: str = "zh") -> httpx.Response:
        return await self.http.post("/v1/tracking", json=receipt, headers={"Accept-Language": lang})

    async def tracked(self, receipt: dict[str, str], lang: str = "zh") -> dict[str, Any]:
        answer = await self.track(receipt, lang)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def supplement(self, receipt: dict[str, str], text: str, key: str | None = None) -> httpx.Response:
        return await self._add("supplements", receipt, key, text=text)

    async def rate(
        self, receipt: dict[str, str], satisfaction: int, key: str | None = None, **fields: Any
    ) -> httpx.Response:
        return await self._add("ratings", receipt, key, satisfaction=satisfaction, **fields)

    async def upload(
        self, receipt: dict[str, str], data: bytes, name: str = "账.txt", key: str | None = None
    ) -> httpx.Response:
        return await self.http.post(
            "/v1/tracking/evidence",
            data=receipt,
            files={"file": (name, data)},
            headers={"Idempotency-Key": key or new_key()},
        )

    async def _add(self, what: str, receipt: dict[str, str], key: str | None, **fields: Any) -> httpx.Response:
        return await self.http.post(
            f"/v1/tracking/{what}", json={**receipt, **fields}, headers={"Idempotency-Key": key or new_key()}
        )


@dataclass
class Platform:
    """A 12345 platform with its key and secret."""

    http: httpx.AsyncClient
    client_id: str
    secret: str

    async def push(
        self, order: dict[str, Any], *, key: str | None = None, path: str = "/v1/platform/orders", **signing: Any
    ) -> httpx.Response:
        body = json.dumps(order, ensure_ascii=False).encode()
        headers = {"Idempotency-Key": key or new_key(), "Content-Type": "application/json"}
        return await self.http.post(path, content=body, headers=headers | self.signature(body, path, **signing))

    def signature(self, body: bytes, path: str, nonce: str | None = None, skew: int = 0) -> dict[str, str]:
        nonce, at = nonce or new_key(), int(time.time()) + skew
        return {
            "X-Api-Key": self.client_id,
            "X-Timestamp": str(at),
            "X-Nonce": nonce,
            "X-Signature": sign(self.secret, "POST", path, at, nonce, body),
        }


def order(number: str | None = None, **changes: Any) -> dict[str, Any]:
    """A work order as platforms send it, with fields that are nothing to us."""
    return {
        "workordercode": number or f"GD-{uuid4().hex[:12]}",
        "workordercontent": "多收了三天床位费",
        "area": "330106",
        "category": "0704",
        "dispatchtime": "2026-09-25 10:00:00",
        **changes,
    }


class Referrals:
    """The service that publishes answers. ``away`` makes it unreachable, ``texts`` are its documents."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.away = False
        self.asked: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._answer)

    def publish(self, text: str) -> DocumentRef:
        document_id = uuid4()
        self.texts[str(document_id)] = text
        return DocumentRef(document_id=document_id, sha256=hashlib.sha256(text.encode()).hexdigest())

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.away:
            raise httpx.ConnectError("refused")
        text = self.texts.get(request.url.path.rpartition("/")[2])
        return httpx.Response(404) if text is None else httpx.Response(200, json={"text": text})


DESK = UnitRef(unit_id="desk-1", name="云川市受理台", region="330100")
HOLDER = UnitRef(unit_id="yb-1", name="云川市医疗保障局", region="330100")
STARTED = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
DUE = datetime(2026, 9, 25, 16, 0, tzinfo=UTC)
NEXT_STAGE = {
    Act.REGISTER: Stage.TRIAGE,
    Act.CLAIM: Stage.TRIAGE,
    Act.ACCEPT: Stage.PENDING_DISPATCH,
    Act.DISPATCH: Stage.DISPATCHED,
    Act.SIGN: Stage.SIGNED,
    Act.BEGIN: Stage.HANDLING,
    Act.REPLY: Stage.FEEDBACK,
    Act.REVIEW_PASS: Stage.PENDING_VISIT,
    Act.RATE: Stage.CLOSED,
    Act.REQUEST_SUPPLEMENT: Stage.SUPPLEMENT,
    Act.REJECT: Stage.REJECTED,
    Act.DUE_SOON: Stage.HANDLING,
    Act.OVERDUE: Stage.HANDLING,
    Act.RECOUNT: Stage.HANDLING,
}
TO_THE_ANSWER = (
    Act.REGISTER,
    Act.CLAIM,
    Act.ACCEPT,
    Act.DISPATCH,
    Act.SIGN,
    Act.BEGIN,
    Act.DUE_SOON,
    Act.REPLY,
    Act.REVIEW_PASS,
)


def deadline(purpose: Purpose, due_at: datetime = DUE) -> Deadline:
    return Deadline(
        purpose=purpose,
        clock_id="XF-DONE",
        article="34",
        started_at=STARTED,
        due_at=due_at,
        due_soon_at=due_at - timedelta(days=5),
        provisional=False,
        calendar_version="test",
    )


def step(case_id: UUID, complaint_id: UUID, sequence: int, act: Act, **fields: Any) -> CaseTransitioned:
    """One step of a case as referrals tells of it."""
    return CaseTransitioned(
        case_id=case_id,
        case_number="HY260901-TEST",
        complaint_ids=(complaint_id,),
        sequence=sequence,
        act=act,
        from_stage=Stage.SUBMITTED,
        at=STARTED + timedelta(hours=sequence),
        track=Track.GENERAL,
        channel=Channel.WEB,
        category="0802",
        region="330106",
        told=act in TOLD_TO_REPORTER,
        desk=DESK,
        history_hash="0" * 64,
        **{
            "to_stage": fields.get("to_stage") or NEXT_STAGE[act],
            "holder": HOLDER if sequence > 3 else None,
            "deadline": deadline(Purpose.HANDLE) if act is Act.DISPATCH else None,
            **fields,
        },
    )


def answered(case_id: UUID, complaint_id: UUID, document: DocumentRef | None = None) -> list[CaseTransitioned]:
    """A case from its registration to its reviewed answer."""
    steps = []
    for sequence, act in enumerate(TO_THE_ANSWER, 1):
        fields: dict[str, Any] = {}
        if act is Act.REVIEW_PASS:
            fields = {"public_document": document, "outcome": Outcome.SUBSTANTIATED}
        steps.append(step(case_id, complaint_id, sequence, act, **fields))
    return steps
