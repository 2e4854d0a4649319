"""A case's history in words: who by unit and role, what, where to, by when. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from contracts.lifecycle import LADDER, Act, Party
from contracts.reference import outcomes, recusals, refusals, satisfaction_levels
from services.referrals.views import StepView, TextView
from services.referrals.web.words import PARTY, Words

_HOPS = frozenset({Act.DISPATCH, Act.TRANSFER, Act.HAND_TO_DESK, Act.BYPASS, Act.DESIGNATE, Act.SUCCEED})
_ALARMS = frozenset(
    {Act.OVERDUE, Act.SIGN_LAPSED, Act.VISIT_LAPSED, Act.REVIEW_FAIL, Act.REJECT, Act.APPROVE_RETURN,
     Act.REFERRAL_RETURNED, *LADDER}
)  # fmt: skip
_WARNINGS = frozenset({Act.DUE_SOON, Act.URGE, Act.REQUEST_RETURN, Act.SUPERVISE, Act.MARK_URGENT, Act.MARK_MAJOR})


@dataclass(frozen=True)
class Text:
    """Something that an officer wrote; ``text`` None when the reader may not see it."""

    label: str
    text: str | None


@dataclass(frozen=True)
class Item:
    """One step. ``facts``: what it brought, as pairs of label and value. ``tone``: plain, hop, warn or alarm."""

    sequence: int
    act: str
    what: str
    who: str
    at: datetime
    to: str | None
    stage: str | None
    facts: tuple[tuple[str, str], ...]
    texts: tuple[Text, ...]
    due: str | None
    tone: str


def timeline(steps: Iterable[StepView], words: Words) -> list[Item]:
    """The latest step first. A deadline is told of by the step that set it, not by those that it went on through."""
    items, due = [], None
    for step in steps:
        items.append(_item(step, words, step.due if step.due != due else None))
        due = step.due
    return items[::-1]


def _item(step: StepView, words: Words, due: str | None) -> Item:
    act = step.act
    to = (step.holder or step.desk) if act in _HOPS else None
    return Item(
        sequence=step.sequence,
        act=act,
        what=words.act(act),
        who=_who(step, words),
        at=step.at,
        to=to.name if to else None,
        stage=words.stage(step.to_stage) if step.to_stage != step.from_stage else None,
        facts=tuple(_facts(step, words)),
        texts=tuple(_texts(step, words)),
        due=due,
        tone="alarm" if act in _ALARMS else "warn" if act in _WARNINGS else "hop" if act in _HOPS else "plain",
    )


def _who(step: StepView, words: Words) -> str:
    if step.party is not Party.OFFICER:
        return words.of(PARTY, step.party)
    roles = words.pick("、", ", ").join(words.role(role) for role in step.roles)
    return " · ".join(part for part in (step.unit_name or step.unit_id, roles) if part)


def _facts(step: StepView, words: Words) -> Iterable[tuple[str, str]]:
    if step.reason_code:
        found = refusals().get(step.reason_code) or recusals().get(step.reason_code)
        name = words.pick(found.name_zh, found.name_en) if found else step.reason_code
        yield words.field("reason_code", step.act), name
    if step.ground:
        yield words.field("ground"), words.ground(step.ground)
    if step.papers:
        yield words.field("papers"), words.pick("、", ", ").join(words.paper(code) for code in step.papers)
    if step.outcome:
        outcome = outcomes().get(step.outcome)
        yield words.field("outcome"), words.pick(outcome.name_zh, outcome.name_en) if outcome else step.outcome
    if step.satisfaction is not None:
        level = satisfaction_levels().get(step.satisfaction)
        named = words.pick(level.name_zh, level.name_en) if level else ""
        yield words.field("satisfaction"), f"{step.satisfaction} {named}".strip()


def _texts(step: StepView, words: Words) -> Iterable[Text]:
    if step.note is not None:
        yield Text(words.field("note"), _open(step.note))
    if step.public_reply is not None and step.act is Act.REPLY:
        yield Text(words.field("public_reply"), _open(step.public_reply))


def _open(text: TextView) -> str | None:
    return text.text
