"""What each stage means to the reporter: a headline, one sentence; and what has happened, both sides of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from operator import itemgetter

from contracts.lifecycle import ENDED, Stage
from services.chassis.problems import Lang
from services.complaints.domain import EvidenceState
from services.complaints.schemas import Entry, Note, Part, Tracking
from services.complaints.wording import file_text

_ANSWERED = "ANSWERED_BEFORE_JOINING"
"""In the place of PENDING_VISIT for who was joined after the answer, and is asked for no rating."""

# By value: what a newer version of the other services tells of has its words here before it has its stage.
_HEADLINES: dict[str, tuple[str, str]] = {
    Stage.SUBMITTED: ("已收到", "Received"),
    Stage.TRIAGE: ("正在审看", "Being examined"),
    Stage.SUPPLEMENT: ("请您补充", "More is needed from you"),
    Stage.REJECTED: ("不予受理", "Not accepted"),
    Stage.PENDING_DISPATCH: ("已受理", "Accepted"),
    Stage.DISPATCHED: ("已转交", "Handed over"),
    "RETURN_REQ": ("正在确认承办单位", "Finding the competent unit"),
    "ARBITRATION": ("正在确认承办单位", "Finding the competent unit"),
    Stage.SIGNED: ("承办单位已签收", "Confirmed by the unit"),
    Stage.HANDLING: ("正在办理", "Being handled"),
    Stage.FEEDBACK: ("答复审核中", "Answer under review"),
    Stage.PENDING_VISIT: ("已答复，请您评价", "Answered: please rate"),
    _ANSWERED: ("已答复", "Answered"),
    Stage.REDO: ("重新办理", "Being handled again"),
    "REFERRED": ("已移送其他机关", "With another authority"),
    "MERGED": ("与同一事项的反映并案办理", "Joined with others on the same matter"),
    Stage.CLOSED: ("已办结", "Closed"),
    Stage.ARCHIVED: ("已办结", "Closed"),
}
_EXPLAINED: dict[str, tuple[str, str]] = {
    Stage.SUBMITTED: ("已收到，正在登记。您不用做什么。", "Received and being registered. Nothing is asked of you."),
    Stage.TRIAGE: (
        "工作人员正在看您反映的情况，并确定由谁办理。",
        "An officer is reading what you wrote, and finds out who is competent.",
    ),
    Stage.SUPPLEMENT: (
        "还需要您补充一些情况。",
        "The office asks you for more.",
    ),
    Stage.REJECTED: (
        "这件事不由我们受理，原因和可以去的地方写在办理经过里。",
        "We can't take this on; the course below says why, and where to turn.",
    ),
    Stage.PENDING_DISPATCH: (
        "已受理，即将转交承办单位。",
        "Accepted; it is about to be handed to the unit that handles it.",
    ),
    Stage.DISPATCHED: ("已转交承办单位，等待其签收。", "Handed over; the unit has yet to confirm it."),
    "RETURN_REQ": (
        "承办单位提出不属其职责，正在核对由谁办理。",
        "The unit says it is not competent; this is being checked.",
    ),
    "ARBITRATION": ("由上级指定承办单位。", "A superior decides which unit handles it."),
    Stage.SIGNED: ("承办单位已签收，即将开始办理。", "The unit has confirmed it and will begin."),
    Stage.HANDLING: ("承办单位正在调查处理。", "The unit is looking into it."),
    Stage.FEEDBACK: (
        "已有办理结果，审核后会答复您。",
        "There is a result; you get the answer once it has been reviewed.",
    ),
    Stage.PENDING_VISIT: (
        "已答复。请看答复，并告诉我们您是否满意。",
        "Answered. Please read the answer and say whether it satisfies you.",
    ),
    _ANSWERED: (
        "您的来件并入的案件此前已经答复。您不用做什么。",
        "The case that your submission was joined to was answered before. Nothing is asked of you.",
    ),
    Stage.REDO: ("您不满意，正在重新办理。", "You were not satisfied: it is being handled again."),
    "REFERRED": (
        "已依法移送有权机关，正在等其反馈。",
        "Referred by law to the competent authority, which has yet to report back.",
    ),
    "MERGED": (
        "有人反映了同一件事，现在一起办理，结果同样答复您。",
        "Others reported the same: it is handled together, and you are answered all the same.",
    ),
    Stage.CLOSED: (
        "这件已经办完，经过和答复都在下面。",
        "This has come to its end; its course and the answer are below.",
    ),
    Stage.ARCHIVED: ("这件已经办完并归档。", "This has come to its end and is archived."),
}
_ASKED = frozenset({Stage.SUPPLEMENT, Stage.PENDING_VISIT})


def standing(part: Part) -> str:
    """What the words of a part go by: its stage, but where it waits for others' rating."""
    late = part.answered_before_joining is not None and part.stage is Stage.PENDING_VISIT
    return _ANSWERED if late else part.stage


def headline(stage: str, language: Lang) -> str:
    """The stage in a few plain words; those of a stage without its own are what it comes down to: being handled."""
    zh, en = _HEADLINES.get(stage, _HEADLINES[Stage.HANDLING])
    return zh if language == "zh" else en


def explained(stage: str, language: Lang) -> str:
    """The stage in one sentence of plain words; a general one for a stage that has none of its own."""
    zh, en = _EXPLAINED.get(
        stage, ("正在办理，有进展会写在下面。", "It is being handled; what happens is written below.")
    )
    return zh if language == "zh" else en


def mood(stage: str) -> str:
    """`ask` when the reporter is to do something, `end` when it is over, else `run`."""
    return "ask" if stage in _ASKED else "end" if stage in ENDED else "run"


def asked(seen: Tracking) -> Note | None:
    """What the authorities ask of the reporter now; None when nothing is."""
    if seen.stage is not Stage.SUPPLEMENT:
        return None
    return next((entry.note for entry in reversed(seen.entries) if entry.note), None)


@dataclass(frozen=True)
class Happening:
    """A line of what has happened: a step of the authorities, or what the reporter added (`own`)."""

    at: datetime
    text: str
    note: Note | None = None
    own: bool = False


def course(
    entries: Iterable[Entry],
    texts: Iterable[datetime],
    files: Iterable[tuple[datetime, EvidenceState]],
    language: Lang,
) -> list[Happening]:
    """Both sides of the dialogue, newest first: steps, and when the reporter's `texts` and `files` came in.

    Steps keep the order they came in, whatever their times say.
    """
    additions = [*((at, None) for at in texts), *((at, _standing_of(state)) for at, state in files)]
    steps = [Happening(entry.at, entry.text, entry.note) for entry in entries]
    placed = zip(accumulate((line.at for line in steps), max), steps, strict=True)
    own = [Happening(at, _added(kind, count, language), own=True) for (at, kind), count in Counter(additions).items()]
    lines = sorted([*placed, *((line.at, line) for line in own)], key=itemgetter(0))
    return [line for _, line in reversed(lines)]


def _standing_of(state: EvidenceState) -> EvidenceState:
    """The states that a reporter is told of: arrived, or of no use."""
    return state if state in (EvidenceState.INFECTED, EvidenceState.UNREADABLE) else EvidenceState.RECEIVED


def _added(kind: EvidenceState | None, count: int, language: Lang) -> str:
    zh = language == "zh"
    if kind is None:
        return "您补充了文字说明。" if zh else "You added a text."
    told = f"您补交了 {count} 个文件。" if zh else f"You added files: {count}."
    if kind is EvidenceState.RECEIVED:
        return told
    return told + ("" if zh else " ") + file_text(kind, language)
