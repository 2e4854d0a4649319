"""What the demonstration's people do: for each plan, the next act in each stage. Only what the public API allows."""

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml

REPLY = (
    "经核查,反映的问题已调查清楚:相关收费、诊疗和服务记录已逐项核对,责任科室已整改,处理结果已记录在案。感谢您的监督。"
)
WEAK_REPLY = "您反映的问题已收悉,已转有关科室,请知悉。"
NOTE = "请按职责办理,依法保护反映人信息。"


@dataclass(frozen=True)
class Sample:
    """One written complaint and the plan that its people follow. ``to`` is the unit that is to answer."""

    title: str
    channel: str
    category: str
    region: str
    plan: str
    narrative: str
    wants: str
    respondents: tuple[str, ...]
    reporter: dict[str, str] | None
    to: str | None = None
    via: str | None = None
    desk: str | None = None
    reason: str | None = None
    supplement: str | None = None
    rating: int | None = None
    rating_after: int | None = None

    @property
    def ways(self) -> list[str]:
        """How the reporter wants to be told."""
        return ["EMAIL"] if self.reporter and self.reporter.get("email") else []


def samples() -> list[Sample]:
    """The written complaints, in order."""
    rows: list[dict[str, Any]] = yaml.safe_load(files(__package__).joinpath("complaints.yaml").read_text("utf-8"))
    return [Sample(**{**row, "respondents": tuple(row["respondents"])}) for row in rows]


@dataclass
class Memory:
    """What one case's people remember between acts."""

    linked: bool = False
    asked: bool = False
    handed: bool = False
    transferred: bool = False
    refused_route: str | None = None
    urged: bool = False
    failed_review: bool = False
    visited: bool = False
    ratings: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """An act to send, with its fields; ``expect_refusal`` when the plan shows that the system says no."""

    act: str
    fields: dict[str, Any] = field(default_factory=dict)
    expect_refusal: bool = False


@dataclass(frozen=True)
class Say:
    """What the reporter says: a supplement or a rating."""

    kind: str
    value: Any


Next = Step | Say | None
"""None: wait, the next thing comes from a clock or from somebody else."""


def next_move(sample: Sample, memory: Memory, view: dict[str, Any]) -> Next:
    """The next move in a case as its view shows it (stage, sequence, redo_count, clocks)."""
    move = _MOVES.get(view["stage"])
    return move(sample, memory, view) if move else None


def _triage(sample: Sample, memory: Memory, view: dict[str, Any]) -> Next:
    if sample.plan == "refuse":
        return Step("REJECT", {"reason_code": sample.reason, "note": NOTE})
    if sample.plan == "other_jurisdiction" and not memory.handed:
        return Step("HAND_TO_DESK", {"unit_id": sample.desk, "note": "事发地在贵市,请按属地办理。"})
    if sample.plan.startswith("supplement") and not memory.asked:
        return Step("REQUEST_SUPPLEMENT", {"note": "请补充:具体地点、时间、当事人和能说明情况的材料。"})
    if sample.respondents and not memory.linked:
        return Step("LINK_RESPONDENTS", {"respondent_units": [accused_unit(sample)]})
    return Step("ACCEPT")


def accused_unit(sample: Sample) -> str:
    """The unit in the tree that the sample's respondents belong to."""
    place = "990200" if sample.plan == "other_jurisdiction" else sample.region
    return f"hosp-{place}-1"


def _supplement(sample: Sample, memory: Memory, view: dict[str, Any]) -> Next:
    if sample.supplement and not memory.ratings and sample.plan == "supplement":
        return Say("supplement", sample.supplement)
    return None


def _dispatch(sample: Sample, memory: Memory, view: dict[str, Any]) -> Next:
    if sample.plan == "accused_refused" and memory.refused_route is None:
        return Step("DISPATCH", {"unit_id": accused_unit(sample), "note": NOTE}, expect_refusal=True)
    first = sample.via or sample.to
    return Step("DISPATCH", {"unit_id": first, "note": NOTE})


def _dispatched(sample: Sample, memory: Memory, view: dict[str, Any]) -> Next:
    return None if sample.plan == "silent_sign" else Step("SIGN")


def _signed(sample: Sample, memory: Memory, view: dict[str, Any]) -> Next:
    if sample.plan == "transfer" and not memory.transferred:
        return Step("TRANSFER", {"unit_id": sample.to, "note": "属医保收费监管职责,现转请办理。"})
    return Step("BEGIN")


def _handling(sample: Sample, memory: Memory, view: dict[str, Any]) -> Next:
    if sample.plan == "overdue":
        overdue = any(clock["purpose"] == "HANDLE" and clock["lamp"] == "OVERDUE" for clock in view["clocks"])
        if not overdue:
            return None
        if not memory.urged:
            return Step("URGE", {"note": "已超期,请立即办理并说明原因。"})
    weak = sample.plan in ("redo", "phone_redo", "review_fail") and not view["redo_count"] and not memory.failed_review
    outcome = "EXPLAINED" if weak else "SUBSTANTIATED"
    return Step(
        "REPLY", {"public_reply": WEAK_REPLY if weak else REPLY, "outcome": outcome, "note": "核查记录已归卷。"}
    )


def _feedback(sample: Sample, memory: Memory, view: dict[str, Any]) -> Next:
    if sample.plan == "review_fail" and not memory.failed_review:
        return Step("REVIEW_FAIL", {"note": "答复没有回应诉求,请逐项说明用药依据。"})
    return Step("REVIEW_PASS")


def _visit(sample: Sample, memory: Memory, view: dict[str, Any]) -> Next:
    rating = sample.rating_after if view["redo_count"] and sample.rating_after else sample.rating
    if sample.plan.startswith("phone") and rating:
        return Step("RECORD_VISIT", {"satisfaction": rating})
    if sample.plan == "silence":
        return None if memory.visited else Step("RECORD_VISIT")
    return Say("rating", rating) if rating and len(memory.ratings) <= view["redo_count"] else None


_MOVES = {
    "TRIAGE": _triage,
    "SUPPLEMENT": _supplement,
    "PENDING_DISPATCH": _dispatch,
    "DISPATCHED": _dispatched,
    "SIGNED": _signed,
    "HANDLING": _handling,
    "REDO": _handling,
    "FEEDBACK": _feedback,
    "PENDING_VISIT": _visit,
}
ENDED = ("REJECTED", "CLOSED", "ARCHIVED")


def remember(memory: Memory, step: Step) -> None:
    """Keep what was done, once it was accepted."""
    match step.act:
        case "LINK_RESPONDENTS":
            memory.linked = True
        case "REQUEST_SUPPLEMENT":
            memory.asked = True
        case "HAND_TO_DESK":
            memory.handed = True
        case "TRANSFER":
            memory.transferred = True
        case "URGE":
            memory.urged = True
        case "REVIEW_FAIL":
            memory.failed_review = True
        case "RECORD_VISIT":
            memory.visited = True
