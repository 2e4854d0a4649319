"""A police that is not on the system, the service that knows what was written, and papers as one reads them."""

import io
import json
from typing import Any
from uuid import UUID

import httpx
import jwt
from pypdf import PdfReader

from contracts.lifecycle import Track
from contracts.reference import papers
from services.referrals.domain import Level, UnitKind
from services.referrals.service.registry import NewUnit
from tests.integration.referrals.office import Office

POLICE = NewUnit("ga", "济南市公安局", Level.CITY, UnitKind.DEPARTMENT, "370100", "GA", on_system=False)
NOTE = "移送书、调查报告、物品清单一并移送。"
PHONE, CARD, MAIL = "13812345670", "110101199003077758", "canary@example.org"
NARRATIVE = f"诊所没有执业许可证，天天看病收钱。我电话{PHONE}，身份证{CARD}，邮箱{MAIL}。"
WANTS, ACCUSED, ADDED = "依法取缔", "某诊所负责人", "昨天又开门了。"
FILE = {"name": "王某的录音.mp3", "media_type": "audio/mpeg", "size": 1234, "sha256": "ab" * 32}
_AT = "2026-03-02T02:00:00Z"


class Complaints:
    """The service that keeps what reporters wrote: gives what a grant names, and nothing twice."""

    def __init__(self) -> None:
        self.grants: list[dict[str, Any]] = []
        self.away = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        token = request.headers["authorization"].removeprefix("Bearer ")
        grant = jwt.decode(token, options={"verify_signature": False})
        self.grants.append(grant)
        every = {
            "narrative": NARRATIVE,
            "wants": WANTS,
            "respondents": [ACCUSED],
            "supplements": [{"at": _AT, "text": ADDED}],
            "evidence": [{"evidence_id": str(UUID(int=7)), "at": _AT, **FILE}],
        }
        named = {name: value for name, value in every.items() if name in grant["fields"]}
        complaint = {"case_number": "HY1", "submitted_at": _AT, **named}
        return httpx.Response(200, text=json.dumps({"complaints": [complaint]}))


def read(pdf: bytes) -> str:
    """The text of a PDF without its line breaks and spaces, as a person reads it."""
    return "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


async def referred(office: Office, track: Track = Track.GENERAL, to: str = "ga", note: str = NOTE) -> UUID:
    """A case that wj referred to a unit, with its leader's yes."""
    desk, category = ("desk", "0608") if track is Track.GENERAL else ("rdesk", "0101")
    case_id = await office.new_case(track, category=category)
    await office.act(f"clerk.{desk}", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act(f"clerk.{desk}", case_id, "ACCEPT")
    await office.act(f"dispatcher.{desk}", case_id, "DISPATCH", unit_id="wj")
    await office.act("handler.wj", case_id, "SIGN")
    ground = "DUTY_VIOLATION" if to == "jj" else "SUSPECTED_CRIME"
    await office.act("handler.wj", case_id, "PROPOSE_REFERRAL", unit_id=to, ground=ground, note="拟移送。")
    sent: dict[str, Any] = {}
    if to != "jj":
        await office.act(f"dispatcher.{desk}", case_id, "VERIFY_REFERRAL")
        sent = {"papers": [paper.code for paper in papers().values() if paper.required]}
    await office.act("leader.wj", case_id, "APPROVE_REFERRAL")
    await office.act("handler.wj", case_id, "REFER", unit_id=to, ground=ground, note=note, **sent)
    return case_id
