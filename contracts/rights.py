"""A reporter's rights in personal information (个人信息保护法 arts. 44–48): what may be asked, and how it is answered.

A request comes to complaints; an officer of the case's desk answers it in referrals; what it does to an identity is the
vault's, on the officer's word alone.
"""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from contracts.model import Code, Contract, Instant

LIST, ANSWER, DECIDE, COPY = "rights.list", "rights.answer", "rights.decide", "rights.copy"
"""Purposes of the tokens: referrals to complaints (first two) and to the vault; complaints to the vault."""
DEADLINE = "deadlines"
"""Complaints asks referrals for a date."""
NOT_THEIRS = "NOT_THEIRS"
"""The vault's code for who is not the person whose identity it opened."""
CLOCK = "HY-PIPL"
"""The clock of an answer (contracts/reference/clocks.csv)."""


class Right(StrEnum):
    """What is asked, each with its article of 个人信息保护法."""

    ACCESS = "ACCESS"
    CORRECTION = "CORRECTION"
    DELETION = "DELETION"
    RESTRICTION = "RESTRICTION"
    EXPLANATION = "EXPLANATION"


ARTICLE: dict[Right, str] = {
    Right.ACCESS: "45",
    Right.CORRECTION: "46",
    Right.DELETION: "47",
    Right.RESTRICTION: "44",
    Right.EXPLANATION: "48",
}
OF_IDENTITY = frozenset({Right.ACCESS, Right.CORRECTION, Right.DELETION})
"""What a yes lets the vault do something with an identity for."""


class RightState(StrEnum):
    """Where a request stands; its answer is final, another request may follow."""

    WAITING = "WAITING"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"


class Ground(StrEnum):
    """On what a refusal rests; the words with the article are the services' own."""

    RETENTION = "RETENTION"
    """Its period by law or rule is not over: 个人信息保护法 art. 47 para. 2."""
    DUTY = "DUTY"
    """The duty by law could not be done without it: arts. 13(3), 35."""
    SECRECY = "SECRECY"
    """Law or rule keep it secret: arts. 18, 45 para. 1."""
    UNVERIFIED = "UNVERIFIED"
    """It could not be verified that the data are as is said: art. 46 para. 2."""


RIGHT_WORDS: dict[Right, tuple[str, str]] = {
    Right.ACCESS: ("查阅、复制我的个人信息", "access to my data"),
    Right.CORRECTION: ("更正、补充我的个人信息", "correction of my data"),
    Right.DELETION: ("删除我的个人信息", "deletion of my data"),
    Right.RESTRICTION: ("停止使用我的联系方式", "no further use of my contact"),
    Right.EXPLANATION: ("解释个人信息处理规则", "explanation of how data are handled"),
}
GROUND_WORDS: dict[Ground, tuple[str, str]] = {
    Ground.RETENTION: (
        "法律、行政法规规定的保存期限未满（个人信息保护法第四十七条第二款）",
        "the period for which law keeps it is not over (个人信息保护法 art. 47 para. 2)",
    ),
    Ground.DUTY: (
        "履行法定职责所必需（个人信息保护法第十三条第三项、第三十五条）",
        "a duty by law needs it (个人信息保护法 arts. 13(3), 35)",
    ),
    Ground.SECRECY: (
        "依法应当保密（个人信息保护法第十八条、第四十五条第一款）",
        "law keeps it secret (个人信息保护法 arts. 18, 45 para. 1)",
    ),
    Ground.UNVERIFIED: (
        "无法核实（个人信息保护法第四十六条第二款）",
        "it could not be verified (个人信息保护法 art. 46 para. 2)",
    ),
}


class RightRequest(Contract):
    """A request as officers see it: what is asked and by when, never what is held."""

    request_id: UUID
    complaint_id: UUID
    case_ids: tuple[UUID, ...]
    kind: Right
    state: RightState
    asked_at: Instant
    due_at: Instant | None


class RightRequests(Contract):
    """In the order of their dates."""

    items: tuple[RightRequest, ...]


class WaitingOf(Contract):
    """Which requests are asked for: those of these cases, ``limit`` of them from after the one named."""

    case_ids: tuple[UUID, ...] = Field(max_length=5_000)
    after: UUID | None = None
    limit: int = Field(ge=1, le=500)


class Decided(Contract):
    """An officer's word to the vault (the token's subject)."""

    request_id: UUID
    complaint_id: UUID
    case_id: UUID
    kind: Right
    granted: bool


class Answered(Contract):
    """The officer's answer to complaints; its text comes in the body."""

    request_id: UUID
    granted: bool
    ground: Ground | None = None


class Wanted(Contract):
    """The identity of a granted request of this complaint, for the reporter's copy."""

    request_id: UUID
    complaint_id: UUID


class Given(Contract):
    """What whoever wants a copy says of who it is, as it was typed; in the body beside the token of `Wanted`. The vault
    compares it with the identity that it opened."""

    name: str | None = Field(default=None, max_length=80)
    phone: str | None = Field(default=None, max_length=21)
    id_number: str | None = Field(default=None, max_length=40)
    email: str | None = Field(default=None, max_length=254)

    def __repr__(self) -> str:
        return "Given(…)"

    __str__ = __repr__


class Held(Contract):
    """What the vault holds, for the reporter alone: the identity, and what it was opened for and when."""

    identity: dict[str, str]
    opened: tuple[tuple[Code, Instant], ...]

    def __repr__(self) -> str:
        return "Held(…)"

    __str__ = __repr__


class Counted(Contract):
    """The date of an answer, by the clock as it is worded at the start."""

    due_at: Instant
    article: str
    provisional: bool
