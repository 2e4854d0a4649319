"""What people and systems send and get over HTTP. Unknown fields are refused where a person filled in a form."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from contracts.cases import Outcome
from contracts.complaints import ContactWay
from contracts.lifecycle import Act, Purpose, Stage, Track
from contracts.model import CategoryCode, Code, RegionCode
from services.complaints.domain import EvidenceState

NARRATIVE_MAX = 20_000


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise PydanticCustomError("nul_character", "Must not hold the character U+0000; remove it")
    return value


def _distinct(value: tuple[ContactWay, ...] | None) -> tuple[ContactWay, ...] | None:
    return None if value is None else tuple(dict.fromkeys(value))


def _blank_is_absent(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


_NoNul = AfterValidator(_no_nul)
_Optional = BeforeValidator(_blank_is_absent)
"""For a field of a form that may be left empty."""


def _length(maximum: int, pattern: str | None = None) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=maximum, pattern=pattern)


Narrative = Annotated[str, _length(NARRATIVE_MAX), _NoNul]
Wants = Annotated[str, _length(2_000), _NoNul]
Answer = Annotated[str, _length(2_000), _NoNul]
Respondent = Annotated[str, _length(200), _NoNul]
Name = Annotated[str, _length(80), _NoNul]
Address = Annotated[str, _length(300), _NoNul]
IdNumber = Annotated[str, _length(40, r"^[A-Za-z0-9() -]{4,40}$")]
Email = Annotated[str, _length(254, r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]
Phone = Annotated[str, _length(21, r"^\+?[0-9][0-9 -]{4,19}$")]
OpenId = Annotated[str, _length(64, r"^[A-Za-z0-9_-]+$")]
Language = Annotated[str, StringConstraints(pattern="^(zh|en)$")]
Ways = Annotated[tuple[ContactWay, ...] | None, Field(max_length=6), AfterValidator(_distinct)]
CaseNumber = Annotated[str, StringConstraints(min_length=1, max_length=60)]
QueryCode = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class Form(BaseModel):
    """A body that somebody sends us: a field we do not know is a mistake that the sender should hear of."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reporter(Form):
    """Who reports, sealed to the vault at once. Without a name the complaint counts as anonymous."""

    name: Annotated[Name | None, _Optional] = None
    id_number: Annotated[IdNumber | None, _Optional] = None
    phone: Annotated[Phone | None, _Optional] = None
    email: Annotated[Email | None, _Optional] = None
    address: Annotated[Address | None, _Optional] = None
    openid: Annotated[OpenId | None, _Optional] = None


class Submission(Form):
    """A complaint as a reporter or an operator enters it.

    ``track`` follows the category when left out. ``ways`` are the ways to tell the reporter, beside the tracking page;
    left out, they are all for which there is an address.
    """

    category: CategoryCode
    region: RegionCode
    narrative: Narrative
    track: Track | None = None
    respondents: tuple[Respondent, ...] = Field(default=(), max_length=20)
    wants: Annotated[Wants | None, _Optional] = None
    reporter: Reporter | None = None
    ways: Ways = None
    language: Language | None = None


class OperatorSubmission(Submission):
    """As an operator of the 12345 desk enters it; ``external_order`` is the desk's own order number."""

    external_order: Code | None = None


class PlatformOrder(BaseModel):
    """A work order that a 12345 platform pushes; its further fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    workordercode: Code
    workordercontent: Narrative
    area: RegionCode = Field(validation_alias=AliasChoices("area", "region"))
    category: CategoryCode
    track: Track | None = None
    respondents: tuple[Respondent, ...] = Field(default=(), max_length=20)
    wants: Annotated[Wants | None, _Optional] = None
    reporter: Reporter | None = None
    ways: Ways = None
    language: Language | None = None

    def submission(self) -> OperatorSubmission:
        """The order in our own words."""
        return OperatorSubmission(
            category=self.category,
            region=self.area,
            narrative=self.workordercontent,
            track=self.track,
            respondents=self.respondents,
            wants=self.wants,
            reporter=self.reporter,
            ways=self.ways,
            language=self.language,
            external_order=self.workordercode,
        )


class ReissueAsk(Form):
    """Who lost a query code: the name and a number as they were given. Without ``case_number``: all of them."""

    name: Name
    phone: Annotated[Phone | None, _Optional] = None
    id_number: Annotated[IdNumber | None, _Optional] = None
    case_number: Annotated[CaseNumber | None, _Optional] = None


class Asked(BaseModel):
    """The one answer to whoever asks for a new code."""

    message: str


class Verification(Form):
    """What shows that somebody is the reporter: as it was left with the complaint."""

    name: Annotated[Name | None, _Optional] = None
    phone: Annotated[Phone | None, _Optional] = None
    id_number: Annotated[IdNumber | None, _Optional] = None
    email: Annotated[Email | None, _Optional] = None


class Credentials(Form):
    """What opens a complaint to its reporter; the code as it was typed."""

    case_number: CaseNumber
    query_code: QueryCode


class Receipt(BaseModel):
    """The answer to an accepted complaint. The query code is shown here and nowhere else."""

    case_number: str
    query_code: str
    submitted_at: datetime
    message: str


class OrderReceipt(Receipt):
    """The same for a pushed work order."""

    workordercode: str


class Supplement(Credentials):
    """More from the reporter."""

    text: Narrative


class Rating(Credentials):
    """1 非常不满意 … 5 非常满意. ``part``: whose answer, of several; left out, the newest that waits for a rating."""

    satisfaction: int = Field(ge=1, le=5, strict=True)
    part: UUID | None = None


class RetaliationReport(Credentials):
    """A cry for protection: somebody retaliates because of what was reported.

    It becomes an urgent report of its own. ``reporter`` and ``ways``: where to reach you about it; left out, its
    tracking page alone tells.
    """

    text: Narrative
    respondents: tuple[Respondent, ...] = Field(default=(), max_length=20)
    reporter: Reporter | None = None
    ways: Ways = None


class Accepted(BaseModel):
    """The answer to something the reporter added."""

    id: UUID
    received_at: datetime
    message: str


class AcceptedFile(Accepted):
    """The answer to an evidence file: what we hold, for the sender to compare."""

    sha256: str
    size: int


class Note(BaseModel):
    """A text of an authority that belongs to a step. ``available`` is false while it can't be fetched."""

    available: bool
    text: str | None = None


class Entry(BaseModel):
    """One step of the case."""

    at: datetime
    act: Act
    text: str
    note: Note | None = None


class Due(BaseModel):
    """A running deadline: the instant, and the same in words (24:00 of its last day)."""

    purpose: Purpose
    name: str
    due_at: datetime
    text: str
    provisional: bool


class Reply(Note):
    """The answer, once it has passed its review."""

    at: datetime
    outcome: Outcome | None = None
    outcome_name: str | None = None


class May(BaseModel):
    """What the reporter may do now."""

    supplement: bool
    rate: bool


class Part(BaseModel):
    """One of the cases of a complaint that was split, or joined with others: where it stands, and its answer.

    ``part``: its name for this complaint alone; ``may_rate``: its answer waits for a rating; ``rating_closed``: it was
    not rated, and can't be. ``answered_before_joining``: its newest answer is from before this complaint was joined to
    the case: it takes no rating from here (``notice`` says so), and of a report's only when it was given is shown.
    """

    part: UUID
    stage: Stage
    stage_name: str
    deadline: Due | None = None
    reply: Reply | None = None
    may_rate: bool = False
    rating_closed: bool = False
    answered_before_joining: datetime | None = None
    notice: str | None = None


class OwnFile(BaseModel):
    """A file that the reporter sent: when, and in words what has become of it."""

    received_at: datetime
    state: EvidenceState
    text: str


class Tracking(BaseModel):
    """What a reporter sees of a complaint: never the narrative, never who is accused.

    ``stage``, ``deadline`` and ``reply`` are those of the first of its ``parts``: mostly there is one only.
    """

    case_number: str
    stage: Stage
    stage_name: str
    submitted_at: datetime
    entries: list[Entry]
    deadline: Due | None = None
    reply: Reply | None = None
    parts: list[Part]
    may: May
    files: list[OwnFile] = []


class AddedText(BaseModel):
    """A supplement as the officer reads it."""

    supplement_id: UUID
    at: datetime
    text: str


class EvidenceItem(BaseModel):
    """An evidence file in a list. ``sha256``, ``size`` and ``media_type`` are the sealed original's; officers get a
    copy without metadata, once ``available``. ``finding``: the virus's signature, or why a file can't be used.
    """

    evidence_id: UUID
    at: datetime
    name: str
    media_type: str
    size: int
    sha256: str
    state: EvidenceState
    finding: str | None = None
    available: bool


class ComplaintTexts(BaseModel):
    """The texts of one complaint; a field that the grant does not name is null."""

    case_number: str
    submitted_at: datetime
    narrative: str | None = None
    wants: str | None = None
    respondents: list[str] | None = None
    supplements: list[AddedText] | None = None
    evidence: list[EvidenceItem] | None = None


class Narratives(ComplaintTexts):
    """What a grant opens: the case's (first) complaint, and all of them where several share the case."""

    case_id: UUID
    complaints: list[ComplaintTexts]


class AlikeCase(BaseModel):
    """A case that looks like another one, and by what."""

    case_id: UUID
    same_reporter: bool
    similar_text: bool


class AlikeCases(BaseModel):
    """The newest first."""

    items: list[AlikeCase]


class DivisionItem(BaseModel):
    """An administrative division, or a local one such as a development zone; ``parent`` is empty for a province."""

    code: str
    name: str
    parent: str


class CategoryItem(BaseModel):
    """A sub-class of the taxonomy."""

    code: str
    parent: str
    name: str
    track: Track
