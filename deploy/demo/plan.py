"""What the demonstration's people do next in a case: what its script says, else the ordinary way to the answer."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import yaml

from contracts.lifecycle import RULE, Act, Field, Party, Seat

REPLY = (
    "经核查,反映的问题已调查清楚:相关收费、诊疗和服务记录已逐项核对,责任科室已整改,处理结果已记录在案。感谢您的监督。"
)
NOTE = "请按职责办理,依法保护反映人信息。"


@dataclass(frozen=True)
class Step:
    """An act to send.

    ``by``: the seat of the unit that does it, where not the first that the table names; ``after``: how many days since
    the case's last step it waits; ``refused``: the system is to say no; ``fields`` as the API takes them.
    """

    act: Act
    fields: dict[str, Any] = field(default_factory=dict)
    by: Seat | None = None
    after: float = 0
    refused: bool = False


@dataclass(frozen=True)
class Sample:
    """One written complaint. ``to`` is the unit that is to answer, ``accused`` the one that its respondents belong to.

    ``steps`` is its script: acts beside the ordinary way, in order, each as soon as its stage is reached. An act of a
    clock or of another case among them is waited for. ``part_of`` names the sample from which this case is split off;
    ``joins`` the one that it is merged into.
    """

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
    accused: str | None = None
    steps: tuple[Step, ...] = ()
    rating: int | None = None
    rating_after: int | None = None
    part_of: str | None = None
    joins: str | None = None

    @property
    def ways(self) -> list[str]:
        """How the reporter wants to be told."""
        return ["EMAIL"] if self.reporter and self.reporter.get("email") else []


def samples() -> list[Sample]:
    """The written complaints, in order. A part has what it does not say itself from the whole."""
    rows: list[dict[str, Any]] = yaml.safe_load(files(__package__).joinpath("complaints.yaml").read_text("utf-8"))
    whole = {row["title"]: {**row, "steps": ()} for row in rows}
    return [_sample({**whole.get(row.get("part_of", ""), {}), **row}) for row in rows]


def _sample(row: dict[str, Any]) -> Sample:
    steps = tuple(_written(**step) for step in row.get("steps", ()))
    return Sample(**{**row, "respondents": tuple(row["respondents"]), "steps": steps})


def _written(act: str, by: str | None = None, after: float = 0, refused: bool = False, **fields: Any) -> Step:
    return Step(Act(act), fields, Seat(by) if by else None, after, refused)


@dataclass(frozen=True)
class Say:
    """What the reporter says: a supplement or a rating."""

    kind: str
    value: Any


Next = Step | Say | None
"""None: wait, the next thing comes from a clock or from somebody else."""


class Script:
    """A sample's script as it is being played."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._at = 0

    def next_move(self, view: dict[str, Any]) -> Next:
        """The next move in the case as its view shows it."""
        while self._happened(view):
            self._at += 1
        step = self._step
        if step is None or view["stage"] not in RULE[step.act].stages:
            return _ordinary(self._sample, view)
        if step.act is Act.REQUEST_RETURN and _too_late_to_return(view):
            return Step(Act.RECALL, {"note": "退回期限已过,收回后重新派单。"})
        match RULE[step.act].party:
            case Party.SYSTEM:
                return None
            case Party.REPORTER:
                return Say("supplement", step.fields["text"])
        return _noted(step) if _idle(view) >= timedelta(days=step.after) else None

    def done(self, move: Step | Say) -> None:
        """Keep what was done, once it was accepted."""
        said = Act.SUPPLEMENT if isinstance(move, Say) and move.kind == "supplement" else None
        act = move.act if isinstance(move, Step) else said
        if act is Act.RECALL:
            self._at -= 1  # back to the dispatch
        elif self._step is not None and act is self._step.act:
            self._at += 1

    @property
    def _step(self) -> Step | None:
        return self._sample.steps[self._at] if self._at < len(self._sample.steps) else None

    def _happened(self, view: dict[str, Any]) -> bool:
        """True when the next step is a clock's or another case's, and the timeline shows it."""
        step = self._step
        if step is None or RULE[step.act].party is not Party.SYSTEM:
            return False
        wanted = sum(written.act is step.act for written in self._sample.steps[: self._at + 1])
        return acts(view).count(step.act) >= wanted


def acts(view: dict[str, Any]) -> list[str]:
    """What has happened in a case, oldest first."""
    return [step["act"] for step in view["timeline"]]


def _too_late_to_return(view: dict[str, Any]) -> bool:
    """On a slow machine the window may close before anybody has looked."""
    since: Iterable[str] = reversed(acts(view))
    latest = next((act for act in since if act in (Act.DISPATCH, Act.RETURN_LAPSED)), None)
    return latest == Act.RETURN_LAPSED


def _idle(view: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(view["business_time"]) - datetime.fromisoformat(view["timeline"][-1]["at"])


def _noted(step: Step) -> Step:
    if Field.NOTE not in RULE[step.act].needs or "note" in step.fields:
        return step
    return Step(step.act, {**step.fields, "note": NOTE}, step.by, step.after, step.refused)


def _ordinary(sample: Sample, view: dict[str, Any]) -> Next:
    match view["stage"]:
        case "TRIAGE" if sample.respondents and not view["linked"]:
            return Step(Act.LINK_RESPONDENTS, {"respondent_units": [sample.accused or f"hosp-{sample.region}-1"]})
        case "TRIAGE":
            return Step(Act.ACCEPT)
        case "PENDING_DISPATCH":
            return Step(Act.DISPATCH, {"unit_id": sample.to, "note": NOTE})
        case "DISPATCHED":
            return Step(Act.SIGN)
        case "SIGNED":
            return Step(Act.BEGIN)
        case "HANDLING" | "REDO":
            return Step(
                Act.REPLY, {"public_reply": REPLY, "outcome": "SUBSTANTIATED", "note": "办结报告和核查记录已归卷。"}
            )
        case "FEEDBACK":
            return Step(Act.REVIEW_PASS)
        case "PENDING_VISIT":
            rating = sample.rating_after if view["redo_count"] and sample.rating_after else sample.rating
            return Say("rating", rating) if rating else None
    return None


ENDED = ("REJECTED", "MERGED", "CLOSED", "ARCHIVED")
"""Where the play of a case ends. A merged one's reporter is answered by the main case."""
